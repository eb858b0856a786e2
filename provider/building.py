"""Puts a provider together: the one place that makes its parts and joins them."""

from __future__ import annotations

from collections.abc import Callable

from loopixmix.errors import LoopixmixError
from loopixmix.node.running import NodeParts
from provider.cards.decoys import Decoys, load_decoy_secret
from provider.cards.keydirectory import StoredKeys
from provider.config import ProviderConfig
from provider.hosting.host import ServiceHost
from provider.hosting.loading import ServiceLoader
from provider.mailbox import day_of
from provider.service import ProviderService
from provider.store import MailStore
from provider.store.access import StoreAccess, threaded_access
from provider.store.items import skip_numbers

SKIPPED_BITS = 36


async def make_provider(
    parts: NodeParts, config: ProviderConfig, *, call_on_reactor: Callable[..., object]
) -> ProviderService:
    """Open the store and the services of a provider and return its service.

    `call_on_reactor` is the reactor's `callFromThread`. Raises `StoreError` or `ConfigError`; then nothing is left.
    """
    store = MailStore(config.store_url(parts.directory))
    store.write(lambda connection: skip_numbers(connection, parts.rng.getrandbits(SKIPPED_BITS)))
    access = threaded_access(store, config.mailbox, call_on_reactor=call_on_reactor)
    try:
        host = _make_host(parts, config, access)
    except LoopixmixError:
        await access.stop()
        raise
    return ProviderService(
        node_id=parts.node_id,
        keyring=parts.keyring,
        packet_format=parts.packet_format,
        unwrapping=parts.unwrapping,
        limits=parts.limits,
        rules=config.rules,
        access=access,
        host=host,
        refuse=parts.refuse,
        clock=parts.clock,
        network=parts.network,
        rng=parts.rng,
        observer=parts.observer,
    )


def _make_host(parts: NodeParts, config: ProviderConfig, access: StoreAccess) -> ServiceHost:
    secret = load_decoy_secret(parts.directory, rng=parts.rng, today=day_of(parts.clock.seconds()))
    keys = StoredKeys(provider=parts.node_id, access=access, decoys=Decoys(secret, parts.node_id), clock=parts.clock)
    loader = ServiceLoader(
        provider=parts.node_id, directory=parts.directory, clock=parts.clock, rng=parts.rng, keys=keys
    )
    services = loader.load(config.services, config.service)
    return ServiceHost(services, rules=config.hosting, clock=parts.clock, geometry=parts.packet_format.geometry)
