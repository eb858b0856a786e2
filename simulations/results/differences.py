"""Differences between the run that a folder keeps and the one that is to go on in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from simulations.results.manifest import Manifest
from simulations.results.provenance import COMPUTING
from simulations.sweep.points import shown


def differences(kept: Manifest, wanted: Manifest) -> Iterator[str]:
    """Yield what differs, each as "KEY was X, is Y"; the number of replicates is none: those missing are added."""
    if kept.engine != wanted.engine:
        yield f"the engine was {kept.engine}, is {wanted.engine}"
    yield from _differing_keys(_flat(msgspec.to_builtins(kept.scenario)), _flat(msgspec.to_builtins(wanted.scenario)))
    yield from _differing_keys(
        {f"the sweep of {axis.key}": _list(axis.values) for axis in kept.sweep},
        {f"the sweep of {axis.key}": _list(axis.values) for axis in wanted.sweep},
    )
    if (kept.code.fingerprint, kept.code.native) != (wanted.code.fingerprint, wanted.code.native):
        yield f"the code was {kept.code.text}, is {wanted.code.text}"
    yield from _differing_keys(
        {f"the version of {name}": kept.versions.get(name, "none") for name in COMPUTING},
        {f"the version of {name}": wanted.versions.get(name, "none") for name in COMPUTING},
    )
    yield from _differing_keys(
        {f"the content of {path}": digest[:12] for path, digest in kept.inputs.items()},
        {f"the content of {path}": digest[:12] for path, digest in wanted.inputs.items()},
    )


def _differing_keys(kept: Mapping[str, object], wanted: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys([*kept, *wanted]):
        before, now = kept.get(key, "absent"), wanted.get(key, "absent")
        # Replicates are added to what is there; all else would mix two experiments in one folder.
        if before != now and key != "run.replicates":
            yield f"{key} was {shown(before)}, is {shown(now)}"


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _list(values: tuple[object, ...]) -> str:
    return ", ".join(map(shown, values))
