"""The OpenAPI 3.1 document of the local API, made of what its routes say and of the types of its bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from client.http.messages import JSON, OCTETS
from client.http.problems import Problem
from client.http.serving.described import EVENT_STREAM, RouteDescription

Json: TypeAlias = Mapping[str, object]

VERSION = "1"
_REFERENCES = "#/components/schemas/{name}"
_BYTES: Json = {"type": "string", "contentMediaType": OCTETS}
_TEXT: Json = {"type": "string"}
_EVENTS: Json = {"type": "string", "description": "Server-sent events; see docs/protocol/local-api.md."}


def openapi_document(routes: Iterable[RouteDescription]) -> Json:
    """Return the document as values that JSON can hold."""
    routes = sorted(routes, key=lambda route: (route.path, route.method))
    schemas, components = _schemas(routes)
    paths: dict[str, dict[str, Json]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The local API of a LoopixMix client",
            "version": VERSION,
            "description": "On loopback only; the address is in the file api.url of the client's directory, the bearer "
            "token in api.token. The specification is docs/protocol/local-api.md.",
        },
        "servers": [{"url": "http://127.0.0.1:{port}", "variables": {"port": {"default": "7078"}}}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
    }


def _schemas(routes: Sequence[RouteDescription]) -> tuple[Mapping[object, Json], Mapping[str, Json]]:
    types: list[object] = [Problem]
    for route in routes:
        types += [shape for shape in (route.described.takes, route.described.answers) if shape is not None]
    found, components = msgspec.json.schema_components(types, ref_template=_REFERENCES)
    return {str(shape): schema for shape, schema in zip(types, found, strict=True)}, components


def _operation(route: RouteDescription, schemas: Mapping[object, Json]) -> Json:
    said = route.described
    operation: dict[str, object] = {"operationId": route.name, "summary": route.summary}
    path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer"} if is_number else _TEXT}
        for name, is_number in route.parameters.items()
    ]
    query = [
        {"name": name, "in": "query", "required": required, "schema": _TEXT}
        for name, required in ({**said.query, **said.octets_query}).items()
    ]
    if path or query:
        operation["parameters"] = path + query
    if said.octets_query:
        operation["description"] = (
            "The parameters of the address belong to a body in plain bytes; JSON has them all in the body."
        )
        # Required in one form and refused in the other, which OpenAPI cannot say.
        for parameter in query:
            parameter["required"] = False
    if said.takes is not None:
        forms = {form: {"schema": schemas[str(said.takes)]} for form in said.takes_forms}
        if said.octets_query:
            forms[OCTETS] = {"schema": _BYTES}
        operation["requestBody"] = {"required": True, "content": forms}
    operation["responses"] = {
        str(said.status): {"description": "Success.", **_content(said.answers, said.forms, schemas)},
        "default": {
            "description": "An error: a code for programs, and a line for people.",
            "content": {JSON: {"schema": schemas[str(Problem)]}},
        },
    }
    return operation


def _content(answers: object, forms: Sequence[str], schemas: Mapping[object, Json]) -> Json:
    of_form: dict[str, Json] = {OCTETS: _BYTES, EVENT_STREAM: _EVENTS}
    if answers is not None:
        of_form[JSON] = schemas[str(answers)]
    content = {form: {"schema": of_form[form]} for form in forms}
    return {"content": content} if content else {}
