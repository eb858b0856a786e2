"""Voters of an election for tests: each with a credential, and ballots as they would cast them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from loopixmix.group.group import Group, Scalars
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import CHOOSE, YES_NO, ElectionWorld, new_election
from tests.worlds.vote_polls import rank
from votes.ballot.ballots import CredentialPlace
from votes.ballot.checking import BallotCheck
from votes.ballot.choices import Choice, ChosenOptions, Ranking, YesOrNo
from votes.ballot.form import BallotForm, form_of
from votes.ballot.making import MadeBallot, make_ballot
from votes.record.merkle import MerkleTree, leaf_hash
from votes.record.polls import Poll

WIDE = rank(55, least=55, most=55)
"""A poll whose choices need two ciphertexts."""
POLLS = (CHOOSE, YES_NO, WIDE)
CHOICES: tuple[Choice, ...] = (ChosenOptions(frozenset({0, 2})), YesOrNo(True), Ranking(tuple(reversed(range(55)))))


@dataclass(frozen=True)
class Voter:
    """Somebody with a credential."""

    secret: Scalars
    credential: bytes
    place: CredentialPlace


class Voters:
    """An election with its voters."""

    def __init__(
        self,
        *,
        count: int = 3,
        polls: tuple[Poll, ...] = POLLS,
        seed: int = 1,
        group: Group | None = None,
        counts_only: bool = False,
    ) -> None:
        self.group = ristretto255() if group is None else group
        self.rng = random.Random(seed)
        secrets = self.group.random_scalars(self.rng, count)
        encoded = self.group.generator.times(secrets).encode()
        size = self.group.element_bytes
        by_credential = {encoded[at * size : (at + 1) * size]: secrets[at : at + 1] for at in range(count)}
        self.credentials = sorted(by_credential)
        tree = MerkleTree(leaf_hash(credential) for credential in self.credentials)
        self.world: ElectionWorld = new_election(
            self.group,
            seed=seed,
            polls=polls,
            voters=count,
            credential_root=tree.root(),
            counts_only=counts_only,
        )
        self.voters = [
            Voter(by_credential[credential], credential, CredentialPlace(index, tree.inclusion(index)))
            for index, credential in enumerate(self.credentials)
        ]

    @cached_property
    def form(self) -> BallotForm:
        return form_of(self.world.election, self.group)

    @cached_property
    def check(self) -> BallotCheck:
        return BallotCheck(self.form, is_listed=lambda credential: False)

    def made(
        self, voter: int = 0, choices: Sequence[Choice] = CHOICES, *, counter: int = 1, listed: bool = False
    ) -> MadeBallot:
        """Make a ballot. `listed`: without the proof that the credential is in the list."""
        somebody = self.voters[voter]
        return make_ballot(
            self.form,
            choices,
            secret=somebody.secret,
            counter=counter,
            place=CredentialPlace() if listed else somebody.place,
            rng=self.rng,
        )

    def cast(self, voter: int = 0, choices: Sequence[Choice] = CHOICES, *, counter: int = 1) -> bytes:
        """Make a ballot, as bytes."""
        return self.made(voter, choices, counter=counter).ballot.encoding
