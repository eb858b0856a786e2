"""Finds hosted services by their entry points, as the operator named them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from loopixmix.errors import ConfigError, FormatError
from loopixmix.process.files import make_directory
from loopixmix.requests.names import check_name
from loopixmix.seams import Clock, Identity, Rng
from provider.api import (
    SERVICE_GROUP,
    HostedService,
    KeyDirectory,
    PayloadService,
    ServiceContext,
    ServiceFactory,
    Setting,
)

SERVICES_DIRECTORY = "services"
ALWAYS = ("loop",)
"""Hosted whatever the configuration says: without it no loop that ends at this provider would return."""


class ServiceLoader:
    """Makes the services of one provider."""

    def __init__(self, *, provider: Identity, directory: Path, clock: Clock, rng: Rng, keys: KeyDirectory) -> None:
        """`provider`: our identity. `directory`: the provider's; each service gets one of its own in it.

        Services may use `clock`, `rng` and `keys`.
        """
        self._provider = provider
        self._directory = directory / SERVICES_DIRECTORY
        self._clock = clock
        self._rng = rng
        self._keys = keys

    def load(self, names: Iterable[str], settings: Mapping[str, Mapping[str, Setting]]) -> list[HostedService]:
        """Make the services `names`; raise `ConfigError` if one is not installed or cannot be used."""
        # All are found before one is made: a misspelt name must not leave the others begun.
        factories = find_factories(names, settings)
        return [self._make(name, factory, settings.get(name, {})) for name, factory in factories.items()]

    def _make(self, name: str, factory: ServiceFactory, settings: Mapping[str, Setting]) -> HostedService:
        directory = self._directory / name
        make_directory(directory)
        context = ServiceContext(
            provider=self._provider,
            directory=directory,
            clock=self._clock,
            rng=self._rng,
            keys=self._keys,
            settings=settings,
        )
        service = factory(context)
        # The recipient id of a service is a hash of its name. Under another name than the network document lists no
        # client would reach it.
        if getattr(service, "name", None) != name:
            raise ConfigError(f'the service "{name}" calls itself "{getattr(service, "name", None)}"')
        answers = getattr(service, "answer", None)
        # A plain function would answer, and block every packet of the provider while it does.
        if not isinstance(service, PayloadService) and not inspect.iscoroutinefunction(answers):
            raise ConfigError(f'the service "{name}" has no "async def answer(self, body)"')
        return service


def find_factories(names: Iterable[str], settings: Iterable[str]) -> Mapping[str, ServiceFactory]:
    """Return what makes each of the services `names`, and those that every provider has.

    `settings`: the services that the operator has settings for. Raises `ConfigError` if one of them is not hosted, or
    if a service is not installed.
    """
    factories = {name: find_factory(name) for name in [*ALWAYS, *names]}
    # Most often a misspelt name: the service meant would run without the settings that its operator believes in.
    unused = sorted(set(settings) - set(factories))
    if unused:
        raise ConfigError(f'there are settings for the service "{unused[0]}", which is not in services')
    return factories


def find_factory(name: str) -> ServiceFactory:
    """Return what makes the service `name`; raise `ConfigError` if no installed package offers it."""
    try:
        check_name(name)
    except FormatError as error:
        raise ConfigError(f'services: "{name}" is no name of a service: {error}') from error
    found = [point for point in entry_points(group=SERVICE_GROUP) if point.name == name]
    if not found:
        offered = ", ".join(sorted({point.name for point in entry_points(group=SERVICE_GROUP)}))
        raise ConfigError(f'services: no installed package offers "{name}" (there are: {offered})')
    # Which of two packages came first on the path is no choice of the operator. The same one listed twice is harmless.
    if len({point.value for point in found}) > 1:
        raise ConfigError(f'services: more than one installed package offers "{name}"')
    return _load(found[0])


def _load(point: EntryPoint) -> ServiceFactory:
    try:
        factory: ServiceFactory = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f'services: "{point.name}" cannot be loaded from {point.value}: {error}') from error
    return factory
