"""Finds hosted services by their entry points, as the operator named them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from loopixmix.errors import ConfigError, FormatError, LoopixmixError, MisuseError
from loopixmix.process.files import make_directory
from loopixmix.requests.names import check_name
from loopixmix.seams import Clock, Identity, Rng
from provider.api import (
    SERVICE_GROUP,
    HostedService,
    KeyDirectory,
    PayloadService,
    RecognisingService,
    ServiceContext,
    ServiceFactory,
    Setting,
    declaration_of,
)
from provider.hosting.asker import Hosted
from provider.hosting.asking.limits import ServiceLimits
from provider.hosting.asking.local import LocalAsker, is_async
from provider.hosting.asking.threads import ThreadAsker

SERVICES_DIRECTORY = "services"
ALWAYS = ("loop",)
"""Hosted whatever the configuration says: without it no loop that ends at this provider would return."""


class ServiceLoader:
    """Makes the services of one provider."""

    def __init__(
        self,
        *,
        provider: Identity,
        directory: Path,
        clock: Clock,
        rng: Rng,
        keys: KeyDirectory,
        call_on_reactor: Callable[..., object] | None,
    ) -> None:
        """`provider`: our identity. `directory`: the provider's; each service gets one of its own in it.

        Services may use `clock`, `rng` and `keys`. `call_on_reactor`: the reactor's `callFromThread`. Without a
        reactor, as in simulations, a plain `def answer` is called at once, and not in threads.
        """
        self._provider = provider
        self._directory = directory / SERVICES_DIRECTORY
        self._clock = clock
        self._rng = rng
        self._keys = keys
        self._call_on_reactor = call_on_reactor

    def load(
        self,
        names: Iterable[str],
        settings: Mapping[str, Mapping[str, Setting]],
        limits: Mapping[str, ServiceLimits],
    ) -> list[Hosted]:
        """Make the services `names`, each with the operator's settings and limits for it.

        Raises `ConfigError` if one is not installed or cannot be used.
        """
        # All are found before one is made: a misspelt name must not leave the others begun.
        factories = find_factories(names, settings, limits)
        return [
            make_asker(
                self._make(name, factory, settings.get(name, {})),
                limits.get(name, ServiceLimits()),
                call_on_reactor=self._call_on_reactor,
            )
            for name, factory in factories.items()
        ]

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
        service = make_service(name, factory, context)
        # The recipient id of a service is a hash of its name. Under another name than the network document lists no
        # client would reach it.
        if getattr(service, "name", None) != name:
            raise ConfigError(f'the service "{name}" calls itself "{getattr(service, "name", None)}"')
        if not isinstance(service, PayloadService | RecognisingService) and not callable(
            getattr(service, "answer", None)
        ):
            raise ConfigError(f'the service "{name}" has no method "answer"')
        return service


def make_service(name: str, factory: ServiceFactory, context: ServiceContext) -> HostedService:
    """Make a service; raise `ConfigError` if it cannot be made, most often for want of a setting."""
    try:
        return factory(context)
    except LoopixmixError:
        raise
    # Whatever its author forgot to check is told in one line, and not as a defect of the provider.
    except Exception as error:
        raise ConfigError(f'the service "{name}" cannot be made: {type(error).__name__}: {error}') from error


def make_asker(
    service: HostedService, limits: ServiceLimits, *, call_on_reactor: Callable[..., object] | None
) -> Hosted:
    """Return what asks a service of this process: on the reactor, or in threads if it has a plain `def answer`.

    `limits`: the operator's. `call_on_reactor`: see `ServiceLoader`. Raises `ConfigError` if its declaration is wrong.
    """
    if isinstance(service, PayloadService):
        return service
    try:
        declaration = limits.change(declaration_of(service))
    except MisuseError as error:
        raise ConfigError(f"services: {error}") from error
    if is_async(service) or call_on_reactor is None:
        return LocalAsker(service, declaration)
    return ThreadAsker(service, declaration, call_on_reactor=call_on_reactor)


def find_factories(
    names: Iterable[str], settings: Iterable[str], limits: Iterable[str] = ()
) -> Mapping[str, ServiceFactory]:
    """Return what makes each of the services `names`, and those that every provider has.

    `settings`, `limits`: the services that the operator has settings and limits for. Raises `ConfigError` if one of
    them is not hosted, or if a service is not installed.
    """
    factories = {name: find_factory(name) for name in [*ALWAYS, *names]}
    # Most often a misspelt name: the service meant would run without the settings that its operator believes in.
    for kind, named in (("settings", settings), ("limits", limits)):
        unused = sorted(set(named) - set(factories))
        if unused:
            raise ConfigError(f'there are {kind} for the service "{unused[0]}", which is not in services')
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
