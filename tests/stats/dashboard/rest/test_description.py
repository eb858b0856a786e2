"""The description of the interface: it is that of the routes, and the answers are those that it describes."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from stats.dashboard.rest.calls import CALLS
from stats.dashboard.rest.description import describe, names
from stats.dashboard.rest.routes import StatsApi

DESCRIPTION: dict[str, Any] = json.loads(msgspec.json.encode(describe(CALLS)))


def routes() -> set[tuple[str, str]]:
    """Return method and path of each route, with braces around names as OpenAPI has them."""
    found = set()
    for rule in StatsApi.app.url_map.iter_rules():
        path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
        found |= {(method, path) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    return found


def test_each_route_is_described_and_each_description_has_a_route() -> None:
    described = {(method.upper(), path) for path, calls in DESCRIPTION["paths"].items() for method in calls}
    assert routes() == described | {("GET", "/v1/openapi.json")}


def test_it_is_openapi_3_1_with_a_bearer_token_for_everything() -> None:
    assert DESCRIPTION["openapi"] == "3.1.0"
    assert DESCRIPTION["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert DESCRIPTION["security"] == [{"token": []}]
    operations = [call for calls in DESCRIPTION["paths"].values() for call in calls.values()]
    assert len({call["operationId"] for call in operations}) == len(operations) == len(CALLS)


def test_every_reference_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in DESCRIPTION["components"]["schemas"]}
    referred = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(DESCRIPTION)))
    assert referred <= known
    assert {reference for reference in known if reference.endswith("Document")} <= referred


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_names_and_fields_of_a_call_are_its_parameters(call: Any) -> None:
    told = DESCRIPTION["paths"][call.path][call.method.lower()]
    parameters = {(each["name"], each["in"], each["required"]) for each in told["parameters"]}
    in_path = {(name, "path", True) for name in names(call)}
    assert parameters == in_path | {(name, "query", name in call.needed) for name in call.query}
    assert ("requestBody" in told) == (call.method == "POST")
    assert set(told["responses"]) == {"200", "400", "401", "403", "404", "429", "503"}
