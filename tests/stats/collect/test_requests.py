from __future__ import annotations

import pytest

from loopixmix.errors import FormatError
from stats.collect.requests import AskedOfCollector, decode_asked, encode_asked


@pytest.mark.parametrize("kind", AskedOfCollector)
def test_a_request_is_its_kind_and_its_body(kind: AskedOfCollector) -> None:
    for body in (b"", b"body", bytes(1000)):
        assert decode_asked(encode_asked(kind, body)) == (kind, body)
    assert encode_asked(kind, b"x") == bytes([kind.value]) + b"x"


@pytest.mark.parametrize("data", [b"", b"\0", b"\4body", b"\xff"])
def test_other_kinds_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_asked(data)
