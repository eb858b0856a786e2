"""An operator's limits take the place of those that a service declares."""

from __future__ import annotations

from provider.api import Declaration
from provider.hosting.asking.limits import ServiceLimits


def test_only_what_the_operator_says_is_changed() -> None:
    declared = Declaration(at_once=3, timeout_s=5.0, recognises_repetition=True)
    assert ServiceLimits().change(declared) == declared
    changed = ServiceLimits(at_once=9, kept_bytes=1).change(declared)
    assert changed == Declaration(at_once=9, timeout_s=5.0, kept_bytes=1, recognises_repetition=True)


def test_every_limit_that_is_declared_can_be_changed() -> None:
    declared = set(Declaration.__struct_fields__) - {"recognises_repetition"}
    assert set(ServiceLimits.__struct_fields__) == declared
