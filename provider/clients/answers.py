"""The answers to wishes for an account, and what all new accounts have in common."""

from __future__ import annotations

from typing import TypeAlias

from loopixmix.wire import Registered, RegisterRefused

FIRST_NUMBER_BITS = 56
"""Items are numbered from a random start, so that the numbers do not tell how many there were."""

Answer: TypeAlias = Registered | RegisterRefused
