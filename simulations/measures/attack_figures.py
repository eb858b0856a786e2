"""The figures of the shipped attacks by name, so that a name that none of them has is refused before a run."""

from __future__ import annotations

from collections.abc import Mapping

from loopixmix.errors import MisuseError

ATTACK_FIGURES: Mapping[str, tuple[str, ...]] = {
    "corruption": ("success", "bound"),
    "fifo": ("success", "bound", "user.success", "user.bound", "oldest.success", "oldest.bound"),
    "disclosure": ("success", "provider.success", "baseline", "rounds", "rounds_needed"),
    "intersection": ("success", "bound", "baseline", "remaining_users"),
    "flow_matching": (
        "success",
        "bound",
        "baseline",
        "expected",
        "provider.success",
        "provider.bound",
        "provider.expected",
    ),
    "n_minus_one": (
        "success",
        "bound",
        "expected",
        "detected",
        "detected_nodes",
        "detected_expected",
        "detection_s",
        "detection_expected_s",
        "false_alarms",
        "false_alarm_rate",
        "deployed.detected",
        "deployed.detected_nodes",
        "deployed.detection_s",
        "deployed.false_alarms",
    ),
    "dropping": (
        "success",
        "bound",
        "loops_lost",
        "loops_lost_expected",
        "node_loops_lost",
        "node_loops_lost_expected",
        "detected_nodes",
        "detected_users",
    ),
}
"""What follows `attack.KIND.` in the names of figures, for each kind; intervals are not listed."""

_WITH_INTERVAL = ("success", "loops_lost", "node_loops_lost", "remaining_users")


def names_of(kind: str) -> list[str]:
    """Return what follows `attack.KIND.` in the names of one attack's figures, intervals (`.low`, `.high`) included."""
    listed = ATTACK_FIGURES[kind]
    with_interval = [name for name in listed if name.split(".")[-1] in _WITH_INTERVAL]
    return [*listed, *(f"{name}.{end}" for name in with_interval for end in ("low", "high"))]


def check_attack_figure(name: str) -> None:
    """Raise `MisuseError` if no shipped attack has a figure of that name, which begins with `attack.`."""
    _, kind, figure = (*name.split(".", 2), "")[:3]
    if kind not in ATTACK_FIGURES:
        raise MisuseError(f'no attack is called "{kind}" (there are: {", ".join(ATTACK_FIGURES)})')
    if figure not in names_of(kind):
        raise MisuseError(f'attack.{kind} has no figure "{figure}" (there are: {", ".join(names_of(kind))})')
