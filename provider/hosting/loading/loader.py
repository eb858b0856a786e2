"""Makes the hosted services of a provider, each with a directory and settings of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from twisted.python.failure import Failure

from loopixmix.errors import ConfigError, LoopixmixError, MisuseError
from loopixmix.process.files import make_directory
from loopixmix.seams import Clock, Identity, Rng
from provider.api import (
    HostedService,
    KeyDirectory,
    PayloadService,
    ServiceContext,
    ServiceFactory,
    Setting,
    declaration_of,
)
from provider.hosting.asker import Hosted
from provider.hosting.asking.failures import ASYNCIO_CURE, innermost, is_about_asyncio
from provider.hosting.asking.limits import ServiceLimits
from provider.hosting.asking.local import LocalAsker, is_async
from provider.hosting.asking.threads import ThreadAsker
from provider.hosting.loading.factories import find_factories
from provider.hosting.loading.form import class_name, faults, refuse

SERVICES_DIRECTORY = "services"


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
        is_time_agreed: Callable[[], bool] = lambda: True,
    ) -> None:
        """`provider`: our identity. `directory`: the provider's; each service gets one of its own in it.

        Services may use `clock`, `rng` and `keys`, and ask `is_time_agreed`. `call_on_reactor`: the reactor's
        `callFromThread`. Without a reactor, as in simulations, a plain `def answer` is called at once, and not in
        threads.
        """
        self._provider = provider
        self._directory = directory / SERVICES_DIRECTORY
        self._clock = clock
        self._rng = rng
        self._keys = keys
        self._call_on_reactor = call_on_reactor
        self._is_time_agreed = is_time_agreed

    def load(
        self,
        names: Iterable[str],
        settings: Mapping[str, Mapping[str, Setting]],
        limits: Mapping[str, ServiceLimits],
    ) -> list[Hosted]:
        """Make the services `names`, each with the operator's settings and limits for it.

        Raises `ConfigError`, which names all that cannot be used, if one is not installed or cannot be used.
        """
        # All are found before one is made: a misspelt name must not leave the others begun.
        factories = find_factories(names, settings, limits)
        made: list[Hosted] = []
        wrong: list[str] = []
        for name, factory in factories.items():
            try:
                service = self._make(name, factory, settings.get(name, {}))
                made.append(
                    make_asker(service, limits.get(name, ServiceLimits()), call_on_reactor=self._call_on_reactor)
                )
            except ConfigError as error:
                wrong.append(str(error))
        refuse(wrong)
        return made

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
            is_time_agreed=self._is_time_agreed,
        )
        return make_service(name, factory, context, settings_place=f"[service.{name}] of node.toml")


def make_service(name: str, factory: ServiceFactory, context: ServiceContext, *, settings_place: str) -> HostedService:
    """Make the service `name`, and judge it; raise `ConfigError` if it cannot be made, or is none.

    `settings_place`: where the operator has its settings, for messages.
    """
    title = f'the service "{name}": class {class_name(factory)}'
    context = dataclasses.replace(context, settings=_Settings(context.settings))
    try:
        service = factory(context)
    except _NoSettingError as error:
        place = innermost(Failure())  # type: ignore[no-untyped-call]
        raise ConfigError(
            f'{title} needs the setting "{error.setting}": put it into {settings_place} ({place})'
        ) from error
    except ConfigError as error:
        raise ConfigError(f"{title}: {error}") from error
    except LoopixmixError:
        raise
    # Whatever its author forgot to check is told in one line, and not as a defect of the provider.
    except (Exception, SystemExit) as error:
        failure = Failure()  # type: ignore[no-untyped-call]
        told = f"{title} cannot be made: __init__ raised {type(error).__name__}: {error} ({innermost(failure)})"
        cure = ASYNCIO_CURE if is_about_asyncio(failure) else f"mend the class, or the settings in {settings_place}"
        raise ConfigError(f"{told}: {cure}") from error
    refuse(faults(service, name))
    return service


class _NoSettingError(KeyError):
    """There is no such setting."""

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.setting = setting


class _Settings(dict[str, Setting]):
    """Settings that know when one is asked for that is not there.

    Any other `KeyError` of a constructor is not about settings, and must not be told as if it were.
    """

    def __missing__(self, setting: str) -> Setting:
        raise _NoSettingError(setting)


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
