"""Judges whether an object is a hosted service: what is missing, misnamed or of the wrong kind, each with its cure.

A service is somebody else's code, and Python asks no more of it than that its methods are there when they are called. A
wrong one would show at the first request, or when the provider stops. So all that can be seen is looked at before.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from loopixmix.errors import ConfigError, MisuseError
from provider.api import Declaration, HostedService, declaration_of

ARGUMENTS = {"answer": ("body",), "answer_again": ("repetition_key", "body"), "reply": ("payload",), "close": ()}
"""The methods that the provider calls, and with what."""

_ANSWERING = ("answer", "answer_again", "reply")
_ALIKE = 0.7
"""A method whose name is so like a missing one is taken for a slip of the pen (`difflib.SequenceMatcher.ratio`)."""


def refuse(faults: Sequence[str]) -> None:
    """Raise `ConfigError` with all of the faults in one line, if there are any."""
    if faults:
        raise ConfigError("; ".join(faults))


def class_faults(factory: object, name: str) -> list[str]:
    """Return what is wrong with the class of the service `name`, as far as it shows before one is made.

    `factory`: what its entry point names. If that is no class, nothing shows yet.
    """
    if not inspect.isclass(factory):
        return []
    return [f"{_title(factory, name)} {fault}" for fault in [*_kind_faults(factory), *_double_faults(factory)]]


def faults(service: object, name: str) -> list[str]:
    """Return what is wrong with a service that has been made; `name` is the one that it is hosted under."""
    if inspect.iscoroutine(service):
        service.close()
        return [f'the service "{name}" is made by an "async def": write it with a plain "def"']
    found = [
        *_name_faults(service, name),
        *_missing_faults(service),
        *_kind_faults(service),
        *_double_faults(service),
        *_argument_faults(service),
        *_declaration_faults(service),
    ]
    return [f"{_title(type(service), name)} {fault}" for fault in found]


def class_name(factory: object) -> str:
    """Return the module and name of a class, for messages."""
    return f"{getattr(factory, '__module__', '')}.{getattr(factory, '__qualname__', repr(factory))}"


def _title(kind: type, name: str) -> str:
    return f'the service "{name}": class {class_name(kind)}'


def _name_faults(service: object, name: str) -> Iterator[str]:
    # The recipient id of a service is a hash of its name. Under another name than the network document lists no client
    # would reach it.
    own = getattr(service, "name", None)
    if own is None:
        yield f'has no attribute "name": write  name = "{name}"'
    elif own != name:
        yield f'calls itself "{own}": write  name = "{name}", as its entry point does'


def _missing_faults(service: object) -> Iterator[str]:
    there = [method for method in _ANSWERING if callable(getattr(service, method, None))]
    if not there:
        yield f'has no method "answer": {_misnamed(service, "answer") or "write  async def answer(self, body)"}'
    for method in ("answer_again", "close"):
        if not hasattr(service, method) and (other := _written_otherwise(service, method)):
            yield f'has a method "{other}", which is never called: call it {method}'


def _kind_faults(owner: object) -> Iterator[str]:
    """Yield the methods that are not to be awaited and are, or the other way round; `owner`: a service or its class."""
    for method in ARGUMENTS:
        called = getattr(owner, method, None)
        if called is None:
            continue
        # What a decorator has put around a method is written so that this finds the method (`functools.wraps`).
        written = inspect.unwrap(called) if callable(called) else called
        if not callable(called):
            yield f'has an attribute "{method}" that is no method: call it something else'
        elif inspect.isgeneratorfunction(written) or inspect.isasyncgenfunction(written):
            yield f'has a method "{method}" that yields: return the answer, and wait with "async def" and "await"'
        elif method == "close" and not inspect.iscoroutinefunction(written):
            yield 'has a plain "def close", and the provider awaits it: write "async def close(self)"'
        elif method == "reply" and inspect.iscoroutinefunction(written):
            yield 'has an "async def reply", and its result is sent at once: write a plain "def reply", or "answer"'


def _double_faults(owner: object) -> Iterator[str]:
    if hasattr(owner, "reply"):
        for method in ("answer", "answer_again"):
            if hasattr(owner, method):
                yield (
                    f'has a method "reply" besides "{method}": that is the method of services that answer whole '
                    f"payloads, and {method} would never be called: call it something else"
                )
                return


def _argument_faults(service: object) -> Iterator[str]:
    for method, arguments in ARGUMENTS.items():
        called = getattr(service, method, None)
        if callable(called) and not _takes(called, len(arguments)):
            written = ", ".join(("self", *arguments))
            yield f'has a method "{method}" with other arguments: write  {method}({written})'


def _declaration_faults(service: object) -> Iterator[str]:
    if not hasattr(service, "declaration"):
        other = next((each for each in _attributes(service) if _is_declaration(service, each)), None)
        if other is not None:
            yield f'has a Declaration in "{other}", where it does not count: call it declaration'
        recognises = False
    else:
        try:
            recognises = declaration_of(cast(HostedService, service)).recognises_repetition
        except MisuseError as error:
            yield f"is declared wrongly: {error}"
            return
    if hasattr(service, "answer_again") and not recognises:
        yield (
            'has a method "answer_again", which is never called: '
            "write  declaration = Declaration(recognises_repetition=True)"
        )


def _takes(method: Callable[..., object], count: int) -> bool:
    try:
        inspect.signature(method).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True  # written in C, without a signature
    return True


def _misnamed(service: object, method: str) -> str | None:
    close = difflib.get_close_matches(method, list(_methods(service)), n=1, cutoff=_ALIKE)
    return f'is "{close[0]}" meant? Then call it {method}' if close else None


def _written_otherwise(service: object, method: str) -> str | None:
    plain = method.replace("_", "")
    return next((each for each in _methods(service) if each.replace("_", "").lower() == plain), None)


def _methods(service: object) -> Iterable[str]:
    return (each for each in _attributes(service) if inspect.isroutine(inspect.getattr_static(service, each, None)))


def _is_declaration(service: object, name: str) -> bool:
    # Not by `getattr`: a property would do its work, whatever that is.
    return isinstance(inspect.getattr_static(service, name, None), Declaration)


def _attributes(service: object) -> Iterable[str]:
    return (each for each in dir(service) if not each.startswith("__"))
