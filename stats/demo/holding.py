"""The whole story, in its order: network, questionnaire, answers, cheats, release, results."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import partial

import msgspec
import psutil

from loopixmix.errors import LoopixmixError, UnavailableError
from loopixmix.testnet.load import LoadWatch, NodeLoad
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.story import Story
from loopixmix.web.calls import one_shot_client
from stats.analysts.opening import open_book
from stats.analysts.rights import AnalystRight
from stats.demo.cheating import Cheat, Cheater
from stats.demo.data import People, fair_people
from stats.demo.network import COLLECTORS_PROVIDER, ISSUERS_PROVIDER, DemoScale, SurveyFolders
from stats.demo.people import Crowd, Participation, PeopleOutside, all_of
from stats.demo.preparing import FrozenSurvey, prepare_survey
from stats.demo.results import AnalystProgram, ShownQuestion, ShownSurveyState, result_lines
from stats.demo.surveys import fair_draft

START_WITHIN_S, POLL_S = 90.0, 0.3
OPEN_S = 150
"""How long people may answer."""
PACE = 1.0
"""So many times as long as the network took to start is added, because all takes longer on a busy machine."""
SETTLE_WITHIN_S = 40.0
WATCH_S = 3.0
ANALYST = "ada"
CHEATERS = 9


@dataclass(frozen=True, kw_only=True)
class SurveyEvents:
    """All that happened. `filling`: how many reports the dashboard had, each time that it had more."""

    people: People
    participation: Participation
    load: NodeLoad
    cheats: list[Cheat]
    filling: list[int]
    state: ShownSurveyState
    questions: list[ShownQuestion]
    refusals: dict[str, int]


@dataclass(frozen=True)
class SurveyStage:
    """What the survey is held with. The network was made, and does not run yet."""

    network: TestNetwork
    folders: SurveyFolders
    scale: DemoScale
    story: Story


class _Told(msgspec.Struct):
    """The part of the collector's status that is looked at."""

    surveys: list[_ToldSurvey]


class _ToldSurvey(msgspec.Struct):
    is_settled: bool


async def hold_survey(stage: SurveyStage, outside: PeopleOutside) -> SurveyEvents:
    """Hold the survey, tell it, and return what happened. Raises the first error that ends it."""
    story, scale = stage.story, stage.scale
    story.chapter("The network, with issuer and collector at two providers")
    began_s = outside.clock.seconds()
    await _start(stage, outside)
    # A slow machine gets more time: the dates are in the questionnaire, which is frozen before the first answer.
    pace_s = outside.clock.seconds() - began_s
    crowd = Crowd(outside, stage.folders, scale)
    try:
        await _open_accounts(stage, crowd)
        story.chapter("The questionnaire, which nobody can change any more")
        opens_s = int(outside.clock.seconds())
        closes_s = opens_s + OPEN_S + int(PACE * pace_s)
        survey = _freeze(stage, opens_s, closes_s)
        analyst = _analyst(stage, outside, survey)
        story.chapter("The answers")
        people = fair_people(scale.people, outside.rng)
        filling, cheats, load = await _answer(stage, crowd, survey, people, analyst)
        await _until_settled(stage, outside, closes_s)
        story.chapter("The results, as an analyst sees them")
        state = await crowd.patiently(analyst.state)
        names = [question.name for question in survey.questionnaire.draft.questions]
        questions = [await crowd.patiently(partial(analyst.question, name)) for name in names]
        filling.append(released_reports(state))
        _tell_results(stage, people, state, questions)
        refusals = dict(await crowd.patiently(analyst.refusals))
    finally:
        crowd.close()
    return SurveyEvents(
        people=people,
        participation=crowd.participation,
        load=load,
        cheats=cheats,
        filling=filling,
        state=state,
        questions=questions,
        refusals=refusals,
    )


async def _start(stage: SurveyStage, outside: PeopleOutside) -> None:
    network, story, scale = stage.network, stage.story, stage.scale
    story.steps.step("starting the network, each node a process", len(network.names))
    network.start()
    deadline_s = outside.clock.seconds() + START_WITHIN_S
    # Not `wait_until_healthy`: it blocks, and ctrl-C would wait for it.
    while len(ready := network.ready()) < len(network.names):
        story.steps.done(len(ready))
        if outside.clock.seconds() > deadline_s:
            late = next(name for name in network.names if name not in ready)
            raise UnavailableError(f"{late} is not ready after {START_WITHIN_S:g} s")
        await outside.pause(POLL_S)
    story.steps.finish()
    params = network.plan.params
    story.tell("network", f"{params.layers} layers of {network.plan.width} mixes, {network.plan.providers} providers")
    story.tell("issuer", f"runs beside provider-{ISSUERS_PROVIDER}, as a process of its own")
    story.tell("collector", f"runs beside provider-{COLLECTORS_PROVIDER}; its dashboard is at port {scale.page_port}")
    story.tell(
        "people's clients",
        f"{scale.people} identities in {scale.processes} processes; each sends {params.streams_per_s:.2f} packets and "
        f"pulls {params.pulled_per_s:.2f} items per second, whatever its person does",
    )


async def _open_accounts(stage: SurveyStage, crowd: Crowd) -> None:
    stage.story.steps.step("the people's clients open accounts without names", stage.scale.people)
    await crowd.open_accounts(stage.story.steps.done)
    stage.story.steps.finish()
    stage.story.tell("people", f"{stage.scale.people} are guests, none at the issuer's or the collector's provider")


def _freeze(stage: SurveyStage, opens_s: int, closes_s: int) -> FrozenSurvey:
    story, scale = stage.story, stage.scale
    story.steps.step("making token keys and codes, and freezing the questionnaire", 1)
    draft = fair_draft(opens_s, closes_s, scale.threshold)
    survey = prepare_survey(draft, stage.folders, scale.people)
    story.steps.finish()
    questionnaire = survey.questionnaire
    story.tell("author", f"survey {questionnaire.survey_id.hex()[:16]}; it closes in {closes_s - opens_s} seconds")
    for question, sheet in zip(draft.questions, questionnaire.sheets, strict=True):
        story.tell("", f"{question.text} By {sheet.mechanisms[0].kind.value}, in a report of its own")
    story.tell(
        "",
        f"promised: a loss of at most {draft.privacy.eps} in all, if {scale.threshold} reports are released together",
    )
    story.tell("issuer", f"made {scale.people} codes, and keeps their hashes")
    return survey


def _analyst(stage: SurveyStage, outside: PeopleOutside, survey: FrozenSurvey) -> AnalystProgram:
    book = open_book(stage.folders.collector, rng=outside.rng, now_s=outside.clock.seconds)
    try:
        book.add(ANALYST, frozenset({AnalystRight.SEE}))
        token = book.make_token(ANALYST, "demonstration", 1)
    finally:
        book.close()
    url = f"http://127.0.0.1:{stage.scale.page_port}/v1"
    return AnalystProgram(one_shot_client(outside.reactor), url, token, survey.questionnaire.survey_id.hex()[:16])


async def _answer(
    stage: SurveyStage, crowd: Crowd, survey: FrozenSurvey, people: People, analyst: AnalystProgram
) -> tuple[list[int], list[Cheat], NodeLoad]:
    story, scale = stage.story, stage.scale
    story.steps.step(f"{scale.people} people answer, and see their reports arrive", scale.people)
    running = stage.network.processes.running()
    watch = LoadWatch({node.name: running[node.name] for node in stage.network.nodes}, time.monotonic)
    filling: list[int] = []
    cheats: list[Cheat] = []
    done: list[int] = []

    async def answer() -> None:
        await crowd.answer(survey.invitations, people.drawn, story.steps.done)
        done.append(1)

    async def look_on() -> None:
        while not done:
            await crowd.outside.pause(WATCH_S)
            try:
                released = released_reports(await analyst.state())
            except UnavailableError:
                continue  # a busy machine: the next look will do
            if released > (filling[-1] if filling else 0):
                filling.append(released)

    async def cheat() -> None:
        while not done and len(crowd.taken) < CHEATERS:
            await crowd.outside.pause(WATCH_S)
        await all_of(_cheats(crowd, survey, cheats))

    await all_of([answer(), look_on(), cheat()])
    load = watch.end(psutil.cpu_count() or 1)
    story.steps.finish()
    ends = crowd.participation.ends
    told = ", ".join(f"{count} {state.value}" for state, count in sorted(ends.items()))
    story.tell("people", f"sent a report for each question at a random time: {told}")
    for problem in crowd.participation.problems[:5]:
        story.caught("people", problem)
    seen = ", then ".join(map(str, filling)) or "none yet"
    story.tell("dashboard", f"had {seen} reports meanwhile: they are released together, in a random order")
    _tell_cheats(story, cheats)
    story.tell("nodes", f"the busiest took {load.highest:.0%} of a core, all {load.of_machine:.0%} of the machine")
    return filling, cheats, load


def _cheats(crowd: Crowd, survey: FrozenSurvey, cheats: list[Cheat]) -> Iterator[Awaitable[None]]:
    """Yield everything that those who were ready first try. Each has a client of its own: that is quicker."""
    if not crowd.taken:
        raise UnavailableError("no report of anybody has arrived")

    async def attempt(trying: Awaitable[Cheat]) -> None:
        cheats.append(await trying)

    cheaters = itertools.cycle(
        Cheater(crowd.clients[number], survey.questionnaire, survey.invitations[number - 1], report, crowd.outside.rng)
        for number, report in sorted(crowd.taken.items())[:CHEATERS]
    )
    first = next(cheaters)
    yield attempt(first.ask_again())
    yield attempt(next(cheaters).answer_again())
    for junk in first.junk():
        yield attempt(next(cheaters).send(junk))


def _tell_cheats(story: Story, cheats: list[Cheat]) -> None:
    for cheat in cheats:
        if cheat.refused:
            counted = f", and counted as {cheat.reason}" if cheat.reason else ""
            story.tell("refused", f"{cheat.what}{counted}")
        else:
            story.caught("taken", cheat.what)


async def _until_settled(stage: SurveyStage, outside: PeopleOutside, closes_s: int) -> None:
    now_s = outside.clock.seconds()
    left = max(1, closes_s - int(now_s))
    stage.story.steps.step("waiting until the survey closes", left)
    while not _is_settled(stage):
        now_s = outside.clock.seconds()
        if now_s > closes_s + SETTLE_WITHIN_S:
            raise UnavailableError(f"the collector has not settled the survey {SETTLE_WITHIN_S:g} s after its end")
        stage.story.steps.done(max(0, min(left, left - int(closes_s - now_s))))
        await outside.pause(POLL_S)
    stage.story.steps.finish()
    stage.story.tell("collector", "closed the survey by its clock, and released what it had held back")


def _is_settled(stage: SurveyStage) -> bool:
    try:
        told = msgspec.json.decode((stage.folders.collector / "status.json").read_bytes(), type=_Told)
    except (OSError, msgspec.MsgspecError) as error:
        raise LoopixmixError(f"the collector does not tell how it is: {error}") from error
    return bool(told.surveys) and all(survey.is_settled for survey in told.surveys)


def released_reports(state: ShownSurveyState) -> int:
    """Return how many reports of all questions are in the results."""
    return sum(sheet.released for sheet in state.sheets)


def _tell_results(stage: SurveyStage, people: People, state: ShownSurveyState, questions: list[ShownQuestion]) -> None:
    for question in questions:
        stage.story.show(*result_lines(question, people))
    privacy = state.privacy
    if privacy.eps is not None and privacy.eps0 is not None:
        stage.story.tell("", "")
        stage.story.tell(
            "privacy loss",
            f"at most {privacy.eps:.2f} for a person, if one mix is honest; {privacy.eps0:.2f} if all work together",
        )
