"""One-time links: each opens one session, once, within minutes."""

from __future__ import annotations

from loopixmix.bounds import BoundedMap
from loopixmix.seams import Clock, Rng
from loopixmix.web.visiting.sessions import make_secret, name_of_secret

LINK_LIFE_S = 5 * 60.0
MOST_LINKS = 16


class OneTimeLinks:
    """The links to one application's pages that were given out and not used yet."""

    def __init__(self, *, clock: Clock, rng: Rng) -> None:
        """Begin without a link. `rng` makes the secrets: the system's, outside of tests."""
        self._clock = clock
        self._rng = rng
        self._ends_at_s: BoundedMap[bytes, float] = BoundedMap(MOST_LINKS)

    def make(self) -> str:
        """Return the secret of a new link; of more than `MOST_LINKS` unused ones the oldest no longer counts."""
        secret = make_secret(self._rng)
        self._ends_at_s[name_of_secret(secret)] = self._clock.seconds() + LINK_LIFE_S
        return secret

    def is_good(self, secret: str) -> bool:
        """Tell whether a link could be used now."""
        ends_at_s = self._ends_at_s.get(name_of_secret(secret))
        # Longer than its whole life it can only have left if the clock was set back.
        return ends_at_s is not None and 0 < ends_at_s - self._clock.seconds() <= LINK_LIFE_S

    def use(self, secret: str) -> bool:
        """Use a link up; tell whether it was good."""
        is_good = self.is_good(secret)
        self._ends_at_s.pop(name_of_secret(secret), None)
        return is_good
