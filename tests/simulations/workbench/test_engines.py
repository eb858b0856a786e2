"""Engines by name, and the attacks that run beside them."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from simulations import Scenario, run


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("exakt", r'no engine is called "exakt" \(there are: exact, vector, nodes, or MODULE:ATTRIBUTE'),
        ("no_such_module:ENGINE", 'the engine "no_such_module:ENGINE" cannot be loaded: No module named'),
        (
            "tests.worlds.toys:ABSENT",
            "cannot be loaded: module 'tests.worlds.toys' has no attribute 'ABSENT'",
        ),
        ("tests.worlds.toys:NO_ENGINE", r"is no engine: it lacks run\(\) and check\(\)"),
        (":", 'no engine is called ":"'),
        ("", 'no engine is called ""'),
    ],
)
def test_engines_that_are_none_are_refused(engine: str, expected: str) -> None:
    with pytest.raises(MisuseError, match=expected):
        run(Scenario(), engine, jobs=1)
