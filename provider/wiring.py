"""Puts a provider together: the one place that makes its parts and joins them.

An operator's provider, those of simulations and those of tests are all made here. They differ in the seams they give
(clock, network, randomness, observer), and in the store's lanes and the unwrapping, which stand for disk and processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from loopixmix.cover.loops import LoopSender
from loopixmix.errors import LoopixmixError
from loopixmix.hop.service import HopService
from loopixmix.net.network import AcceptingNetwork
from loopixmix.node.running_node import NodeParts
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Clock, Identity, Observer, Rng
from loopixmix.tokens.keyfile import KeyFile
from loopixmix.tokens.redeeming import Redeeming, TakenKeys
from loopixmix.wire import Frame
from provider.agreed_time import AgreedTime
from provider.api import KeyDirectory
from provider.cards.decoys import Decoys, DecoySecret, load_decoy_secret
from provider.cards.keydirectory import StoredKeys
from provider.clients.client import Client, KnownClients
from provider.clients.guests import Guests
from provider.clients.links import ClientLinks, ClientNetwork, KeepLink, SubmitPackets
from provider.clients.recognition import Recognition
from provider.clients.registration import Registration
from provider.config import ProviderConfig, ProviderRules
from provider.drops import Drops
from provider.hosting.asker import Hosted
from provider.hosting.asking.limits import ServiceLimits
from provider.hosting.host import ServiceHost
from provider.hosting.loading.loader import ServiceLoader
from provider.hosting.memory import RequestMemory
from provider.hosting.room import SharedRoom
from provider.hosting.seams import HostingWorld
from provider.mailbox import day_of
from provider.mailboxes.deliveries import Deliveries
from provider.mailboxes.housekeeping import TURN_S, Housekeeping
from provider.mailboxes.pulling import Pulling
from provider.replies import ReplyBlocks
from provider.service import ProviderService
from provider.serving.remote import Dial, RemoteAsker
from provider.store import MailStore
from provider.store.access import MailAccess, threaded_access
from provider.store.schema import SPENT
from provider.tokens.gate import GUEST_PURPOSE, StoredGate

SKIPPED_BITS = 36
QUEUE_PULLS = 3
"""The answers to so many pulls may wait for a client that reads slowly; it gets later ones again."""
MIN_QUEUE_FRAMES = 32


async def make_provider(
    parts: NodeParts, config: ProviderConfig, *, call_on_reactor: Callable[..., object], dial: Dial
) -> ProviderService:
    """Open the store and the services of an operator's provider and return its service.

    `call_on_reactor` is the reactor's `callFromThread`; `dial` reaches services outside of the provider. Raises
    `StoreError` or `ConfigError`; then nothing is left.
    """
    store = MailStore(config.store_url(parts.directory), exclusive=True)
    access = threaded_access(
        store,
        config.mailbox,
        call_on_reactor=call_on_reactor,
        quotas=config.gateway_items,
        skipping=parts.rng.getrandbits(SKIPPED_BITS),
    )

    agreed = AgreedTime(parts.clock)

    def load_services(keys: KeyDirectory) -> Iterable[Hosted]:
        loader = ServiceLoader(
            provider=parts.hop.identity,
            directory=parts.directory,
            clock=parts.clock,
            rng=parts.rng,
            keys=keys,
            call_on_reactor=call_on_reactor,
            is_time_agreed=agreed,
        )
        inside = loader.load(config.services, config.service, config.service_limits)
        outside = remote_askers(parts, config, keys, dial)
        for asker in outside:
            asker.start()
        return [*inside, *outside]

    try:
        return wire_provider(
            hop=parts.hop,
            loops=parts.loops,
            packet_format=parts.packet_format,
            clock=parts.clock,
            network=parts.network,
            rng=parts.rng,
            observer=parts.observer,
            rules=config.rules,
            access=access,
            decoy_secret=load_decoy_secret(parts.directory, rng=parts.rng, today=day_of(parts.clock.seconds())),
            make_services=load_services,
            guest_keys=KeyFile(config.guest_keys_file(parts.directory), GUEST_PURPOSE),
            agreed=agreed,
        )
    except LoopixmixError:
        # The store's threads run already.
        await access.stop()
        raise


def remote_askers(parts: NodeParts, config: ProviderConfig, keys: KeyDirectory, dial: Dial) -> list[RemoteAsker]:
    """Return what asks the services that are programs of their own."""
    return [
        RemoteAsker(
            name,
            remote.place,
            provider=parts.hop.identity,
            keys=keys,
            dial=dial,
            clock=parts.clock,
            rng=parts.rng,
            limits=config.service_limits.get(name, ServiceLimits()),
        )
        for name, remote in config.remote.items()
    ]


def wire_provider(
    *,
    hop: HopService,
    loops: LoopSender,
    packet_format: PacketFormat,
    clock: Clock,
    network: AcceptingNetwork,
    rng: Rng,
    observer: Observer,
    rules: ProviderRules,
    access: MailAccess,
    decoy_secret: DecoySecret,
    make_services: Callable[[KeyDirectory], Iterable[Hosted]],
    guest_keys: TakenKeys,
    agreed: AgreedTime,
) -> ProviderService:
    """Return the service of a provider, which does not run yet, on the store behind `access`, which is closed with it.

    `hop` and `loops` are the node's, as `loopixmix.node.wiring` makes them. `make_services` makes the hosted services,
    which may use the key directory that it is given. `guest_keys`: those whose tokens open accounts of guests.
    `agreed`: whether the network agrees with `clock`. Raises what `make_services` raises.
    """

    def send(identity: Identity, frame: Frame) -> None:
        network.send(identity, packet_format.frames.encode(frame))

    drops = Drops(clock=clock, observer=observer)
    identity = hop.identity
    keys = StoredKeys(provider=identity, access=access, decoys=Decoys(decoy_secret, identity), clock=clock)
    blocks = ReplyBlocks(hop=hop, sphinx=packet_format.sphinx, drops=drops)
    host = ServiceHost(
        make_services(keys),
        memory=RequestMemory(access),
        world=HostingWorld(
            clock=clock,
            rng=rng,
            blocks=blocks,
            drops=drops,
            size=packet_format.geometry,
            assembling=SharedRoom(rules.hosting.assembly_bytes),
            answering=SharedRoom(rules.hosting.answer_bytes),
        ),
    )
    deliveries = Deliveries(
        identity=identity,
        sphinx=packet_format.sphinx,
        access=access,
        host=host,
        loops=loops,
        blocks=blocks,
        drops=drops,
        clock=clock,
    )
    gate = StoredGate(Redeeming(guest_keys, SPENT), access=access, clock=clock)
    guests = Guests(access=access, rules=rules.registration, gate=gate, clock=clock, rng=rng)
    clients = wire_clients(
        access=access,
        registration=Registration(
            provider=identity, access=access, rules=rules.registration, guests=guests, clock=clock, rng=rng
        ),
        guests=guests,
        rules=rules,
        submit=hop.take,
        network=ClientNetwork(send=send, keep=keeper_of(network)),
        drops=drops,
        clock=clock,
        body_bytes=packet_format.geometry.body_bytes,
    )
    housekeeping = Housekeeping(
        access=access,
        rules=rules.mailbox,
        registration=rules.registration,
        clock=clock,
        agreed=agreed,
        each_turn=(clients.forget_idle, partial(clients.pulling.measure, TURN_S), host.forget_old),
        expiring=(host.erase_ended, gate.erase_ended),
    )
    return ProviderService(
        hop=hop,
        loops=loops,
        clients=clients,
        deliveries=deliveries,
        host=host,
        housekeeping=housekeeping,
        access=access,
        network=network,
    )


def keeper_of(network: AcceptingNetwork) -> KeepLink:
    """Return what lets the links of clients stay that have an account, each with room for the answers to its pulls."""

    def keep(client: Client) -> None:
        if client.registered:
            network.vouch(client.identity, queue_frames=max(MIN_QUEUE_FRAMES, QUEUE_PULLS * client.mailbox.pull_batch))
        else:
            network.doubt(client.identity)

    return keep


def wire_clients(
    *,
    access: MailAccess,
    registration: Registration,
    guests: Guests,
    rules: ProviderRules,
    submit: SubmitPackets,
    network: ClientNetwork,
    drops: Drops,
    clock: Clock,
    body_bytes: int,
) -> ClientLinks:
    """Return the links of a provider's clients, with the parts that recognise and answer them; see `ClientLinks`.

    `body_bytes`: the length of each item's body in the answer to a pull.
    """
    return ClientLinks(
        known=KnownClients(rules=rules.clients, lease_pulls=rules.mailbox.lease_pulls, clock=clock),
        recognition=Recognition(access=access, guests=guests, drops=drops, clock=clock),
        registration=registration,
        pulling=Pulling(
            access=access,
            body_bytes=body_bytes,
            answer_s=rules.clients.answer_s,
            clock=clock,
            send=network.send,
        ),
        submit=submit,
        network=network,
        drops=drops,
        clock=clock,
    )
