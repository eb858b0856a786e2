"""Configuration files: TOML, read strictly into frozen structs, and written with a comment for each key.

Errors name the file, the key and what is allowed.
"""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import inspect

from loopixmix.directory import TrustRoot
from loopixmix.errors import ConfigError, MisuseError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Table

T = TypeVar("T")

KINDS_IN_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
"""What msgspec calls the kinds of values of TOML, for people who do not write Python."""


def load_config(path: Path, config_type: type[T]) -> T:
    """Return the TOML file at `path` as a `config_type`, a msgspec struct; raise `ConfigError` with one clear line.

    Unknown keys are refused at every level, each with the keys that are allowed there and the likeliest meant.
    """
    return parse_config(_read_text(path), config_type, source=str(path))


def load_editable(path: Path) -> TOMLDocument:
    """Return the TOML file at `path` with its comments, to be changed and written again; raise `ConfigError`."""
    # Only programs that change configurations need it, and every short command imports this module.
    import tomlkit

    text = _read_text(path)
    try:
        # What this reads, the other one can as well, and it is the stricter of the two.
        read_toml(text)
        return tomlkit.parse(text)
    except (ConfigError, tomlkit.exceptions.TOMLKitError) as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(text: str, config_type: type[T], *, source: str) -> T:
    """Return TOML text as a `config_type`; errors begin with `source`, the name of the file."""
    try:
        table = read_toml(text)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    # msgspec would refuse them, too, but names neither the keys that are allowed nor the likeliest meant.
    for fault in _unknown_keys(table, inspect.type_info(config_type), ()):
        raise ConfigError(f"{source}: {fault}")
    try:
        return msgspec.convert(table, config_type)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_in_terms_of_keys(_with_what_is_allowed(str(error), config_type))}") from error
    except MisuseError as error:
        raise ConfigError(f"{source}: {error}") from error


def read_toml(text: str) -> dict[str, Any]:
    """Return the values in TOML text; raise `ConfigError` with the reason if it is not valid."""
    try:
        # Some editors write a mark at the beginning of UTF-8, which TOML does not know.
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}") from error
    except ValueError as error:
        # Python makes no number of thousands of digits.
        raise ConfigError(f"is not valid TOML: a number has more than {sys.get_int_max_str_digits()} digits") from error
    except RecursionError as error:
        raise ConfigError("is not valid TOML: its lists or tables are nested too deeply") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def convert_options(values: object, config_type: type[T]) -> T:
    """Return the values of a command's options as a `config_type`; raise `ConfigError` that names the option."""
    try:
        return msgspec.convert(values, config_type)
    except msgspec.ValidationError as error:
        reason, _, path = _with_what_is_allowed(str(error), config_type).partition(" - at `$")
        # However deep the value lies in the struct, the option is called like its key.
        names = re.findall(r"[A-Za-z_]\w*", path)
        option = f"--{names[-1].replace('_', '-')}: " if names else ""
        raise ConfigError(option + reason[:1].lower() + reason[1:]) from error
    except MisuseError as error:
        raise ConfigError(str(error)) from error


def load_trust_root(path: Path) -> TrustRoot:
    """Return the trust root in the file `network.toml` at `path`; raise `ConfigError` if it is not one."""
    return load_config(path, TrustRoot)


def commented_toml(values: Mapping[str, object], *, head: str, comments: Mapping[str, str]) -> str:
    """Return `values` as a TOML file for people: `head` as its first comment, and above each key its own.

    `comments` are by the dotted key, as `limits.links` or, for a whole section, `limits`. A list of tables that is
    empty leaves only its comment, under which tables can be written. An empty list is one of tables if its comment
    shows how one is written, as `[[nodes]]`; a value alone does not tell.
    """
    # Imported here: only `init` commands need it, and every short command imports this module.
    import tomlkit

    document = tomlkit.document()
    _add_comment(document, head)
    _fill(document, values, comments, ())
    return tomlkit.dumps(document)


def _fill(
    table: TOMLDocument | Table, values: Mapping[str, object], comments: Mapping[str, str], where: tuple[str, ...]
) -> None:
    from tomlkit import aot, item, nl
    from tomlkit import table as new_table

    # Whatever follows a section in TOML belongs to it, so that plain keys come first.
    def is_section(key: str) -> bool:
        shown = f"[[{'.'.join((*where, key))}]]"
        return _is_section(values[key]) or (values[key] in ([], ()) and shown in comments.get(shown.strip("[]"), ""))

    for key in sorted(values, key=is_section):
        value, comment = values[key], comments.get(".".join((*where, key)), "")
        if (comment or is_section(key)) and (table.value or not where):
            table.add(nl())
        if isinstance(value, Mapping):
            section = new_table()
            _add_comment(section, comment)
            _fill(section, value, comments, (*where, key))
            table.add(key, section)
            continue
        _add_comment(table, comment)
        if is_section(key) and isinstance(value, Sequence):
            tables = aot()
            for each in value:
                tables.append(item(each))
            if tables:
                table.add(key, tables)
        else:
            table.add(key, item(value))


def _add_comment(table: TOMLDocument | Table, text: str) -> None:
    from tomlkit import comment

    for line in text.splitlines():
        table.add(comment(line))


def _is_section(value: object) -> bool:
    is_list_of_tables = isinstance(value, list | tuple) and all(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping) or (is_list_of_tables and bool(value))


def _unknown_keys(value: object, expected: inspect.Type, where: tuple[str, ...]) -> Iterator[str]:
    match expected:
        case inspect.StructType() if isinstance(value, Mapping):
            yield from _unknown_keys_of_table(value, expected, where)
        case inspect.UnionType():
            for member in expected.types:
                if isinstance(member, inspect.StructType) and _may_be(value, member):
                    yield from _unknown_keys(value, member, where)
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, Sequence):
            for number, item in enumerate(value):
                yield from _unknown_keys(item, expected.item_type, (*where[:-1], f"{where[-1]}[{number}]"))
        case inspect.DictType() if isinstance(value, Mapping):
            for key, item in value.items():
                yield from _unknown_keys(item, expected.value_type, (*where, str(key)))
        case inspect.Metadata():
            yield from _unknown_keys(value, expected.type, where)
        case _:
            pass


def _may_be(value: object, expected: inspect.StructType) -> bool:
    """Tell whether a table is one of this kind: if several kinds are allowed, a key of it says which one it is."""
    return expected.tag_field is None or (isinstance(value, Mapping) and value.get(expected.tag_field) == expected.tag)


def _unknown_keys_of_table(
    table: Mapping[str, object], expected: inspect.StructType, where: tuple[str, ...]
) -> Iterator[str]:
    fields = {field.encode_name: field.type for field in expected.fields}
    for key, value in table.items():
        if key == expected.tag_field:
            continue
        if key in fields:
            yield from _unknown_keys(value, fields[key], (*where, key))
            continue
        place = f" in [{'.'.join(where)}]" if where else ""
        close = difflib.get_close_matches(key, fields, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        yield f'unknown key "{key}"{place} (allowed: {", ".join(fields)}{hint})'


def _with_what_is_allowed(message: str, config_type: type) -> str:
    """Name the values of an enumeration, and say in words what a kind or a pattern means, in an error of msgspec."""
    reason, at, path = message.partition(" - at `$")
    expected = _type_at(inspect.type_info(config_type), re.findall(r"\.(\w+)|(\[)", path))
    words = ""
    while isinstance(expected, inspect.Metadata):
        words = words or str((expected.extra_json_schema or {}).get("description", ""))
        expected = expected.type
    if reason.startswith("Invalid enum value"):
        kinds = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
        reason += f" (allowed: {', '.join(value for kind in kinds for value in _values_of(kind))})"
    elif "matching regex" in reason and words:
        reason = f"Expected {words}"
    elif reason.startswith("Expected "):
        for kind, name in KINDS_IN_WORDS.items():
            reason = reason.replace(f"`{kind}`", name)
    return reason + at + path


def _values_of(kind: inspect.Type) -> Iterator[str]:
    match kind:
        case inspect.EnumType(cls=cls):
            yield from (str(each.value) for each in cls)
        case inspect.LiteralType(values=values):
            yield from map(str, values)
        case _:
            pass


def _type_at(expected: inspect.Type, path: Sequence[tuple[str, str]]) -> inspect.Type:
    """Return the type of a value by its path in msgspec's errors, a pair for each key or index; or what is nearest."""
    while path:
        (key, _), *path = path
        inner = _without_metadata(expected)
        candidates = inner.types if isinstance(inner, inspect.UnionType) else (inner,)
        found = None
        for candidate in candidates:
            match candidate:
                case inspect.StructType() if key:
                    found = next((field.type for field in candidate.fields if field.encode_name == key), found)
                case inspect.DictType():
                    found = candidate.value_type
                case inspect.ListType() | inspect.VarTupleType() if not key:
                    found = candidate.item_type
                case _:
                    pass
        if found is None:
            return expected
        expected = found
    return expected


def _without_metadata(expected: inspect.Type) -> inspect.Type:
    while isinstance(expected, inspect.Metadata):
        expected = expected.type
    return expected


def _in_terms_of_keys(message: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.params.layers`" into `key "params.layers": expected ...`."""
    reason, _, path = message.partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", reason)
    if missing:
        return f'key "{".".join(filter(None, (key, missing[1])))}" is missing'
    reason = reason[:1].lower() + reason[1:]
    return f'key "{key}": {reason}' if key else reason
