"""Errors go over HTTP and come back in their own class."""

from __future__ import annotations

import pytest

from client import api
from client.http.problems import PROBLEMS, Problem, error_of, problem_of
from loopixmix.errors import LoopixmixError

CLIENT_ERRORS = [
    value for value in vars(api).values() if isinstance(value, type) and issubclass(value, api.ClientError)
]


@pytest.mark.parametrize(("code", "status", "error_class"), PROBLEMS)
def test_each_class_has_its_code(code: str, status: int, error_class: type[LoopixmixError]) -> None:
    assert problem_of(error_class("why")) == (status, Problem(code, "why"))
    assert type(error_of(Problem(code, "why"))) is error_class
    assert str(error_of(Problem(code, "why"))) == "why"


@pytest.mark.parametrize("error_class", CLIENT_ERRORS)
def test_each_error_of_the_interface_comes_back_as_itself(error_class: type[LoopixmixError]) -> None:
    assert type(error_of(problem_of(error_class("why"))[1])) is error_class


def test_codes_are_not_shared() -> None:
    codes = [code for code, _, _ in PROBLEMS]
    assert len(set(codes)) == len(codes)


def test_an_error_without_words_has_its_docstring() -> None:
    assert problem_of(api.QueueFullError())[1].message == (
        "The queue of messages to send is full; wait until some have left."
    )


def test_an_unknown_code_is_an_error_all_the_same() -> None:
    assert type(error_of(Problem("from_the_future", "why"))) is api.ClientError


def test_a_new_kind_of_error_is_told_by_its_family() -> None:
    class NewError(api.ClientError):
        """Something new."""

    assert problem_of(NewError("x"))[1].error == "client"
    assert problem_of(LoopixmixError("x")) == (500, Problem("internal", "x"))
