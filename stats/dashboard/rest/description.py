"""The description of the REST interface (OpenAPI 3.1), made of its calls and of the types of its bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from stats.dashboard.rest.calls import ApiCall
from stats.dashboard.rest.documents import ErrorDocument

VERSION = "1.0.0"
JSON = "application/json"
FILES = ("text/csv", "application/vnd.apache.parquet")
REFUSALS = {
    "400": "The call is not understood.",
    "401": "There is no bearer token that counts.",
    "403": "The analyst does not have the right to do this.",
    "404": "There is no such survey or question.",
    "429": "There are too many calls.",
    "503": "It cannot be done just now.",
}
_NAMES = re.compile(r"\{([a-z_]+)\}")


def describe(calls: Sequence[ApiCall]) -> dict[str, object]:
    """Return the description of `calls`."""
    types = {each for call in calls for each in (call.takes, call.gives) if each is not None}
    ordered = [ErrorDocument, *sorted(types, key=lambda each: each.__name__)]
    _, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, object]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "LoopixMix: private statistics",
            "version": VERSION,
            "description": "Estimates from randomised reports. Intervals are 95 % and hold sampling and privacy noise.",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _operation(call: ApiCall) -> dict[str, object]:
    told: dict[str, object] = {
        "operationId": call.name,
        "summary": call.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names(call)),
            *(
                {
                    "name": name,
                    "in": "query",
                    "required": name in call.needed,
                    "description": words,
                    "schema": {"type": "string"},
                }
                for name, words in call.query.items()
            ),
        ],
        "responses": {"200": _good(call), **{code: _refusal(words) for code, words in REFUSALS.items()}},
    }
    if call.right is not None:
        told["description"] = f"Needs the right to {call.right.value}."
    if call.takes is not None:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": _reference(call.takes)}}}
    return told


def names(call: ApiCall) -> list[str]:
    """Return the names in the path of a call."""
    return _NAMES.findall(call.path)


def _good(call: ApiCall) -> dict[str, object]:
    if call.gives is None:
        return {"description": "A file.", "content": {kind: {} for kind in FILES}}
    return {"description": "What was asked for.", "content": {JSON: {"schema": _reference(call.gives)}}}


def _refusal(words: str) -> dict[str, object]:
    return {"description": words, "content": {JSON: {"schema": _reference(ErrorDocument)}}}


def _reference(kind: type[msgspec.Struct]) -> Mapping[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
