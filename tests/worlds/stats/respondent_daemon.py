"""A process with the daemon of one fake client, a collector and an issuer: `python -m ... DIR`.

The client is `DIR/client`, the invitation `DIR/invitation`. Each report that counts is a line of `DIR/taken`, each one
that came a line of `DIR/asked`. Tokens come within seconds.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import msgspec
from twisted.internet import reactor

from client._fake import wallet
from client.directory.configuration import create_client
from client.http.endpoint import LOCK_FILE
from client.http.serving.server import ApiServer
from client.testing import FakeNetwork
from loopixmix.net.sockets import TcpSockets
from loopixmix.process.files import DirectoryLock
from loopixmix.tokens import TokenKey, decode_token_key, encode_token_key
from stats.answer.invitation import SurveyInvitation
from stats.questionnaire.compiling import compile_draft
from stats.questionnaire.questionnaire import Questionnaire, SurveyKey
from stats.report.report import SentReport
from tests.worlds.clients.fake_daemons import TRUST_ROOT
from tests.worlds.stats.respondents import CODE, CountingCollector, new_questionnaire
from tests.worlds.tokens import signer_of

TOKENS_AFTER_S = 2.0
HOUR_S = 3_600


def sound_questionnaire(now_s: float) -> Questionnaire:
    """Return a survey that is open, and that every client takes."""
    opens_s = int(now_s) - 100
    draft = new_questionnaire(opens_s=opens_s, closes_s=opens_s + 24 * HOUR_S).draft
    sheets = compile_draft(draft)
    keys = []
    for number, sheet in enumerate(sheets):
        public = signer_of(number).public
        key = TokenKey(purpose=sheet.purpose, begins_s=draft.opens_s, ends_s=draft.closes_s, public=public)
        keys.append(SurveyKey(sheet=number, period=0, key=encode_token_key(key)))
    return Questionnaire(draft=draft, sheets=sheets, keys=tuple(keys))


class WritingCollector(CountingCollector):
    """A collector that leaves what it got in files."""

    directory = Path()

    def answer(self, body: bytes) -> bytes:
        before = len(self.taken)
        answer = super().answer(body)
        if body[0] == 1:
            with (self.directory / "asked").open("a") as file:
                file.write(f"{body[1:].hex()}\n")
        for report in self.taken[before:]:
            self._note(report)
        return answer

    def _note(self, report: SentReport) -> None:
        with (self.directory / "taken").open("a") as file:
            file.write(f"{msgspec.json.encode([report.sheet, list(report.values)]).decode()}\n")


def main(root: Path) -> None:
    """Serve until the process is ended."""
    wallet.FETCHED_AND_RESTED_S = TOKENS_AFTER_S
    rng = random.Random(5)
    (root / "network.toml").write_text(TRUST_ROOT)
    network = FakeNetwork(clock=reactor, rng=rng, delay_s=0.2)
    questionnaire = sound_questionnaire(reactor.seconds())
    collector = WritingCollector([questionnaire], reactor)
    collector.directory = root
    network.add_service(collector, provider="provider-2")
    for number, each in enumerate(questionnaire.keys):
        network.issue_tokens("stats-issuer@provider-3", decode_token_key(each.key), signer_of(number))
    invitation = SurveyInvitation("provider-2", questionnaire.survey_id, "provider-3", CODE)
    (root / "invitation").write_text(invitation.encode())
    client = network.client("guest@provider-1")
    create_client(root / "client", network=root / "network.toml", api_port=0, rng=rng)
    DirectoryLock(root / "client" / LOCK_FILE).acquire()
    ApiServer(client, directory=root / "client", port=0, sockets=TcpSockets(reactor), clock=reactor, rng=rng).start()
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
