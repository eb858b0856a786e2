"""The rules of an election as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from nacl.bindings import crypto_scalarmult

from loopixmix.errors import FormatError
from loopixmix.group.group import BadElementError, Elements, Group
from votes.record.canonical import MOST_NUMBER
from votes.record.election import MOST_RECORD_BYTES, VERSION, Election, ElectionParty, TrusteeParty, encode_election
from votes.record.merkle import EMPTY_ROOT, HASH_BYTES
from votes.record.rules.polls import poll_faults
from votes.record.rules.ranges import NAME, Allowed, RuleFault, count_faults, number_faults, text_faults, unique_faults
from votes.record.signing import check_identity

TITLE = Allowed(1, 200)
DESCRIPTION = Allowed(0, 10_000)
POLLS = Allowed(1, 64)
TRUSTEES = Allowed(1, 32)
MIXERS = Allowed(1, 16)
VOTERS = Allowed(0, 2**24)
SECONDS = Allowed(0, MOST_NUMBER)
SALT_BYTES = 16
_X25519_PRIME = 2**255 - 19


def faults(election: Election, group: Group) -> list[RuleFault]:
    """Return all rules that a complete record breaks."""
    found = [*draft_faults(election, group), *_credentials(election), *_key(election, group)]
    if not found and len(encode_election(election)) > MOST_RECORD_BYTES:
        found.append(RuleFault("the record", f"is too long; allowed are {MOST_RECORD_BYTES} bytes"))
    return found


def listed_faults(election: Election, group: Group) -> list[RuleFault]:
    """Return the rules that a draft breaks when the list of credentials is there, and the key is still to be made."""
    return [*draft_faults(election, group), *_credentials(election)]


def draft_faults(election: Election, group: Group) -> list[RuleFault]:
    """Return the rules that a draft breaks: those that need neither the list of credentials nor the key."""
    return [*_words(election, group), *_polls(election), *_parties(election), *_dates(election)]


def _words(election: Election, group: Group) -> Iterator[RuleFault]:
    yield from number_faults("version", election.version, Allowed(VERSION, VERSION))
    yield from text_faults("title", election.title, TITLE)
    yield from text_faults("description", election.description, DESCRIPTION, lines=True)
    if election.group != group.name:
        yield RuleFault("group", f"is {election.group!r}; allowed is {group.name}")


def _polls(election: Election) -> Iterator[RuleFault]:
    yield from count_faults("polls", election.polls, POLLS)
    yield from unique_faults("polls", [poll.id for poll in election.polls])
    for number, poll in enumerate(election.polls):
        yield from poll_faults(poll, f"polls[{number}]")


def _parties(election: Election) -> Iterator[RuleFault]:
    yield from count_faults("trustees", election.trustees, TRUSTEES)
    yield from count_faults("mixers", election.mixers, MIXERS)
    yield from number_faults("threshold", election.threshold, Allowed(1, len(election.trustees)))
    named = _named_parties(election)
    for field, party in named:
        yield from text_faults(f"{field}.name", party.name, NAME)
        try:
            check_identity(party.identity)
        except FormatError as error:
            yield RuleFault(f"{field}.identity", f"is wrong: {error}")
    # Whoever has two roles could play them against each other; the roles are apart for a reason.
    yield from unique_faults("the identities of all parties", [party.identity for _, party in named])
    for number, trustee in enumerate(election.trustees):
        if not _is_encryption_key(trustee.encryption_key):
            yield RuleFault(
                f"trustees[{number}].encryption_key",
                "is wrong; allowed are 32 bytes: a canonical X25519 key, and not of low order",
            )


def _named_parties(election: Election) -> list[tuple[str, ElectionParty | TrusteeParty]]:
    return [
        ("administrator", election.administrator),
        ("credential_authority", election.credential_authority),
        ("board", election.board),
        *((f"trustees[{number}]", each) for number, each in enumerate(election.trustees)),
        *((f"mixers[{number}]", each) for number, each in enumerate(election.mixers)),
    ]


def _is_encryption_key(key: bytes) -> bool:
    if len(key) != 32 or int.from_bytes(key, "little") >= _X25519_PRIME:
        return False
    try:
        # A key of low order makes every shared secret zero, which libsodium refuses (RFC 7748, section 6.1).
        crypto_scalarmult(bytes(32), bytes(key))
    except RuntimeError:
        return False
    return True


def _dates(election: Election) -> Iterator[RuleFault]:
    yield from number_faults("opens_at", election.opens_at, SECONDS)
    yield from number_faults("closes_at", election.closes_at, Allowed(election.opens_at + 1, MOST_NUMBER))
    yield from number_faults("codes_erased_by", election.codes_erased_by, Allowed(election.closes_at, MOST_NUMBER))


def _credentials(election: Election) -> Iterator[RuleFault]:
    yield from number_faults("voters", election.voters, VOTERS)
    yield from count_faults("salt", election.salt, Allowed(SALT_BYTES, SALT_BYTES), "bytes")
    yield from count_faults("credential_root", election.credential_root, Allowed(HASH_BYTES, HASH_BYTES), "bytes")
    if (election.voters == 0) != (election.credential_root == EMPTY_ROOT):
        yield RuleFault(
            "credential_root", "does not fit the number of voters; only without voters it is that of no list"
        )


def _key(election: Election, group: Group) -> Iterator[RuleFault]:
    threshold = election.threshold
    found = list(count_faults("key_commitments", election.key_commitments, Allowed(threshold, threshold)))
    commitments = _elements(group, list(election.key_commitments))
    if commitments is None:
        found.append(RuleFault("key_commitments", f"is wrong; allowed are canonical elements of {group.name}"))
    elif len(commitments) and commitments.is_identity()[0]:
        found.append(RuleFault("key_commitments[0]", "is the neutral element; allowed is any other"))
    shares = [trustee.public_share for trustee in election.trustees]
    # The shares follow from the commitments; only commitments that are right tell anything of them.
    if not found and commitments is not None and shares != _public_shares(group, commitments, len(shares)):
        found.append(RuleFault("trustees", "have public shares that do not follow from key_commitments"))
    yield from found


def _elements(group: Group, encodings: list[bytes]) -> Elements | None:
    if any(len(each) != group.element_bytes for each in encodings):
        return None
    try:
        return group.elements(b"".join(encodings))
    except BadElementError:
        return None


def _public_shares(group: Group, commitments: Elements, count: int) -> list[bytes]:
    """Return `Y_k = sum over j of k^j C_j` for k from 1 (docs/protocol/votes.md, 5.1)."""
    shares = []
    for number in range(1, count + 1):
        powers = [pow(number, power, group.order) for power in range(len(commitments))]
        shares.append(group.multi_scalar(group.scalars_of(powers), commitments).encode())
    return shares
