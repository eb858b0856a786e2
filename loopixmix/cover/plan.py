"""One loop: drawn, then made. A loop goes to a provider's loop service and comes back by a reply block."""

from __future__ import annotations

from dataclasses import dataclass, field

from loopixmix.directory import Document, NodeEntry
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import (
    LOOP_PAYLOAD,
    LOOP_SERVICE,
    choose_loop_end,
    choose_mixes,
    deliver_to,
    draw_delays_s,
    hops_for,
    service_id,
)
from loopixmix.seams import Identity, Rng
from loopixmix.sphinx import Reply, SurbKeys, make_surb, wrap

SURB_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """The path and delays that were drawn for one loop: out to the node that ends it, and back."""

    out: tuple[NodeEntry, ...]
    back: tuple[NodeEntry, ...]
    out_delays_s: tuple[float, ...]
    back_delays_s: tuple[float, ...]
    surb_id: bytes

    @property
    def delays_s(self) -> float:
        """The sum of all delays."""
        return sum(self.out_delays_s) + sum(self.back_delays_s)

    @property
    def delay_count(self) -> int:
        """How many delays there are."""
        return len(self.out_delays_s) + len(self.back_delays_s)


@dataclass(frozen=True, slots=True)
class MadeLoop:
    """A loop that is ready to leave: its plan, the frame of its packet, and the keys that open what comes back."""

    plan: LoopPlan
    frame: bytes
    keys: SurbKeys


def draw_loop(document: Document, me: NodeEntry, rng: Rng) -> LoopPlan:
    """Draw a loop of the node `me`, which is in `document`.

    A mix of layer i sends on to layer i + 1 and gets it back from layer i - 1, as it does with everybody's packets; a
    provider's loop crosses all layers both ways. Raises `UnavailableError` if no provider ends loops.
    """
    layers = document.params.layers
    end = choose_loop_end(document, rng)
    out = (*choose_mixes(document, range((me.layer or 0) + 1, layers + 1), rng), end)
    back = (end, *choose_mixes(document, range(1, me.layer or layers + 1), rng), me)
    return LoopPlan(
        out=out,
        back=back,
        out_delays_s=draw_delays_s(len(out) - 1, document.params, rng),
        back_delays_s=draw_delays_s(len(back) - 1, document.params, rng),
        surb_id=rng.randbytes(SURB_ID_BYTES),
    )


@dataclass(frozen=True)
class LoopMaker:
    """Makes the loops of the node `identity`, whose packets are of `packet_format`, with randomness of `rng`."""

    identity: Identity
    packet_format: PacketFormat
    rng: Rng = field(repr=False)

    def make(self, document: Document, me: NodeEntry, *, start_s: float) -> MadeLoop:
        """Return a loop that leaves at `start_s`; `me` is this node in `document`.

        Raises `UnavailableError` if no provider ends loops.
        """
        plan = draw_loop(document, me, self.rng)
        # First all that is drawn of the way, then the packets: one seed gives the same bytes whatever wraps them.
        sphinx, rng = self.packet_format.sphinx, self.rng
        turn_s = start_s + sum(plan.out_delays_s)
        back = hops_for(document, plan.back, Reply(self.identity, plan.surb_id), plan.back_delays_s, start_s=turn_s)
        surb, keys = make_surb(plan.back[0].id, back, sphinx=sphinx, rng=rng)
        final = deliver_to(service_id(LOOP_SERVICE), LOOP_PAYLOAD, surb)
        out = hops_for(document, plan.out, final, plan.out_delays_s, start_s=start_s)
        packet = wrap(out, LOOP_PAYLOAD, sphinx=sphinx, rng=rng, surb=surb)
        return MadeLoop(plan, self.packet_format.frames.packet_frame(packet), keys)
