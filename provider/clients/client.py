"""The clients that a provider has heard of lately, each with its mailbox, its allowance and its account."""

from __future__ import annotations

import math
from collections.abc import Mapping

from loopixmix.bounds import BoundedMap
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, Identity
from loopixmix.wire import Frame
from provider.clients.allowance import Allowance, ClientRules
from provider.mailbox import Mailbox
from provider.mailboxes.pulling import Puller

NO_GATEWAYS: Mapping[Identity, NetworkParams] = {}
FORGET_S = 600.0
"""Longer than a client needs to connect again, so that what it was given does not come twice for that."""


class Client(Puller):
    """One client's link. `held` are frames that wait until the store has told whether there is an account."""

    __slots__ = ("allowance", "asking", "checked_at_s", "held", "seen_at_s")

    def __init__(self, identity: Identity, mailbox: Mailbox, allowance: Allowance) -> None:
        """`identity`, `mailbox` and `allowance`: the client's. Whether it has an account is not known yet."""
        super().__init__(identity, mailbox)
        self.allowance = allowance
        self.asking = False
        self.held: list[Frame] = []
        self.seen_at_s = 0.0
        self.checked_at_s = 0.0


class KnownClients:
    """The clients of one provider, by identity key; those that were idle for long are forgotten.

    A client that is forgotten loses nothing: its items stay in the store, and those it was given come again.
    """

    def __init__(self, *, rules: ClientRules, lease_pulls: int, clock: Clock) -> None:
        """`rules`: for each client. `lease_pulls`: after so many pulls an item not acknowledged comes again."""
        self._rules = rules
        self._lease_pulls = lease_pulls
        self._clock = clock
        self._params: NetworkParams | None = None
        self._gateways = NO_GATEWAYS
        # Links of any key are admitted, so the memory for them is bounded: the idlest makes room.
        self._clients: BoundedMap[Identity, Client] = BoundedMap(rules.max_known)

    def __len__(self) -> int:
        """Return how many clients were heard of lately."""
        return len(self._clients)

    def adopt(self, params: NetworkParams, gateways: Mapping[Identity, NetworkParams] = NO_GATEWAYS) -> None:
        """Go on with the figures of a new network document; `gateways`: those of gateways, by their keys."""
        self._params, self._gateways = params, gateways
        now_s = self._clock.seconds()
        for client in self._clients.values():
            figures = gateways.get(client.identity, params)
            client.allowance.adopt(figures, now_s)
            client.mailbox.pull_batch = figures.pull_batch
            client.mailbox.lease_pulls = self._leased_for(figures, params)

    def heard(self, identity: Identity) -> Client | None:
        """Return the client of a link that just sent something; None before `adopt` has told any rates."""
        if self._params is None:
            return None
        now_s = self._clock.seconds()
        client = self._clients.get(identity)
        if client is None:
            client = self._clients[identity] = self._newcomer(identity, self._params, now_s)
        self._clients.move_to_end(identity)
        client.seen_at_s = now_s
        return client

    def forget_idle(self) -> None:
        """Forget the clients that were not heard of for `FORGET_S`."""
        now_s = self._clock.seconds()
        while self._clients:
            identity, client = next(iter(self._clients.items()))
            if client.seen_at_s > now_s:
                # By a clock that was ahead: nobody would be forgotten before that time has come.
                for each in self._clients.values():
                    each.seen_at_s = min(each.seen_at_s, now_s)
            if client.seen_at_s > now_s - FORGET_S:
                return
            del self._clients[identity]

    def _newcomer(self, identity: Identity, params: NetworkParams, now_s: float) -> Client:
        figures = self._gateways.get(identity, params)
        mailbox = Mailbox(pull_batch=figures.pull_batch, lease_pulls=self._leased_for(figures, params))
        return Client(identity, mailbox, Allowance(figures, self._rules, now_s))

    def _leased_for(self, figures: NetworkParams, params: NetworkParams) -> int:
        # A gateway that pulls ten times as often needs as many seconds as others to store what it was given.
        return max(self._lease_pulls, math.ceil(self._lease_pulls * figures.pull_rate_per_s / params.pull_rate_per_s))
