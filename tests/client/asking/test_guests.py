"""A client as a guest: at any provider that takes it, and again when its account has ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import BadRequestError, NoTokenError, RegistrationRefusedError
from client.asking.account import RENEW_AGAIN_S
from client.asking.guests import GuestOpening
from client.core.settings import ClientSettings
from client.link.registration import Registration
from client.link.session import Account
from loopixmix.errors import UnavailableError
from loopixmix.tokens import Token, encode_token
from loopixmix.wire import Registered, RegisterGuest, RegisterRefusal, RegisterRefused
from tests.worlds.clients.parts import Parts, outcome
from tests.worlds.clients.world import Person, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


class Pocket:
    """A purse with some tokens in it."""

    def __init__(self, *tokens: Token) -> None:
        self.tokens = list(tokens)

    async def take(self, purpose: str) -> Token:
        assert purpose == "guest"
        if not self.tokens:
            raise NoTokenError("there is no token")
        return self.tokens.pop()


def other_than(provider: str) -> str:
    return "away" if provider == "home" else "home"


def end_account(world: World, guest: Person) -> None:
    """Let the providers forget the guest, as they do after days without use."""
    for provider in world.providers.values():
        provider.mailboxes.pop(guest.keys.identity_key.public, None)


def problem_of(world: World, guest: Person) -> str:
    return world.run(guest.client.status()).problem


def test_the_provider_is_chosen_at_random() -> None:
    found = set()
    for seed in range(8):
        world = World(seed=seed)
        chosen = world.run(world.person().client.register_guest())
        # Not by its name: with the seed changes which of them stands first in the document.
        found.add([provider.name for provider in world.model.document.providers()].index(chosen))
        world.stop()
    # All at one place: once in 128 runs of other seeds.
    assert found == {0, 1}


def test_a_provider_that_refuses_is_followed_by_another(world: World) -> None:
    world.providers["home"].guest_refusal = RegisterRefusal.CLOSED
    assert [world.run(world.person().client.register_guest()) for _ in range(4)] == ["away"] * 4
    assert world.providers["home"].guests  # it was asked, too
    world.providers["away"].guest_refusal = RegisterRefusal.FULL
    with pytest.raises(RegistrationRefusedError, match=r"home refused: it takes no|away refused: it is full"):
        world.run(world.person().client.register_guest())


def test_a_provider_that_does_not_answer_is_followed_by_another(world: World) -> None:
    world.providers["home"].silent = True
    settings = ClientSettings(patience_s=20.0)
    assert [world.run(world.person(settings=settings).client.register_guest()) for _ in range(3)] == ["away"] * 3
    world.providers["away"].guest_refusal = RegisterRefusal.CLOSED
    with pytest.raises(RegistrationRefusedError, match="away refused"):
        world.run(world.person(settings=settings).client.register_guest())
    with pytest.raises(UnavailableError, match=r"home at .* cannot be reached or does not answer"):
        world.run(world.person(settings=settings).client.register_guest("home"))


def test_a_token_goes_to_the_provider_and_a_bad_one_is_told(world: World) -> None:
    guest = world.person()
    world.run(guest.client.register_guest("home", token=b"token"))
    assert world.providers["home"].guests == [RegisterGuest(b"token")]
    world.providers["away"].guest_refusal = RegisterRefusal.BAD_TOKEN
    with pytest.raises(RegistrationRefusedError, match="away refused: it asks for a good token"):
        world.run(world.person().client.register_guest("away"))
    with pytest.raises(BadRequestError, match="a token has at most 1024 bytes, not 1025"):
        world.run(world.person().client.register_guest("away", token=bytes(1025)))


def test_a_guest_publishes_nothing(world: World) -> None:
    guest = world.person()
    world.run(guest.client.register_guest("home"))
    world.clock.run_for(600)
    guest.restart()
    world.clock.run_for(600)
    assert [mailbox.card for mailbox in world.providers["home"].mailboxes.values()] == [b""]
    assert world.providers["home"].requests == world.providers["away"].requests == []


def test_a_guest_stays_one_over_restarts(world: World) -> None:
    guest = world.person()
    provider = world.run(guest.client.register_guest())
    guest.restart()
    status = world.run(guest.client.status())
    assert (status.guest, status.provider, status.address) == (True, provider, "")
    assert world.run(guest.client.request("echo", b"again", timeout_s=60)) == b"again"
    world.clock.run_for(600)
    assert world.providers["home"].mailboxes.keys() | world.providers["away"].mailboxes.keys() == {
        guest.keys.identity_key.public
    }


def test_an_account_that_ended_is_followed_by_another_one_by_itself(world: World) -> None:
    guest = world.person()
    ended_at = world.run(guest.client.register_guest())
    end_account(world, guest)
    world.providers[ended_at].guest_refusal = RegisterRefusal.FULL
    assert world.wait_for(lambda: world.run(guest.client.status()).provider == other_than(ended_at), 60)
    assert world.run(guest.client.request("echo", b"hello", timeout_s=60)) == b"hello"
    assert problem_of(world, guest) == ""
    guest.restart()
    assert world.run(guest.client.status()).provider == other_than(ended_at)


def test_a_guest_of_a_chosen_provider_stays_there(world: World) -> None:
    guest = world.person()
    world.run(guest.client.register_guest("home"))
    end_account(world, guest)
    assert world.wait_for(lambda: world.providers["home"].mailboxes, 60)
    assert len(world.providers["home"].guests) == 2
    assert world.providers["away"].guests == []


def test_the_status_tells_while_there_is_no_other_account_and_the_client_tries_again(world: World) -> None:
    guest = world.person()
    world.run(guest.client.register_guest("home"))
    world.providers["home"].guest_refusal = RegisterRefusal.FULL
    end_account(world, guest)
    expected = "the guest account at home has ended: this client opens another one (home refused: it is full)"
    assert world.wait_for(lambda: problem_of(world, guest) == expected, 60)
    tried = len(world.providers["home"].guests)
    world.clock.run_for(RENEW_AGAIN_S / 2)
    assert len(world.providers["home"].guests) == tried
    world.providers["home"].guest_refusal = None
    assert world.wait_for(lambda: problem_of(world, guest) == "", RENEW_AGAIN_S)


def test_a_guest_that_is_refused_elsewhere_goes_back_to_its_link() -> None:
    parts = Parts()
    parts.go_online()
    registration = Registration(parts.session, clock=parts.clock, patience_s=60.0, document_problem=lambda: None)
    guests = GuestOpening(session=parts.session, registration=registration, purse=Pocket(), rng=parts.rng)
    opening = Deferred.fromCoroutine(guests.open("provider2", b""))
    assert parts.link.connected[-1] == "provider2"
    registration.on_answer(registration.provider or b"", RegisterRefused(RegisterRefusal.FULL))
    failure = outcome(opening)
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, RegistrationRefusedError)
    assert parts.link.connected[-1] == "provider1"
    parts.close()


BAD_TOKEN = RegisterRefused(RegisterRefusal.BAD_TOKEN)
TOKEN = Token(bytes(32), b"p" * 32, b"s" * 256)


class Asking:
    """A guest that asks provider2, and what the provider hears of it."""

    def __init__(self, pocket: Pocket, *, token: bytes = b"") -> None:
        self.parts = Parts()
        self.parts.go_online()
        self.registration = Registration(
            self.parts.session, clock=self.parts.clock, patience_s=60.0, document_problem=lambda: None
        )
        guests = GuestOpening(
            session=self.parts.session, registration=self.registration, purse=pocket, rng=self.parts.rng
        )
        self.opening = Deferred.fromCoroutine(guests.open("provider2", token))

    def heard(self) -> list[bytes]:
        return [frame.token for frame in self.parts.sent_frames() if isinstance(frame, RegisterGuest)]

    def answer(self, answer: Registered | RegisterRefused) -> None:
        self.registration.on_answer(self.parts.model.node("provider2").id, answer)

    def end(self) -> object:
        result = outcome(self.opening)
        self.parts.close()
        return result.value if isinstance(result, Failure) else result


def test_a_provider_that_asks_for_a_token_gets_one_that_was_fetched_ahead() -> None:
    pocket = Pocket(TOKEN)
    asking = Asking(pocket)
    asking.answer(BAD_TOKEN)
    assert asking.heard() == [b"", encode_token(TOKEN)]
    asking.answer(Registered())
    assert asking.end() == Account("", asking.parts.model.node("provider2").id, "provider2")
    assert pocket.tokens == []


def test_where_none_is_asked_for_no_token_is_taken() -> None:
    pocket = Pocket(TOKEN)
    asking = Asking(pocket)
    asking.answer(Registered())
    assert asking.heard() == [b""]
    assert pocket.tokens == [TOKEN]
    asking.end()


@pytest.mark.parametrize(("tokens", "token", "heard"), [((), b"", [b""]), ((TOKEN,), b"mine", [b"mine"])])
def test_a_refusal_stands_without_a_token_or_with_a_bad_one(
    tokens: tuple[Token, ...], token: bytes, heard: list[bytes]
) -> None:
    pocket = Pocket(*tokens)
    asking = Asking(pocket, token=token)
    asking.answer(BAD_TOKEN)
    assert asking.heard() == heard
    assert pocket.tokens == list(tokens)
    assert isinstance(asking.end(), RegistrationRefusedError)


def test_stopping_ends_the_search_for_a_provider(world: World) -> None:
    guest = world.person()
    guest.link.cut = True
    asking = Deferred.fromCoroutine(guest.client.register_guest())
    world.clock.run_for(1)
    guest.stop()
    with pytest.raises(UnavailableError, match="stopping"):
        world.run(asking)


def test_stopping_ends_the_search_for_another_account(world: World) -> None:
    guest = world.person(settings=ClientSettings(patience_s=60.0))
    world.run(guest.client.register_guest())
    for provider in world.providers.values():
        provider.silent = True
    end_account(world, guest)
    world.clock.run_for(30)
    guest.stop()
