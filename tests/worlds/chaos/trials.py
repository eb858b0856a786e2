"""What trials find: figures with bounds, which become one verdict at the end of the run."""

from __future__ import annotations

from loopixmix.verdict import Check


class Trial:
    """Notes what a trial finds, and fails it at once if that is wrong."""

    def __init__(self, found: list[Check]) -> None:
        """`found`: what all trials of this run have found so far."""
        self._found = found

    def check(self, name: str, value: float, *, most: float | None = None, least: float | None = None) -> None:
        """Note a figure; it must not be above `most`, nor below `least`."""
        bounds = [f"at most {most:g}"] if most is not None else []
        bounds += [f"at least {least:g}"] if least is not None else []
        passed = (most is None or value <= most) and (least is None or value >= least)
        self._found.append(Check(name=name, passed=passed, value=round(value, 3), expected=", ".join(bounds)))
        assert passed, f"{name}: {value:g}, expected {', '.join(bounds)}"
