"""Data in elements of ristretto255, so that it can be read back.

The encoding of an element (RFC 9496, section 4.3.2) is a number below 2^255 - 19 whose lowest bit is 0, in 32
little-endian bytes. About a quarter of such numbers are encodings. So bytes 1 to 30 hold the data, and a counter in
the upper seven bits of byte 0 and the lower seven of byte 31 is raised from 0 until the whole is an encoding. Four
attempts are needed on average. The neutral element is passed over, so that no data becomes it.

That all 16,384 attempts fail has a probability of about 2^-6800.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loopixmix.group.ristretto_rules import DATA_BYTES, IDENTITY

_COUNTER_BITS = 7


def check_data(data: bytes) -> None:
    """Raise `ValueError` if data does not have the one length that fits."""
    if len(data) != DATA_BYTES:
        raise ValueError(f"an element holds {DATA_BYTES} bytes of data, not {len(data)}")


def candidates(data: bytes) -> Iterator[bytes]:
    """Yield what may be the encoding of an element that holds `data`, in the order of the search."""
    for high in range(1 << _COUNTER_BITS):
        for low in range(1 << _COUNTER_BITS):
            candidate = bytes([low << 1]) + data + bytes([high])
            if candidate != IDENTITY:
                yield candidate


def embed(data: bytes, is_element: Callable[[bytes], bool]) -> bytes:
    """Return the encoding of the element that holds `data`. Raises `ValueError` for data of another length."""
    check_data(data)
    return next(filter(is_element, candidates(data)))


def extract(encoding: bytes, is_element: Callable[[bytes], bool]) -> bytes | None:
    """Return the data in an element; `None` if the search finds another element for that data.

    Otherwise some data would have several elements, and one choice on a ballot several spellings.
    """
    data = encoding[1:-1]
    return data if embed(data, is_element) == encoding else None
