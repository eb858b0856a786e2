"""Latencies from a table of sites: each node and user stands at one of them."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulations.latency.model import FloatArray, IntArray
from simulations.latency.places import Places

# For how many users sites are drawn. User `i` beyond them stands where user `i % MAX_USER_SITES` does: more sites would
# change no mean, and take memory for each user.
MAX_USER_SITES = 2**20


class TableLatency:
    """Seconds between sites; nothing is drawn for a packet.

    Memory: the table, and two bytes for each node and user, 1,048,576 users at most: never users x nodes.
    """

    def __init__(
        self, table_s: FloatArray, *, places: Places, node_sites: IntArray, user_sites: IntArray, last_mile_s: float
    ) -> None:
        """`table_s`: seconds from site to site; `node_sites`, `user_sites`: where they stand, in the order of `places`.

        `last_mile_s` comes on top for each end that is a user.
        """
        self._table_s = table_s
        self._places = places
        # Two bytes a site: a million users take 2 MB, and a matrix has 4,096 places at most.
        self._node_sites = node_sites.astype(np.uint16)
        self._user_sites = user_sites.astype(np.uint16)
        self._sites: NDArray[np.uint16] = np.concatenate((self._node_sites, self._user_sites))
        self._last_mile_s = last_mile_s

    def draw_s(self, sender: int, receiver: int, rng: Random) -> float:  # noqa: ARG002
        """Return the table's entry and the last miles."""
        users = int(sender >= self._places.first_user) + int(receiver >= self._places.first_user)
        return float(self._table_s[self._site(sender), self._site(receiver)]) + users * self._last_mile_s

    def draw_many_s(self, senders: IntArray, receivers: IntArray, generator: Generator) -> FloatArray:  # noqa: ARG002
        """Return the table's entries and the last miles, one for each pair."""
        latencies_s = self._table_s[self._sites_of(senders), self._sites_of(receivers)]
        if self._last_mile_s:
            latencies_s += self._last_mile_s * np.greater_equal(senders, self._places.first_user)
            latencies_s += self._last_mile_s * np.greater_equal(receivers, self._places.first_user)
        return latencies_s

    def _site(self, place: int) -> int:
        user = place - self._places.first_user
        return int(self._sites[place]) if user < 0 else int(self._user_sites[user % self._user_sites.size])

    def _sites_of(self, places: IntArray) -> NDArray[np.uint16]:
        found = np.asarray(places)
        if found.size and found.max() >= self._sites.size:
            beyond = found >= self._sites.size
            within = (found - self._places.first_user) % self._user_sites.size + self._places.first_user
            found = np.where(beyond, within, found)
        return self._sites[found]
