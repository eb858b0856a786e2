"""Epochs: the numbered, equally long spans of time in which one network document and one mix key hold."""

from __future__ import annotations


def epoch_at(now_s: float, epoch_length_s: int) -> int:
    """Return the number of the epoch that contains `now_s` (Unix seconds)."""
    return int(now_s // epoch_length_s)


def epoch_start_s(epoch: int, epoch_length_s: int) -> int:
    """Return the first second of `epoch`, which is also the end of the one before."""
    return epoch * epoch_length_s
