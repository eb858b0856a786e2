"""The voter's program: a client, the board, the record, the page, and then waiting for the receipt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from client.api import Client, RegistrationRefusedError, ServiceFailedError, UnavailableError
from loopixmix.errors import MisuseError
from loopixmix.group.group import Group
from loopixmix.net.sockets import Sockets
from loopixmix.seams import Clock, Rng
from loopixmix.web.visiting.server import PageServer
from votes.board.requests import SERVICE
from votes.credentials.invitation import Invitation
from votes.record.fingerprint import shown
from votes.record.rules.reading import decode_election
from votes.voting.asking import BoardQuestions, BoardRefusedError, find_board
from votes.voting.casting import LEAST_MARGIN_S, LostBallotError, VotingBooth
from votes.voting.home import KeptBallot, VoterHome
from votes.voting.page.pages import VotingPages
from votes.voting.voter import voter_of
from votes.witness.requests import SERVICE as SERVICE_OF_WITNESS

PAGES = "election"
LOOK_S = 5.0
SIGNATURES_S = 300.0
"""How often the board is asked whether the trustees signed: every voter's program asks alike."""
SPREAD_S = 120.0
"""Requests for parts of the record are so far apart at most: with them nobody tells when somebody began to vote."""


@dataclass(frozen=True)
class VotingSetting:
    """What the voter's program stands in. `say`: shows a line; `pause`: waits for seconds."""

    client: Client
    group: Group
    clock: Clock
    rng: Rng
    say: Callable[[str], object]
    pause: Callable[[float], Awaitable[None]]


async def open_guest(client: Client, rng: Rng, *, provider: str = "", service: str = "") -> None:
    """Open a guest account if the client has no account: at `provider`, or at one that has no board.

    The board's own provider would see a guest's link and the board's requests together. `service`: the board, if it is
    known; otherwise all providers that have a board are left out.
    Raises `MisuseError` if none is left, and what `Client.register_guest` raises.
    """
    if (await client.status()).registered:
        return
    if provider:
        await client.register_guest(provider)
        return
    found = (await client.network()).providers
    board = service.partition("@")[2]
    others = [each.name for each in found if (each.name != board if board else SERVICE not in each.services)]
    if not others:
        raise MisuseError(
            f"each of the {len(found)} providers of this network has a board, whose own provider should not be yours; "
            "say where to open a guest account by --provider"
        )
    rng.shuffle(others)
    for name in others:
        try:
            await client.register_guest(name)
        except (RegistrationRefusedError, UnavailableError):
            if name == others[-1]:
                raise
        else:
            return


async def enter_booth(
    setting: VotingSetting,
    directory: Path,
    code: str,
    invitation: Invitation,
    *,
    service: str = "",
    spread_s: float = SPREAD_S,
    least_margin_s: float = LEAST_MARGIN_S,
) -> tuple[VotingBooth, BoardQuestions]:
    """Find the board, load the record if it is not there yet, and return the voter's booth.

    `directory`: of the voter's client; the election's folder is made in it. `service`: the board, such as
    `board@provider-2`, if the voter was told; otherwise each provider that has a board is asked.
    Raises `WrongBoardError`, `SignatureError` if a trustee did not sign, `CodeError`, `NotAVoterError`, and the
    client's errors.
    """
    home = VoterHome(directory / "elections" / invitation.fingerprint.hex())
    record = home.record()
    setting.say(f"election {shown(invitation.fingerprint)}")
    board = BoardQuestions(setting.client, service)
    if not service:
        setting.say("looking for its board")
        board = await find_board(setting.client, invitation.fingerprint, SERVICE)
    if record is None:
        setting.say(f"loading the record from {board.service}, at random times")
        record = await board.record(invitation.fingerprint, pause=setting.pause, rng=setting.rng, spread_s=spread_s)
        await _await_signatures(setting, board, record, invitation.fingerprint, spread_s)
        # What is kept was found to be signed: another start needs no board.
        home.keep_record(record)
    election = decode_election(record, setting.group)
    voter = voter_of(election, setting.group, code, invitation)
    return VotingBooth(election, setting.group, voter, home, rng=setting.rng, least_margin_s=least_margin_s), board


async def _await_signatures(
    setting: VotingSetting, board: BoardQuestions, record: bytes, fingerprint: bytes, spread_s: float
) -> None:
    """Wait until all trustees signed the record: nothing is encrypted to a key that they do not stand for."""
    election, told = decode_election(record, setting.group), ""
    while True:
        await setting.pause(setting.rng.uniform(0, spread_s))
        try:
            await board.check_signatures(election, fingerprint)
        except BoardRefusedError as error:
            if told != str(error):
                setting.say(f"{error}; waiting for that")
            told = str(error)
            await setting.pause(SIGNATURES_S)
        else:
            return


async def serve_page(setting: VotingSetting, booth: VotingBooth, board: BoardQuestions, sockets: Sockets) -> None:
    """Show the page, and return when a ballot has its receipt and was found on the board."""
    server = PageServer(sockets=sockets, clock=setting.clock, rng=setting.rng, how=lambda _: "Start the program anew.")
    server.start()
    try:
        server.add(PAGES, VotingPages(booth, board, clock=setting.clock))
        setting.say(f"vote here, in a browser on this machine: {server.link(PAGES)}")
        await await_receipts(setting, booth, board)
    finally:
        await server.stop()


async def await_receipts(setting: VotingSetting, booth: VotingBooth, board: BoardQuestions) -> None:
    """Wait until a ballot that is cast has its receipt, and check that it is on the board.

    While the election is open, a ballot that was stored before does not end the waiting: its voter may want to vote
    again. Neither does one that was lost or refused: its voter can make another one.
    Raises `LostBallotError` and `BoardRefusedError` after the end, and errors that convict the board.
    """
    before = _stored_before(setting, booth)
    told = failed = 0
    while True:
        is_over = setting.clock.seconds() >= booth.election.closes_at
        newest = _newest(booth)
        if newest is None and is_over:
            raise MisuseError("the election is over, and no ballot was cast here")
        if newest is not None and (is_over or newest.counter > max(before, failed)):
            newest = await booth.resume(newest, board, setting.clock.seconds())
            if newest.counter != told:
                told = newest.counter
                setting.say(f"ballot {booth.ballot(newest).tracking_code} is cast at a random time; leave this running")
            try:
                if await _is_stored(setting, booth, newest, board):
                    return
            except (BoardRefusedError, LostBallotError) as error:
                if is_over:
                    raise
                failed = newest.counter
                setting.say(f"{error}; make another ballot on the page")
        await setting.pause(LOOK_S)


def _newest(booth: VotingBooth) -> KeptBallot | None:
    cast = [kept for kept in booth.home.ballots() if not kept.challenged]
    return cast[-1] if cast else None


def _stored_before(setting: VotingSetting, booth: VotingBooth) -> int:
    """Return the counter of the newest ballot if it has its receipt and may be replaced; otherwise 0."""
    newest = _newest(booth)
    if newest is None or setting.clock.seconds() >= booth.election.closes_at:
        return 0
    if booth.home.receipt(newest.counter, booth.board_identity) is None:
        return 0
    code = booth.ballot(newest).tracking_code
    setting.say(f"the board has ballot {code}; vote again on the page, or end this by ctrl-C")
    return newest.counter


async def _is_stored(setting: VotingSetting, booth: VotingBooth, kept: KeptBallot, board: BoardQuestions) -> bool:
    """Tell whether a ballot has its receipt; if it has, check that it is on the board."""
    receipt = await booth.receipt(kept, board)
    if receipt is None:
        return False
    head = await booth.check(kept, receipt, board)
    setting.say(f"it is entry {receipt.index} of the board's {head.head.size} entries")
    await _compare(setting, booth, board)
    return True


async def _compare(setting: VotingSetting, booth: VotingBooth, board: BoardQuestions) -> None:
    """Compare the board's log with what others saw, at a provider that is not the board's."""
    network = await setting.client.network()
    provider = board.service.partition("@")[2]
    others = [each.name for each in network.providers if SERVICE_OF_WITNESS in each.services and each.name != provider]
    if not others:
        setting.say("no provider of this network has a witness: nobody tells whether others see the same log")
        return
    witness = f"{SERVICE_OF_WITNESS}@{setting.rng.choice(others)}"
    try:
        count = await booth.compare(board, witness)
    except (UnavailableError, ServiceFailedError) as error:
        # The ballot is on the board whether a witness answers or not.
        setting.say(f"{witness} could not be asked: {error}")
        return
    setting.say(f"{witness} knows {count} states of the board's log, and all go together")
