"""Declarations say what is allowed."""

from __future__ import annotations

import msgspec
import pytest

from loopixmix.errors import MisuseError
from provider.api import Declaration

LIMITS = [name for name in Declaration.__struct_fields__ if name != "recognises_repetition"]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_is_over_0(name: str, value: float) -> None:
    with pytest.raises(MisuseError, match=f"{name} of a service must be over 0, not {value}"):
        Declaration(**{name: value})


def test_a_declaration_travels() -> None:
    declaration = Declaration(at_once=3, timeout_s=0.5, recognises_repetition=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(declaration), type=Declaration) == declaration
