"""What a route takes and answers, said beside the route: the OpenAPI document is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

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
    """A route with its description; `rule` is its path as Werkzeug matches it.

    `parameters` are the parts of its path and whether they are numbers.
    """

    name: str
    summary: str
    method: str
    rule: str
    path: str
    parameters: Mapping[str, bool]
    described: Description


def route(method: str, rule: str, description: Description) -> Callable[[F], F]:
    """Answer `method` at `rule`, in the form of Werkzeug's rules, by the method of a class that is decorated."""

    def mark(function: F) -> F:
        setattr(function, _MARK, (method, rule, description))
        return function

    return mark


_MARK = "_route"


def described_routes(subjects: Iterable[type]) -> Iterator[RouteDescription]:
    """Yield the routes of the classes `subjects` with what they say of themselves."""
    for subject in subjects:
        for name, function in vars(subject).items():
            if not hasattr(function, _MARK):
                continue
            method, rule, description = getattr(function, _MARK)
            yield RouteDescription(
                name=name,
                summary=(function.__doc__ or "").strip().splitlines()[0],
                method=method,
                rule=rule,
                path=_PARAMETER.sub(lambda match: "{" + match["name"] + "}", rule),
                parameters={match["name"]: match["kind"] == "int" for match in _PARAMETER.finditer(rule)},
                described=description,
            )


NOTHING = Description(status=204, forms=())
OCTETS_ANSWER = Description(forms=(OCTETS,))
