"""The `loopixmix` command: finds its subcommands by entry points and turns errors into one line and an exit code."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, TypeAlias

import click

from loopixmix import __version__
from loopixmix.errors import LoopixmixError, MisuseError
from loopixmix.extras import missing_extra
from loopixmix.process.files import NO_ROOM, file_error
from loopixmix.process.limits import forbid_core_dumps

COMMANDS_GROUP = "loopixmix.commands"
EXIT_FAILED = 1
EXIT_MISUSE = 2
EXIT_INTERRUPTED = 130
SHOWN_BEFORE = 30
"""So many characters before and after what is no text are shown with it."""


class CommandError(LoopixmixError):
    """The command cannot be loaded: a part of the installation is missing or broken."""


class OutputError(LoopixmixError):
    """Standard output cannot be written."""


FindCommands: TypeAlias = Callable[[], Iterable[EntryPoint]]


def installed_commands() -> Iterable[EntryPoint]:
    """Return what all installed packages offer as commands; if two offer one name, this package's own comes last."""
    return sorted(entry_points(group=COMMANDS_GROUP), key=_is_ours)


class EntryPointGroup(click.Group):
    """A group whose commands are entry points, each imported only when it is called.

    The overview reads each command's summary from its source without running it, so that `--help` is quick and a broken
    command spoils no other.
    """

    def __init__(self, name: str, *, help: str, find: FindCommands) -> None:
        """`find`: returns the entry points of its commands; of one name the last counts."""
        super().__init__(name=name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._find = find

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return the names of the commands that are installed."""
        return sorted(self._entry_points())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command `cmd_name`; None if no package offers it."""
        entry_point = self._entry_points().get(cmd_name)
        if entry_point is None:
            return None
        try:
            command = entry_point.load()
        except (ImportError, AttributeError) as error:
            reason = _what_stands_in_the_way(error) or str(error)
            raise CommandError(f'the command "{cmd_name}" cannot be loaded: {reason}') from error
        if not isinstance(command, click.Command):
            raise CommandError(f'the command "{cmd_name}" cannot be loaded: {entry_point.value} is no click command')
        _tell_whole_summaries(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the overview of commands without importing them."""
        rows = [(name, _summary(entry_point)) for name, entry_point in sorted(self._entry_points().items())]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {entry_point.name: entry_point for entry_point in self._find()}


def _tell_whole_summaries(command: click.Command) -> None:
    """Let overviews tell the first sentence of each command's help, however long: click would cut it to the line."""
    command.short_help = command.short_help or command.get_short_help_str(limit=sys.maxsize)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _tell_whole_summaries(each)


HELP = """Run and use a Loopix mix network.

`loopixmix demo` starts a whole network on this machine and uses it; `loopixmix COMMAND --help` explains a command.
"""

loopixmix = click.version_option(__version__, prog_name="loopixmix")(
    EntryPointGroup("loopixmix", help=HELP, find=installed_commands)
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 on success, 1 on failure, 2 for bad input, 130 when interrupted."""
    # For every Python that is started from here, also by the standard library: modules that happen to lie in the
    # directory where somebody works are not to be run.
    os.environ["PYTHONSAFEPATH"] = "1"
    # Commands have keys in memory, too: of trustees, of accounts.
    forbid_core_dumps()
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None, *, command: click.Command = loopixmix) -> int:
    """Run `command` and return its exit code; every expected error becomes one line on stderr."""
    _escape_what_a_terminal_cannot_show()
    try:
        exit_code = _run(arguments, command)
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is found out here, and not when Python exits
    except BrokenPipeError:
        sys.stderr.close()  # the reader is gone: Python would complain a second time when it flushes at exit
        return EXIT_FAILED
    except OSError as error:
        # The error of a full disk does not say which file it was; of standard output, the next attempt fails too.
        if error.filename is None and _is_full(sys.stdout):
            return _complain(OutputError(f"standard output cannot be written: {error.strerror}"), EXIT_FAILED)
        if error.filename is None and error.errno not in NO_ROOM:
            raise
        # A file that the user named, for most commands: where it is theirs to choose, its faults are theirs to mend.
        failed = "a file cannot be written" if error.filename is None else f"{_shown(error.filename)}: cannot be used"
        return _complain(file_error(error, failed), EXIT_FAILED)
    return exit_code


def _run(arguments: Sequence[str] | None, command: click.Command) -> int:
    try:
        result = command.main(arguments, prog_name="loopixmix", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"loopixmix: {_one_line(error)}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except SystemExit as ended:
        # By commands whose verdict is bad, and by click if the reader of standard output is gone.
        if not isinstance(ended.code, int):
            raise
        return ended.code
    except ImportError as error:
        reason = _what_stands_in_the_way(error)
        if reason is None:
            raise
        return _complain(CommandError(reason), EXIT_FAILED)
    except UnicodeEncodeError as error:
        # Python keeps bytes of arguments and of names of files that are no UTF-8 as halves of surrogate pairs.
        wrong = error.object[error.start : error.end]
        if not all("\udc80" <= character <= "\udcff" for character in wrong):
            raise
        told = _shown(error.object[max(0, error.start - SHOWN_BEFORE) : error.end + SHOWN_BEFORE])
        return _complain(MisuseError(f"an argument, or the name of a file, is no UTF-8: {told}"), EXIT_MISUSE)
    except MisuseError as error:
        return _complain(error, EXIT_MISUSE)
    except LoopixmixError as error:
        return _complain(error, EXIT_FAILED)
    return result if isinstance(result, int) else 0


def _escape_what_a_terminal_cannot_show() -> None:
    """Let escapes stand for characters that a terminal or a file cannot take: each would be a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _shown(name: object) -> str:
    return ascii(os.fsdecode(name) if isinstance(name, str | bytes) else name)


def _is_full(output: TextIO | None) -> bool:
    """Tell whether nothing more can be written to `output`; if so, what is still to be written goes nowhere."""
    if output is None:
        return False
    try:
        descriptor = output.fileno()
    except OSError:  # it is no file, as in a test
        return False
    try:
        output.flush()
        # Without a buffer there is nothing to flush. What fills a disk leaves no room for a single octet.
        os.write(descriptor, b"\n")
    except OSError:
        # Python would complain a second time when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        return True
    return False


def _complain(error: LoopixmixError, exit_code: int) -> int:
    text = " ".join(str(error).split()) or (error.__doc__ or "").splitlines()[0]
    click.echo(f"loopixmix: {text}", err=True)
    return exit_code


def _one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{text} (see {context.command_path} --help)" if context else text


def _what_stands_in_the_way(error: Exception) -> str | None:
    """Tell why an import failed, if a user can help it: a file of theirs in our way, or a library of an extra."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    taken = getattr(sys.modules.get(package), "__file__", None)
    ours = Path(__file__).parents[1] / package / "__init__.py"
    if taken is None or not ours.is_file() or Path(taken).resolve() == ours:
        # Commands import what they need when they need it, and not everybody has installed all of it.
        return missing_extra(error) if isinstance(error, ModuleNotFoundError) else None
    return f"{taken} stands in the way of loopixmix's own package `{package}`: rename it, or start in another directory"


def _is_ours(entry_point: EntryPoint) -> bool:
    return entry_point.dist is not None and entry_point.dist.name == "loopixmix"


def _summary(entry_point: EntryPoint) -> str:
    """Return the first line of the command's docstring, read from its source."""
    try:
        spec = find_spec(entry_point.module)
        tree = ast.parse(Path(spec.origin).read_bytes()) if spec and spec.origin else None
    except (ImportError, OSError, SyntaxError, ValueError):
        tree = None
    if tree is None:
        return "(not installed)"
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry_point.attr]
    docstring = ast.get_docstring(named[0]) if named else ast.get_docstring(tree)
    return (docstring or "").partition("\n")[0].rstrip(".")


if __name__ == "__main__":
    main()
