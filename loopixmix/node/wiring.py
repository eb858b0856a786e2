"""How a node is put together: the one file that makes the parts that carry packets and joins them."""

from __future__ import annotations

import time

from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.hop.departures import Departures
from loopixmix.hop.intake import Intake
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.overload import Overload
from loopixmix.hop.service import HopService
from loopixmix.hop.unwrapping import ThreadedUnwrapping, Unwrapping
from loopixmix.keyring.keyring import Keyring
from loopixmix.net.limits import LinkLimits
from loopixmix.net.links.tls import TlsNetwork
from loopixmix.net.reception import Reception
from loopixmix.node.mix import MixService
from loopixmix.node.running_node import NodeParts, RunningNode
from loopixmix.node.selfcheck import Capacity
from loopixmix.node.values import NodeFiles, NodeKind, NodeWorld
from loopixmix.routing.packets import PacketFormat
from loopixmix.routing.path import Neighbourhood
from loopixmix.seams import Clock, Identity, Network, Observer
from loopixmix.wire import FrameFormat, LinkRole


def wire_node(
    files: NodeFiles,
    *,
    kind: NodeKind,
    world: NodeWorld,
    keyring: Keyring,
    packet_format: PacketFormat,
    capacity: Capacity,
    observer: Observer,
) -> RunningNode:
    """Return the part of an operator's node that carries packets of one format; it does not run yet."""
    neighbourhood = Neighbourhood(files.identity_key.public)
    limits = files.config.limits
    network = TlsNetwork(
        identity_key=files.identity_key,
        network_id=files.trust_root.network_id,
        reception=make_reception(packet_format.frames, kind.link_role, neighbourhood, world.clock),
        limits=LinkLimits(max_links=limits.links, max_links_per_address=limits.links_per_address),
        sockets=world.sockets,
        clock=world.clock,
        rng=world.rng,
        observer=observer,
    )
    unwrapping = ThreadedUnwrapping(
        packet_format.sphinx,
        threads=capacity.threads,
        unwraps_per_s=capacity.unwraps_per_s * capacity.threads,
        call_from_thread=world.call_from_thread,
        processor_s=time.thread_time,
        at_once_packets=capacity.at_once_packets,
    )
    hop = wire_hop(
        neighbourhood,
        keyring=keyring,
        frames=packet_format.frames,
        unwrapping=unwrapping,
        limits=HopLimits(
            waiting_packets=limits.waiting_packets,
            held_packets=limits.held_packets,
            batch_packets=capacity.batch_packets,
        ),
        clock=world.clock,
        network=network,
        observer=observer,
    )
    parts = NodeParts(
        directory=files.directory,
        packet_format=packet_format,
        hop=hop,
        loops=LoopSender(
            LoopMaker(hop.identity, packet_format, world.rng), clock=world.clock, network=network, observer=observer
        ),
        network=network,
        clock=world.clock,
        rng=world.rng,
        observer=observer,
    )
    return RunningNode(parts, unwrapping=unwrapping, make_service=kind.make_service)


def make_reception(frames: FrameFormat, own: LinkRole, neighbourhood: Neighbourhood, clock: Clock) -> Reception:
    """Return the judge of peers and frames for a mix or provider that stands in `neighbourhood`."""
    if own is LinkRole.MIX:
        # Links with neighbours on both sides: with those behind us because we dial them.
        return Reception(frames, own=own, role_of=neighbourhood.role_of)

    def role_at_provider(peer: Identity) -> LinkRole:
        # Every key may be a client's. A mix that does not stand before us now counts as a client without an account.
        return LinkRole.MIX if neighbourhood.takes_from(peer, clock.seconds()) else LinkRole.CLIENT

    return Reception(frames, own=own, role_of=role_at_provider)


def wire_hop(
    neighbourhood: Neighbourhood,
    *,
    keyring: Keyring,
    frames: FrameFormat,
    unwrapping: Unwrapping,
    limits: HopLimits,
    clock: Clock,
    network: Network,
    observer: Observer,
) -> HopService:
    """Return the part that takes, holds and sends packets, for the node in the middle of `neighbourhood`."""
    return HopService(
        neighbourhood,
        intake=Intake(
            keyring=keyring,
            unwrapping=unwrapping,
            overload=Overload(limits),
            batch_packets=limits.batch_packets,
            clock=clock,
            observer=observer,
        ),
        departures=Departures(
            held_packets=limits.held_packets, frames=frames, clock=clock, network=network, observer=observer
        ),
        clock=clock,
        observer=observer,
    )


async def make_mix(parts: NodeParts) -> MixService:
    """Return the service of a mix."""
    return MixService(hop=parts.hop, loops=parts.loops, network=parts.network)
