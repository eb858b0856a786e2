from __future__ import annotations

import dataclasses
import random
from datetime import timedelta

import msgspec
import pytest

from loopixmix.errors import MisuseError
from loopixmix.tokens import decode_token, spent_hash
from stats.collect.refusals import ReportRefusal
from stats.collect.survey import CheckedReport, CollectedSurvey, PoolName, SurveyProgress
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec, Mode, PersonKind, Questionnaire, Travel
from stats.report.report import SentReport, encode_report, report_digest
from tests.worlds.stats.collected import OPENS_S, PERIOD_S, Respondents, frozen, survey_draft

NOW_S = OPENS_S + 1.0
RUNNING = SurveyProgress()


def check(
    questionnaire: Questionnaire, report: SentReport, *, now_s: float = NOW_S, progress: SurveyProgress = RUNNING
) -> CheckedReport | ReportRefusal:
    return CollectedSurvey(questionnaire).check(report, encode_report(report), now_s, progress)


def test_a_good_report_is_known_by_its_token() -> None:
    people = Respondents(frozen(survey_draft()))
    report = people.report((0, 3))
    once = spent_hash(decode_token(report.token))
    pool = PoolName(people.survey_id, 0, 0)
    assert check(people.questionnaire, report) == CheckedReport(
        pool, once, report_digest(encode_report(report)), (0, 3)
    )


@pytest.mark.parametrize("kind", MechanismKind)
def test_each_value_is_one_that_the_mechanism_gives(kind: MechanismKind) -> None:
    # For each: a domain, and how many different reports the page says there are.
    domain, outputs = {
        MechanismKind.KRR: (5, 5),
        MechanismKind.HADAMARD: (5, 8),
        MechanismKind.UNARY: (6, 64),
        MechanismKind.SAMPLED_BIT: (2**5, 10),
        MechanismKind.NONE: (5, 5),
    }[kind]
    weights = (1, 0) if kind is MechanismKind.NONE else (3, 1)
    spec = MechanismSpec(kind=kind, domain=domain, true_weight=weights[0], false_weight=weights[1])
    people = Respondents(frozen(survey_draft(), spec))
    assert isinstance(check(people.questionnaire, people.report((outputs - 1, 0))), CheckedReport)
    for values in ((outputs, 0), (0, outputs), (2**63 - 1, 0)):
        assert check(people.questionnaire, people.report(values)) is ReportRefusal.OUTSIDE_DOMAIN


@pytest.mark.parametrize("values", [(1,), (1, 1, 1)])
def test_the_number_of_values_is_that_of_the_sheet(values: tuple[int, ...]) -> None:
    people = Respondents(frozen(survey_draft()))
    assert check(people.questionnaire, people.report(values)) is ReportRefusal.OUTSIDE_DOMAIN


def test_a_sheet_that_is_not_there_is_outside() -> None:
    people = Respondents(frozen(survey_draft()))
    report = dataclasses.replace(people.report(), sheet=1)
    assert check(people.questionnaire, report) is ReportRefusal.OUTSIDE_DOMAIN


@pytest.mark.parametrize(("at_s", "is_open"), [(-1, False), (0, True), (PERIOD_S - 0.5, True), (PERIOD_S, False)])
def test_a_survey_is_open_from_its_opening_until_just_before_its_end(at_s: float, is_open: bool) -> None:
    people = Respondents(frozen(survey_draft()))
    checked = check(people.questionnaire, people.report(), now_s=OPENS_S + at_s)
    assert isinstance(checked, CheckedReport) if is_open else checked is ReportRefusal.CLOSED


def test_each_period_takes_its_own_reports() -> None:
    people = Respondents(frozen(survey_draft(periods=3)))
    for period in range(3):
        report = people.report(period=period)
        for now in range(3):
            checked = check(people.questionnaire, report, now_s=OPENS_S + now * PERIOD_S + 1)
            # Told as too early or too late, although its token would not count either.
            assert isinstance(checked, CheckedReport) if now == period else checked is ReportRefusal.CLOSED
    report = dataclasses.replace(people.report(), period=3)
    assert check(people.questionnaire, report, now_s=OPENS_S + 3 * PERIOD_S + 1) is ReportRefusal.CLOSED


def test_a_survey_ends_before_its_last_period_does() -> None:
    draft = survey_draft(periods=2)
    early = msgspec.structs.replace(draft, closes=draft.closes - timedelta(minutes=10))
    people = Respondents(frozen(early))
    report = people.report(period=1)
    assert isinstance(check(people.questionnaire, report, now_s=early.closes_s - 1), CheckedReport)
    assert check(people.questionnaire, report, now_s=early.closes_s) is ReportRefusal.CLOSED


def test_what_is_settled_or_closed_by_the_operator_takes_nothing_whatever_the_clock_says() -> None:
    people = Respondents(frozen(survey_draft(periods=2)))
    report = people.report()
    assert check(people.questionnaire, report, progress=SurveyProgress(closed_periods=1)) is ReportRefusal.CLOSED
    closed = SurveyProgress(closed_s=OPENS_S + 100)
    assert isinstance(check(people.questionnaire, report, now_s=OPENS_S + 99, progress=closed), CheckedReport)
    assert check(people.questionnaire, report, now_s=OPENS_S + 100, progress=closed) is ReportRefusal.CLOSED


def test_tokens_of_another_sheet_or_period_do_not_count() -> None:
    people = Respondents(frozen(survey_draft(travel=Travel.SEPARATE, periods=2)))
    for place in ((1, 0), (0, 1), (1, 1)):
        report = people.report((1,), token=people.token(*place))
        assert check(people.questionnaire, report) is ReportRefusal.TOKEN


def test_what_is_no_token_of_the_key_does_not_count() -> None:
    people = Respondents(frozen(survey_draft()))
    good = people.token()
    other = Respondents(frozen(survey_draft(), keys=5), keys=5).token()
    for token in (b"", good[:-1], good[:-1] + bytes([good[-1] ^ 1]), other, random.Random(1).randbytes(321)):
        assert check(people.questionnaire, people.report(token=token)) is ReportRefusal.TOKEN


def test_an_open_survey_takes_reports_without_tokens_only() -> None:
    people = Respondents(frozen(survey_draft(kind=PersonKind.OPEN)))
    report = people.report()
    checked = check(people.questionnaire, report)
    assert isinstance(checked, CheckedReport)
    assert checked.once == checked.digest == report_digest(encode_report(report))
    paid = people.report(token=b"something")
    assert check(people.questionnaire, paid) is ReportRefusal.TOKEN


def test_true_answers_go_to_a_data_set_of_another_name() -> None:
    local, central = (CollectedSurvey(frozen(survey_draft(mode=mode))) for mode in (Mode.LOCAL, Mode.CENTRAL))
    assert (local.is_raw, central.is_raw) == (False, True)
    assert local.table(0).name == f"r_{local.survey_id.hex()[:16]}_0"
    assert central.table(0).name == f"raw_{central.survey_id.hex()[:16]}_0"
    assert local.table(0).questions == ("question_0", "question_1")


def test_a_questionnaire_without_its_keys_is_refused() -> None:
    whole = frozen(survey_draft(periods=2))
    with pytest.raises(MisuseError, match="one token key for each sheet and period"):
        CollectedSurvey(msgspec.structs.replace(whole, keys=whole.keys[:1]))


def test_a_pool_is_found_by_its_name() -> None:
    survey = CollectedSurvey(frozen(survey_draft(periods=3, travel=Travel.SEPARATE)))
    pool = PoolName(survey.survey_id, 1, 2)
    assert survey.pool(str(pool)) == pool
    with pytest.raises(MisuseError, match="no such pool"):
        survey.pool(f"{survey.prefix}-2-0")
