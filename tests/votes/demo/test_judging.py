from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest

from loopixmix.group.ristretto import ristretto255
from loopixmix.testnet.load import NodeLoad
from loopixmix.verdict import Check, Verdict
from tests.worlds.elections import new_election
from votes.ballot.choices import BlankVote
from votes.ballot.form import BallotForm, form_of
from votes.demo.choosing import POLLS, Intention, intentions
from votes.demo.commands import CommandEnd
from votes.demo.judging import Events, checks_of, cost_checks, figures_of
from votes.demo.tallying import Audit
from votes.demo.voters import Turnout
from votes.record.canonical import Hex
from votes.record.polls import Poll
from votes.results.documents import CountOfChoice, PublishedResult, ResultOfPoll

INTENDED = intentions(20, random.Random(1))
CAST = 22
REFUSAL = "loopixmix: mixer 0 (North), poll 0: wrong equations: 1"
NOTE = "poll 0: trustee 2: its share is not the decryption of this list by its key"


@pytest.fixture(scope="module")
def form() -> BallotForm:
    polls = tuple(msgspec.convert(poll, type=Poll) for poll in POLLS)  # type: ignore[arg-type]
    return form_of(new_election(ristretto255(), polls=polls).election, ristretto255())


def result_of(intended: Sequence[Intention], form: BallotForm) -> PublishedResult:
    """Return the result of ballots, counted one by one."""
    polls = []
    for poll, coding in enumerate(form.codings):
        chosen = [each.counts[poll] for each in intended]
        blank = chosen.count(BlankVote())
        numbers = [coding.encode(choice) for choice in chosen if choice != BlankVote()]
        choices = [CountOfChoice(number=Hex(one), ballots=numbers.count(one)) for one in sorted(set(numbers))]
        polls.append(
            ResultOfPoll(
                id=str(POLLS[poll]["id"]),
                method="counts",
                ballots=len(chosen),
                blank=blank,
                invalid=0,
                winners=(),
                tied=(),
                open_seats=0,
                notes=(),
                tables=(),
                choices=tuple(choices),
            )
        )
    return PublishedResult(
        version=1,
        fingerprint=Hex(bytes(32)),
        title="",
        voters=len(intended),
        rehearsal=False,
        counts_only=False,
        polls=tuple(polls),
    )


def events(form: BallotForm, **changed: object) -> Events:
    """Return what happens if all goes well, but for what is `changed`."""
    check = Check(name="record", passed=True, value="", expected="")
    verdict = Verdict(passed=True, checks=[check], figures={"ballots": float(CAST)})
    usual: dict[str, object] = {
        "intended": INTENDED,
        "turnout": Turnout(receipts=CAST, found=CAST, voted=20),
        "load": NodeLoad({"mix-1": 0.2, "provider-1": 0.4}, cores=2),
        "refused": CommandEnd(False, "", REFUSAL),
        "result": result_of(INTENDED, form),
        "audit": Audit(verdict, exit_is_good=True, notes=(NOTE,)),
    }
    return Events(**(usual | changed))  # type: ignore[arg-type]


def failed(happened: Events, form: BallotForm) -> list[str]:
    return [check.name for check in checks_of(happened, form) if not check.passed]


def test_an_election_in_which_all_went_well(form: BallotForm) -> None:
    assert failed(events(form), form) == []


def test_a_lost_ballot_is_told_with_its_reason(form: BallotForm) -> None:
    lost = Turnout(receipts=21, found=21, voted=19, problems=["voter 4: no receipt came"])
    happened = events(form, turnout=lost)
    assert failed(happened, form) == ["ballots with a receipt", "ballots found on the board"]
    assert checks_of(happened, form)[0].detail == "voter 4: no receipt came"


def test_a_ballot_that_was_stored_twice(form: BallotForm) -> None:
    right = events(form).audit
    twice = Verdict(passed=True, checks=right.verdict.checks, figures={"ballots": float(CAST + 1)})
    assert failed(events(form, audit=Audit(twice, True, (NOTE,))), form) == ["each ballot stored once"]


def test_nodes_over_half_load(form: BallotForm) -> None:
    assert failed(events(form, load=NodeLoad({"provider-1": 0.55}, cores=2)), form) == ["load of the busiest node"]
    many = NodeLoad({f"mix-{number}": 0.4 for number in range(6)}, cores=2)
    assert failed(events(form, load=many), form) == ["load of all nodes"]


def test_a_mixer_that_was_not_caught_or_another_one_that_was_named(form: BallotForm) -> None:
    for end in (CommandEnd(True, "", ""), CommandEnd(False, "", REFUSAL.replace("0 (North)", "1 (South)"))):
        assert failed(events(form, refused=end), form) == ["the cheating mixer"]


def test_a_trustee_that_was_not_named(form: BallotForm) -> None:
    right = events(form).audit
    other = Audit(right.verdict, True, (NOTE.replace("trustee 2", "trustee 1"),))
    assert failed(events(form, audit=other), form) == ["the bad trustee"]


def test_a_verifier_that_fails_by_its_word_or_by_its_exit_code(form: BallotForm) -> None:
    right = events(form).audit
    assert failed(events(form, audit=Audit(right.verdict, False, (NOTE,))), form) == ["the verifier"]


def test_a_result_with_one_vote_moved(form: BallotForm) -> None:
    result = result_of(INTENDED, form)
    first = result.polls[0]
    moved = (
        msgspec.structs.replace(first.choices[0], ballots=first.choices[0].ballots + 1),
        msgspec.structs.replace(first.choices[1], ballots=first.choices[1].ballots - 1),
        *first.choices[2:],
    )
    changed = msgspec.structs.replace(result, polls=(msgspec.structs.replace(first, choices=moved), *result.polls[1:]))
    assert failed(events(form, result=changed), form) == ["the result"]


def test_time_and_memory_have_limits_and_are_among_the_figures(form: BallotForm) -> None:
    assert [check.passed for check in cost_checks(299.0, 3_999.0)] == [True, True]
    assert [check.passed for check in cost_checks(301.0, 4_001.0)] == [False, False]
    figures = figures_of(events(form), 200.04, 1_500.4)
    assert figures["demo_s"] == 200.0
    assert figures["busiest_node_load"] == 0.4
    assert figures["ballots"] == CAST
