"""Blind tokens: an issuer that marks people, an issuer and a redeemer that compare times, tokens spent twice."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from twisted.internet.task import Clock

from loopixmix.directory import sign_document
from loopixmix.errors import MisuseError
from loopixmix.process.files import make_directory
from loopixmix.tokens import Token, begin_token, encode_key_set, encode_token, encode_token_key, finish_token
from loopixmix.tokens.blinding import BadSignatureError, blind, encode_pss
from provider.api import ServiceContext, ServiceRefusedError
from provider.tokens.services import RedeemerService
from tests.worlds.clients.wallets import DAY_S, KEY, MINUTE_S, WAITS, WalletWorld
from tests.worlds.mailboxes.hosted_services import NoKeys, result_of
from tests.worlds.networks.models import NOW_S, model_network
from tests.worlds.tokens import new_token, signer_of, token_key

PEOPLE = 100
HOURS = 4


@pytest.fixture
def wallet() -> Iterator[WalletWorld]:
    made = WalletWorld()
    yield made
    made.close()


class Redeemer:
    """A redeemer of answers under one key, which can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.clock.advance(NOW_S)
        self.directory = directory / "redeemer"
        make_directory(self.directory)
        self.keys = directory / "public.keys"
        self.keys.write_bytes(encode_key_set([msgspec.structs.replace(KEY, purpose="answer")]))
        self.service = self.start()

    def start(self) -> RedeemerService:
        return RedeemerService(
            ServiceContext(
                provider=bytes(32),
                directory=self.directory,
                clock=self.clock,
                rng=random.Random(1),
                keys=NoKeys(),
                settings={"purpose": "answer", "keys": str(self.keys)},
            )
        )

    def restart(self) -> None:
        result_of(self.service.close())
        self.service = self.start()

    def takes(self, token: bytes) -> bool:
        try:
            return self.service.answer(token) == b""
        except ServiceRefusedError:
            return False

    def refusal(self, token: bytes) -> str:
        with pytest.raises(ServiceRefusedError) as caught:
            self.service.answer(token)
        return str(caught.value)


@pytest.fixture
def redeemer(tmp_path: Path) -> Iterator[Redeemer]:
    made = Redeemer(tmp_path)
    yield made
    result_of(made.service.close())


def test_an_issuer_cannot_have_two_keys_for_one_purpose_at_a_time() -> None:
    """Marking by key: half of the people would be given one of them, half the other."""
    network = model_network(random.Random(1))
    two = tuple(encode_token_key(token_key(number, ends_s=1_500_000 + number)) for number in range(2))
    nodes = tuple(
        msgspec.structs.replace(node, token_keys=two) if node.name == "provider1" else node
        for node in network.document.nodes
    )
    with pytest.raises(MisuseError, match="token keys"):
        sign_document(network.document_with(nodes=nodes), network.authority)


def test_an_issuer_that_shows_another_key_from_one_epoch_to_the_next_is_found_out(wallet: WalletWorld) -> None:
    """Marking by key: those who came in this epoch would have tokens of another key than all others."""
    wallet.fetch(1)
    wallet.run(DAY_S)
    wallet.publish(token_key(1, begins_s=KEY.begins_s, ends_s=KEY.ends_s))
    wallet.fetch(1)
    wallet.run(DAY_S)
    assert len(wallet.issuer.asked) == 1
    assert "another key" in str(wallet.wallet.problem)


def test_an_issuer_that_signs_with_a_key_of_its_own_for_one_person_gives_no_token() -> None:
    """Marking by key: the token would be good only at a redeemer that is in league, and name the person there."""
    pending = begin_token(KEY, random.Random(1))
    with pytest.raises(BadSignatureError):
        finish_token(pending, signer_of(1).sign_many([b"\0" + pending.blinded[1:]])[0])


def test_what_an_issuer_has_signed_fits_every_token_alike() -> None:
    """Linking by cryptography: for each signing and each token there is a blind that leads from one to the other."""
    rng = random.Random(1)
    pending = [begin_token(KEY, rng) for _ in range(5)]
    signatures = signer_of().sign_many([each.blinded for each in pending])
    tokens = [finish_token(each, signature) for each, signature in zip(pending, signatures, strict=True)]
    blinds = []
    for each, signature in zip(pending, signatures, strict=True):
        for token in tokens:
            encoded = pow(int.from_bytes(token.signature), 65_537, KEY.modulus)
            # The blind that the client would have drawn, had this signing become this token.
            drawn = int.from_bytes(signature) * pow(int.from_bytes(token.signature), -1, KEY.modulus) % KEY.modulus
            assert encoded * pow(drawn, 65_537, KEY.modulus) % KEY.modulus == int.from_bytes(each.blinded)
            blinds.append(drawn)
    # That holds of any blinds. Those that were drawn must not be known by being the same, or small: a number up to the
    # modulus has 64 bits fewer than that once in 2^64 times.
    assert len(set(blinds)) == len(blinds)
    assert min(each.bit_length() for each in blinds) > KEY.modulus.bit_length() - 64


def test_times_of_fetching_and_spending_match_no_better_than_the_crowd_allows() -> None:
    """Issuer and redeemer together: each spending is laid to the fetching that came last before it.

    That is their best guess, for the rest is exponential. It is right if nobody else fetched in between: with a rate of
    fetching r, that is once in 1 + r * the mean rest. Null hypothesis: this rate; 100 people, three standard errors.
    """
    rng = random.Random(5)
    pairs = [visit(seed, rng.uniform(0, HOURS * 3600)) for seed in range(PEOPLE)]
    expected = 1 / (1 + PEOPLE / (HOURS * 3600) * WAITS.rest_mean_s)
    found = matched(pairs)
    assert found < expected + 3 * (expected * (1 - expected) / PEOPLE) ** 0.5
    # The same people without a rest, who spend what they fetch at once.
    assert matched([(fetched_s, fetched_s + 1) for fetched_s, _ in pairs]) > 0.9


def visit(seed: int, begin_s: float) -> tuple[float, float]:
    """Order a token, and spend it as soon as the wallet gives it; return when it was fetched and when spent."""
    person = WalletWorld(seed=seed)
    person.clock.advance(begin_s)
    person.fetch(1)
    while not person.issuer.at_s:
        person.run(MINUTE_S)
    person.wait_for_token_s()
    times = person.issuer.at_s[0], person.now_s
    person.close()
    return times


def matched(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the share of spendings whose fetching is the last before them."""
    fetched = sorted(fetched_s for fetched_s, _ in pairs)
    last = [max(each for each in fetched if each <= spent_s) for _, spent_s in pairs]
    return sum(guess == fetched_s for guess, (fetched_s, _) in zip(last, pairs, strict=True)) / len(pairs)


def test_a_token_is_spent_once_whatever_is_tried(redeemer: Redeemer) -> None:
    """Double spending: again, after a restart, as a second signature of the same message, on a clock set back."""
    token = new_token(KEY, random.Random(1))
    data = encode_token(token)
    assert redeemer.takes(data)
    assert not redeemer.takes(data)
    redeemer.restart()
    assert not redeemer.takes(data)
    assert not redeemer.takes(encode_token(signed_again(token)))
    unspent = encode_token(new_token(KEY, random.Random(2)))
    # The period ends, what was spent is erased, and then somebody sets the clock back.
    redeemer.clock.advance(KEY.ends_s - NOW_S)
    redeemer.service._tidying.stop()
    redeemer.clock.rightNow = NOW_S
    assert not redeemer.takes(data)
    assert not redeemer.takes(unspent)


def signed_again(token: Token) -> Token:
    """Return the token with another signature, which the issuer has made of the same message under another salt."""
    prepared = token.prefix + b"loopixmix/token/v1" + token.key_id
    blinded, inverse = blind(KEY.public, prepared, salt=b"s" * 48, blinding=7)
    number = int.from_bytes(signer_of().sign_many([blinded])[0]) * int.from_bytes(inverse) % KEY.modulus
    again = msgspec.structs.replace(token, signature=number.to_bytes(256))
    assert again != token
    return again


def test_a_token_is_not_made_of_others(redeemer: Redeemer) -> None:
    """Forging: by products of signatures, by the blank signature, by one that was made for something else."""
    one, two = (new_token(KEY, random.Random(number)) for number in (1, 2))
    product = int.from_bytes(one.signature) * int.from_bytes(two.signature) % KEY.modulus
    other = signer_of().sign_many([encode_pss(one.prefix + b"another use", 2047, bytes(48))])[0]
    for signature in (product.to_bytes(256), (1).to_bytes(256), bytes(256), other):
        for prefix in (one.prefix, bytes(32)):
            assert not redeemer.takes(encode_token(Token(KEY.key_id, prefix, signature)))
    assert redeemer.takes(encode_token(one))


def test_a_refusal_does_not_tell_why(redeemer: Redeemer) -> None:
    """Probing: a forged, a malformed, a foreign and a spent token are answered alike."""
    spent = encode_token(new_token(KEY, random.Random(1)))
    assert redeemer.takes(spent)
    foreign = encode_token(new_token(token_key(1), random.Random(2), 1))
    bad = (spent, spent[:-1] + bytes([spent[-1] ^ 1]), spent[:-1], b"", foreign)
    assert len({redeemer.refusal(data) for data in bad}) == 1


def test_what_a_redeemer_keeps_cannot_be_spent_or_recognised(redeemer: Redeemer) -> None:
    """Seizure: the table has hashes of what only the holder knew, and none of a period that is over."""
    token = new_token(KEY, random.Random(1))
    assert redeemer.takes(encode_token(token))
    disk = b"".join(path.read_bytes() for path in redeemer.directory.iterdir())
    for secret in (token.prefix, token.signature, token.signature[:16], token.key_id):
        assert secret not in disk
