"""The voter's program: a client, the board, the record, the page, and then waiting for the receipt."""

from __future__ import annotations

from pathlib import Path

from client.api import Client, RegistrationRefusedError, UnavailableError
from loopixmix.errors import MisuseError
from loopixmix.net.sockets import Sockets
from loopixmix.seams import Rng
from loopixmix.web.visiting.server import PageServer
from votes.board.requests import SERVICE
from votes.credentials.invitation import Invitation
from votes.record.fingerprint import shown
from votes.record.heads import ForkedBoardError
from votes.record.rules.reading import decode_election
from votes.voting.asking import BoardQuestions, BoardRefusedError, find_board
from votes.voting.casting import LEAST_MARGIN_S, VotingBooth
from votes.voting.concurrency import together
from votes.voting.home import VoterHome
from votes.voting.page.pages import VotingPages
from votes.voting.setting import VotingSetting
from votes.voting.voter import voter_of
from votes.voting.waiting import await_receipts
from votes.voting.watching import LogWatch

PAGES = "election"
SIGNATURES_S = 300.0
"""How often the board is asked whether the trustees signed: every voter's program asks alike."""
SPREAD_S = 120.0
"""Requests for parts of the record are so far apart at most: with them nobody tells when somebody began to vote."""


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
    if (await setting.client.status()).test_network:
        setting.say("this network is a test network, for trying things on: it hides nobody")
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


async def serve_page(
    setting: VotingSetting, booth: VotingBooth, board: BoardQuestions, sockets: Sockets, *, watches: bool = True
) -> None:
    """Show the page until a ballot has its receipt and was found on the board.

    If it `watches`, it goes on until the result is there: the page stays, and the log is looked at from time to time.
    Raises what `await_receipts` and `LogWatch.run` raise.
    """
    server = PageServer(sockets=sockets, clock=setting.clock, rng=setting.rng, how=lambda _: "Start the program anew.")
    server.start()
    try:
        server.add(PAGES, VotingPages(booth, board, clock=setting.clock))
        setting.say(f"vote here, in a browser on this machine: {server.link(PAGES)}")
        watch = LogWatch(setting, booth, board)
        waiting = await_receipts(setting, booth, board, watch, stays=watches)
        await together(waiting, *([watch.run()] if watches else []))
    except ForkedBoardError:
        setting.say(f"keep the folder {booth.home.path}: it has the proof. Tell the auditors of this election")
        raise
    finally:
        await server.stop()
