"""Configuration files: TOML read strictly into frozen structs, with errors that name file, key and what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import inspect

from loopixmix.directory import TrustRoot
from loopixmix.errors import ConfigError, MisuseError

T = TypeVar("T")


def load_config(path: Path, config_type: type[T]) -> T:
    """Return the TOML file at `path` as a `config_type`, a msgspec struct; raise `ConfigError` with one clear line.

    Unknown keys are refused at every level, each with the keys that are allowed there and the likeliest meant.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    return parse_config(text, config_type, source=str(path))


def parse_config(text: str, config_type: type[T], *, source: str) -> T:
    """Return TOML text as a `config_type`; errors begin with `source`, the name of the file."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: is not valid TOML: {error}") from error
    for fault in _unknown_keys(table, inspect.type_info(config_type), ()):
        raise ConfigError(f"{source}: {fault}")
    try:
        return msgspec.convert(table, config_type)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_in_terms_of_keys(str(error))}") from error
    except MisuseError as error:
        raise ConfigError(f"{source}: {error}") from error


def load_trust_root(path: Path) -> TrustRoot:
    """Return the trust root in the file `network.toml` at `path`; raise `ConfigError` where it is not one."""
    return load_config(path, TrustRoot)


def _unknown_keys(value: object, expected: inspect.Type, where: tuple[str, ...]) -> Iterator[str]:
    match expected:
        case inspect.StructType() if isinstance(value, Mapping):
            yield from _unknown_keys_of_table(value, expected, where)
        case inspect.UnionType():
            for member in expected.types:
                if isinstance(member, inspect.StructType):
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


def _unknown_keys_of_table(
    table: Mapping[str, object], expected: inspect.StructType, where: tuple[str, ...]
) -> Iterator[str]:
    fields = {field.encode_name: field.type for field in expected.fields}
    for key, value in table.items():
        if key in fields:
            yield from _unknown_keys(value, fields[key], (*where, key))
            continue
        place = f" in [{'.'.join(where)}]" if where else ""
        close = difflib.get_close_matches(key, fields, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        yield f'unknown key "{key}"{place} (allowed: {", ".join(fields)}{hint})'


def _in_terms_of_keys(message: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.params.layers`" into `key "params.layers": expected ...`."""
    reason, _, path = message.partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", reason)
    if missing:
        return f'key "{".".join(filter(None, (key, missing[1])))}" is missing'
    reason = reason[:1].lower() + reason[1:]
    return f'key "{key}": {reason}' if key else reason
