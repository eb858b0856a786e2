"""After the election has closed: mixing, decryption, the result, and its verification; with two cheats among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loopixmix.errors import FormatError
from loopixmix.group.group import Group
from loopixmix.process.files import load_secret
from loopixmix.testnet.story import Story
from loopixmix.verdict import Verdict
from votes.cli.mixer import KEY
from votes.demo.cheating import falsify_share, stuff_mix
from votes.demo.choosing import POLLS
from votes.demo.commands import CommandEnd, PartyCommands
from votes.demo.folders import BAD_TRUSTEE, CHEATING_MIXER, MIXERS, TRUSTEES, DemoFolders
from votes.demo.preparing import ADMINISTRATOR
from votes.record.signing import SEED_BYTES, PartyKey
from votes.results.documents import PublishedResult, decode_result
from votes.trustees.directory import TrusteeDirectory
from votes.verify.published import RESULT
from votes.voting.concurrency import together

AUDITOR = "auditor"
_FORMS = (".json", ".csv", ".html", ".pdf")


@dataclass(frozen=True)
class Audit:
    """What the auditor's verifier said. `notes`: what is worth telling, and does not make the result wrong."""

    verdict: Verdict
    exit_is_good: bool
    notes: tuple[str, ...]


class Tally:
    """Tells and does what happens from the close to the verified result."""

    def __init__(self, folders: DemoFolders, commands: PartyCommands, story: Story, *, url: str, group: Group) -> None:
        """`url`: the board's public face."""
        self._folders = folders
        self._commands = commands
        self._story = story
        self._url = url
        self._group = group

    async def mix(self) -> CommandEnd:
        """Let both mixers shuffle. The first one cheats; return what came of the second one's work on that."""
        tell, cheat = self._story.tell, f"mixer {MIXERS[CHEATING_MIXER]}"
        honest, stuffed = self._folders.out("mixer-0"), self._folders.out("mixer-0-stuffed")
        self._story.steps.step("the first mixer shuffles", 1)
        await self._mix(CHEATING_MIXER)
        key = PartyKey(load_secret(self._folders.mixer(CHEATING_MIXER) / KEY, SEED_BYTES, called="the key of a mixer"))
        stuff_mix(honest, stuffed, str(POLLS[0]["id"]), CHEATING_MIXER, key, self._group.element_bytes)
        await self._commands.run("submit", self._url, stuffed)
        self._story.steps.finish()
        tell(cheat, "shuffled the ballots, and cheats: it took one ballot out, and put another one in twice")
        self._story.steps.step("the second mixer checks the first one's proof", 1)
        await self._fetch("mixer-1")
        refused = await self._commands.attempt(*self._mixing(1))
        self._story.steps.finish()
        self._story.caught(f"mixer {MIXERS[1]}", f"refuses it: {_last_line(refused.complained)}")
        await self._mix_again(honest_of=cheat)
        return refused

    async def _mix_again(self, *, honest_of: str) -> None:
        run, tell = self._commands.run, self._story.tell
        self._story.steps.step("both mixers shuffle honestly", 1)
        await run("submit", self._url, self._folders.out("mixer-0"))
        await self._mix(1)
        await run("submit", self._url, self._folders.out("mixer-1"))
        await run("admin", "go-on", self._folders.administrator, self._url, "mixed")
        self._story.steps.finish()
        tell(honest_of, "announced what it had made honestly: what a mixer announces last counts")
        tell(f"mixer {MIXERS[1]}", "found the proof right, shuffled in its turn, and proved it")

    async def decrypt(self) -> None:
        """Let all trustees decrypt; one of them does it wrongly."""
        tell, numbers = self._story.tell, range(1, len(TRUSTEES) + 1)
        self._story.steps.step("each trustee verifies everything so far, and decrypts its part", 1)
        await together(*(self._decrypt(number) for number in numbers))
        bad, own = f"trustee-{BAD_TRUSTEE}", self._folders.trustee(BAD_TRUSTEE)
        key = TrusteeDirectory(own).signing_key
        false, poll = self._folders.out(f"{bad}-false"), str(POLLS[0]["id"])
        falsify_share(self._folders.out(bad), false, poll, BAD_TRUSTEE, key, self._group.element_bytes)
        outs = [false if number == BAD_TRUSTEE else self._folders.out(f"trustee-{number}") for number in numbers]
        await together(*(self._commands.run("submit", self._url, out) for out in outs))
        await self._commands.run("admin", "go-on", self._folders.administrator, self._url, "decrypted")
        self._story.steps.finish()
        for number, name in enumerate(TRUSTEES, 1):
            is_bad = number == BAD_TRUSTEE
            tell(f"trustee {name}", "gives a share that makes another vote of a ballot" if is_bad else "decrypted")

    async def publish(self) -> PublishedResult:
        """Let the administrator count, and publish the result; return it."""
        run, own, out = self._commands.run, self._folders.administrator, self._folders.out("administrator")
        self._story.steps.step("the administrator counts", 1)
        await self._fetch("administrator")
        await run("tally", own, self._folders.published("administrator"), out)
        await run("submit", self._url, out)
        await run("admin", "go-on", own, self._url, "published")
        self._story.steps.finish()
        self._story.tell(ADMINISTRATOR, f"published the result, in the forms {_forms(out.iterdir())}")
        return decode_result((out / RESULT).read_bytes())

    async def audit(self) -> Audit:
        """Let an auditor load all that is published, and verify it."""
        self._story.steps.step("an auditor loads everything from the board, and verifies it", 1)
        await self._fetch(AUDITOR)
        done = await self._commands.attempt("verify", self._folders.published(AUDITOR), "--json")
        self._story.steps.finish()
        try:
            verdict = msgspec.json.decode(done.said, type=Verdict)
        except msgspec.MsgspecError as error:
            raise FormatError(f"the verifier says no verdict: {_last_line(done.complained)}") from error
        for check in verdict.checks:
            self._story.tell(
                AUDITOR, f"{'pass' if check.passed else 'FAIL'}: {check.name}: {check.value or check.detail}"
            )
        notes = tuple(line.removeprefix("note").strip() for line in done.complained.splitlines() if _is_note(line))
        for note in notes:
            self._story.caught(AUDITOR, note)
        return Audit(verdict, done.succeeded, notes)

    async def _fetch(self, who: str) -> None:
        await self._commands.run("fetch", self._url, self._folders.published(who))

    def _mixing(self, number: int) -> tuple[object, ...]:
        who = f"mixer-{number}"
        return ("mixer", "mix", self._folders.mixer(number), self._folders.published(who), self._folders.out(who))

    async def _mix(self, number: int) -> None:
        await self._fetch(f"mixer-{number}")
        await self._commands.run(*self._mixing(number))

    async def _decrypt(self, number: int) -> None:
        who, own = f"trustee-{number}", self._folders.trustee(number)
        await self._fetch(who)
        words = (own, self._folders.published(who), self._folders.out(who), "--board", self._url)
        await self._commands.run("trustee", "decrypt", *words)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing"])[-1]


def _is_note(line: str) -> bool:
    return line.startswith("note")


def _forms(files: Iterable[Path]) -> str:
    return ", ".join(sorted({path.suffix.removeprefix(".").upper() for path in files if path.suffix in _FORMS}))
