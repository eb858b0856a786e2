"""The witness as a hosted service."""

from __future__ import annotations

from loopixmix.bounds import BoundedMap
from loopixmix.errors import PeerError
from provider.api import ServiceContext, ServiceRefusedError
from votes.record.heads import SignedHead
from votes.witness.requests import MOST_HEADS, SERVICE, decode_shown, encode_heads

MOST_ELECTIONS = 10_000
"""Elections that are remembered; a new one pushes the one out that nobody asked about for longest."""

_Heads = dict[tuple[int, bytes], SignedHead]


class WitnessService:
    """Remembers the newest heads of boards that were shown to it, and tells them to whoever shows another one.

    Whoever makes up many boards can make it forget the others; then it knows what is shown from then on. It judges
    nothing: two heads of one board that do not go together are found by those who ask. It forgets all when
    its provider stops; voters and auditors show it their heads again.
    """

    name = SERVICE

    def __init__(self, context: ServiceContext) -> None:  # noqa: ARG002 (every service is handed one)
        """`context`: the same for every service; this one needs nothing of it."""
        self._elections: BoundedMap[tuple[bytes, bytes], _Heads] = BoundedMap(MOST_ELECTIONS)

    async def answer(self, body: bytes) -> bytes:
        """Remember the head that is shown, and return all that were."""
        try:
            shown = decode_shown(body)
        except PeerError as error:
            raise ServiceRefusedError("this is no head that a board signed") from error
        key = shown.board, shown.head.head.fingerprint
        if key not in self._elections:
            self._elections[key] = {}
        heads = self._elections[key]
        self._elections.move_to_end(key)
        heads.setdefault((shown.head.head.size, shown.head.head.root), shown.head)
        # The newest stay. Of one size there may be two: then the board showed two logs, and both are worth keeping.
        for oldest in sorted(heads)[:-MOST_HEADS]:
            del heads[oldest]
        return encode_heads([heads[each] for each in sorted(heads)])
