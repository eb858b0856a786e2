"""Every length follows from two numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import MisuseError
from loopixmix.params import NetworkParams
from loopixmix.sphinx import Geometry


def test_the_default_geometry_has_the_lengths_of_the_specification() -> None:
    geometry = Geometry()

    assert (geometry.hops, geometry.payload_bytes) == (5, 2048)
    assert geometry.beta_bytes == 274
    assert geometry.header_bytes == 322
    assert geometry.surb_bytes == 370
    assert geometry.content_bytes == 2419
    assert geometry.body_bytes == 2436
    assert geometry.packet_bytes == 2758


@given(hops=st.integers(1, 32), payload_bytes=st.integers(1, 65_536))
def test_the_parts_add_up_to_the_packet(hops: int, payload_bytes: int) -> None:
    geometry = Geometry(hops=hops, payload_bytes=payload_bytes)

    assert geometry.beta_bytes == hops * (1 + 41) + (hops - 1) * 16
    assert geometry.packet_bytes == geometry.header_bytes + geometry.body_bytes
    assert geometry.body_bytes == 16 + 1 + geometry.surb_bytes + payload_bytes + 1
    assert [geometry.path_padding_bytes(n) for n in (hops, 1)] == [0, (hops - 1) * 58]


@pytest.mark.parametrize(("hops", "payload_bytes"), [(0, 2048), (-1, 2048), (33, 2048), (5, 0), (5, -1), (5, 65_537)])
def test_a_geometry_out_of_range_is_refused(hops: int, payload_bytes: int) -> None:
    with pytest.raises(MisuseError, match=str(hops if not 1 <= hops <= 32 else payload_bytes)):
        Geometry(hops=hops, payload_bytes=payload_bytes)


def test_a_network_has_a_provider_at_each_end_of_its_layers() -> None:
    assert Geometry.for_network(NetworkParams(layers=4, payload_bytes=1500)) == Geometry(hops=6, payload_bytes=1500)
