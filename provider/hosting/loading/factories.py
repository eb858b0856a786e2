"""Finds what makes a hosted service: by the entry points of installed packages, as the operator named them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from loopixmix.errors import ConfigError, FormatError
from loopixmix.requests.names import check_name
from provider.api import SERVICE_GROUP, ServiceFactory
from provider.hosting.loading.form import class_faults, refuse

ALWAYS = ("loop",)
"""Hosted whatever the configuration says: without it no loop that ends at this provider would return."""


def find_factories(
    names: Iterable[str], settings: Iterable[str], limits: Iterable[str] = ()
) -> Mapping[str, ServiceFactory]:
    """Return what makes each of the services `names`, and those that every provider has.

    `settings`, `limits`: the services that the operator has settings and limits for. Raises `ConfigError` if one of
    them is not hosted, or if a service is not installed, or if its class shows already that it is none.
    """
    factories = {name: find_factory(name) for name in [*ALWAYS, *names]}
    # Most often a misspelt name: the service meant would run without the settings that its operator believes in.
    for kind, named in (("settings", settings), ("limits", limits)):
        unused = sorted(set(named) - set(factories))
        if unused:
            raise ConfigError(f'there are {kind} for the service "{unused[0]}", which is not in services')
    # Told of all at once: whoever mends one should not meet the next one at the next start.
    refuse([fault for name, factory in factories.items() for fault in class_faults(factory, name)])
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
    # Whatever a module does when it is imported: it is somebody else's code.
    except Exception as error:
        raise ConfigError(
            f'services: "{point.name}" cannot be loaded from {point.value}: {type(error).__name__}: {error}'
        ) from error
    if not callable(factory):
        raise ConfigError(
            f'services: "{point.name}" is {point.value}, which is no class: its entry point names one, '
            f'as in {point.name} = "{point.value.partition(":")[0]}:Service"'
        )
    return factory
