"""Whether the demonstration showed what it is to show, as checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loopixmix.testnet.load import NodeLoad
from loopixmix.verdict import Check
from votes.ballot.choices import BlankVote
from votes.ballot.form import BallotForm
from votes.demo.choosing import Intention, cast_ballots
from votes.demo.commands import CommandEnd
from votes.demo.folders import BAD_TRUSTEE, CHEATING_MIXER, MIXERS
from votes.demo.tallying import Audit
from votes.demo.voters import Turnout
from votes.results.documents import PublishedResult

HALF = 0.5
MOST_S, MOST_MB = 300.0, 4000.0


@dataclass(frozen=True, kw_only=True)
class Events:
    """All that happened. `ballots`: on the board, by its own count."""

    intended: Sequence[Intention]
    turnout: Turnout
    load: NodeLoad
    refused: CommandEnd
    result: PublishedResult
    audit: Audit


def checks_of(events: Events, form: BallotForm) -> list[Check]:
    """Return the checks of an election that was held. `form`: of its ballots."""
    return [*_voting(events), *_load(events.load), *_cheats(events), *_result(events, form)]


def cost_checks(took_s: float, memory_mb: float) -> list[Check]:
    """Return the checks of time and memory."""
    return [_limit("time", took_s, MOST_S, "s"), _limit("memory", memory_mb, MOST_MB, "MB")]


def figures_of(events: Events, took_s: float, memory_mb: float) -> dict[str, float]:
    """Return the figures, for programs."""
    return {
        "voters": len(events.intended),
        "ballots": cast_ballots(events.intended),
        "busiest_node_load": round(events.load.highest, 3),
        "nodes_load_of_machine": round(events.load.of_machine, 3),
        "demo_s": round(took_s, 1),
        "demo_memory_mb": round(memory_mb),
    }


def _voting(events: Events) -> Iterator[Check]:
    turnout, cast = events.turnout, cast_ballots(events.intended)
    trouble = "; ".join(turnout.problems[:3])
    yield Check(
        name="ballots with a receipt",
        passed=turnout.receipts == cast and not turnout.problems,
        value=f"{turnout.receipts} of {cast}",
        expected=f"{cast} of {cast}",
        detail=trouble or "signed by the board, and got through the network",
    )
    yield Check(
        name="ballots found on the board",
        passed=turnout.found == cast,
        value=f"{turnout.found} of {cast}",
        expected=f"{cast} of {cast}",
        detail=trouble or "each voter checked the inclusion proof, and that the log only grew",
    )
    stored = int(events.audit.verdict.figures.get("ballots", 0))
    yield Check(
        name="each ballot stored once",
        passed=stored == cast,
        value=f"{stored} stored",
        expected=f"{cast} stored",
        detail="counted by the verifier in the board's log",
    )


def _load(load: NodeLoad) -> Iterator[Check]:
    yield Check(
        name="load of the busiest node",
        passed=load.highest < HALF,
        value=f"{load.busiest}: {load.highest:.0%} of a core",
        expected="under 50 %",
        detail="processor time of its process, while the voters voted",
    )
    yield Check(
        name="load of all nodes",
        passed=load.of_machine < HALF,
        value=f"{load.of_machine:.0%} of {load.cores} cores",
        expected="under 50 %",
        detail="processor time of their processes, while the voters voted",
    )


def _cheats(events: Events) -> Iterator[Check]:
    cheat = f"mixer {CHEATING_MIXER} ({MIXERS[CHEATING_MIXER]})"
    yield Check(
        name="the cheating mixer",
        passed=not events.refused.succeeded and cheat in events.refused.complained,
        value="named by the next mixer" if cheat in events.refused.complained else "not named",
        expected="named",
        detail=events.refused.complained.strip(),
    )
    named = [note for note in events.audit.notes if f"trustee {BAD_TRUSTEE}:" in note]
    yield Check(
        name="the bad trustee",
        passed=bool(named),
        value="named by the verifier" if named else "not named",
        expected="named",
        detail="; ".join(events.audit.notes),
    )


def _result(events: Events, form: BallotForm) -> Iterator[Check]:
    audit = events.audit
    failed = [check for check in audit.verdict.checks if not check.passed]
    yield Check(
        name="the verifier",
        passed=audit.verdict.passed and audit.exit_is_good,
        value=f"{len(audit.verdict.checks) - len(failed)} of {len(audit.verdict.checks)} checks passed",
        expected="all passed",
        detail="; ".join(f"{check.name}: {check.detail}" for check in failed),
    )
    is_right = published_counts(events.result) == intended_counts(events.intended, form)
    yield Check(
        name="the result",
        passed=is_right,
        value="what the voters chose" if is_right else "not what the voters chose",
        expected="what the voters chose",
        detail="each choice of each poll, against what the voters' programs were told to choose",
    )


def published_counts(result: PublishedResult) -> list[Counter[bytes]]:
    """Return how often each choice was made by the result, poll by poll; blank votes have no bytes."""
    counted = []
    for poll in result.polls:
        counts = Counter({bytes(each.number): each.ballots for each in poll.choices})
        counts[b""] = poll.blank
        counted.append(+counts)
    return counted


def intended_counts(intended: Sequence[Intention], form: BallotForm) -> list[Counter[bytes]]:
    """Return how often each choice should have been counted, poll by poll."""
    return [
        Counter(
            b"" if isinstance(each.counts[poll], BlankVote) else coding.encode(each.counts[poll]) for each in intended
        )
        for poll, coding in enumerate(form.codings)
    ]


def _limit(name: str, value: float, most: float, unit: str) -> Check:
    return Check(name=name, passed=value <= most, value=f"{value:,.0f} {unit}", expected=f"at most {most:,.0f} {unit}")
