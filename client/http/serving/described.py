"""What a route takes and answers, said beside the route: the OpenAPI document is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from werkzeug.routing import Map

from client.http.messages import JSON, OCTETS

F = TypeVar("F", bound=Callable[..., object])

EVENT_STREAM = "text/event-stream"

_PARAMETER = re.compile(r"<(?:(?P<kind>int)(?:\([^)]*\))?:)?(?P<name>\w+)>")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a route takes and answers.

    `query`: the parameters of the address, by name, and whether each is required; with a body in plain bytes those of
    `octets_query` come instead of `takes`. `answers`: the type of a JSON answer; `forms`: the media types of answers.
    """

    takes: object = None
    takes_forms: tuple[str, ...] = (JSON,)
    query: Mapping[str, bool] = field(default_factory=dict)
    octets_query: Mapping[str, bool] = field(default_factory=dict)
    answers: object = None
    forms: tuple[str, ...] = (JSON,)
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class RouteDescription:
    """A route with its description; `parameters` are the parts of its path and whether they are numbers."""

    name: str
    summary: str
    method: str
    path: str
    parameters: Mapping[str, bool]
    described: Description


def described(description: Description) -> Callable[[F], F]:
    """Say what the route below takes and answers."""

    def mark(function: F) -> F:
        setattr(function, _MARK, description)
        return function

    return mark


_MARK = "_description"


def described_routes(api: type, routes: Map) -> Iterator[RouteDescription]:
    """Yield the `routes` of the class `api` with what they say of themselves."""
    for rule in routes.iter_rules():
        function = getattr(api, rule.endpoint)
        [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        yield RouteDescription(
            name=rule.endpoint,
            summary=(function.__doc__ or "").strip().splitlines()[0],
            method=method,
            path=_PARAMETER.sub(lambda match: "{" + match["name"] + "}", rule.rule),
            parameters={match["name"]: match["kind"] == "int" for match in _PARAMETER.finditer(rule.rule)},
            described=getattr(function, _MARK),
        )


NOTHING = Description(status=204, forms=())
OCTETS_ANSWER = Description(forms=(OCTETS,))
