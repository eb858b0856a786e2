"""Panels: how far a survey is, and what an answer gives away, in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from loopixmix.web.showing.markup import Content, element, link, paragraph, section
from loopixmix.web.showing.numbers import show_number
from loopixmix.web.showing.tables import Cell, table
from stats.dashboard.privacy import HONEST_MIXES, SurveyPrivacy
from stats.dashboard.results import SheetProgress
from stats.dashboard.seams import ShownSurvey
from stats.dashboard.wording import chance_in_words, loss_in_words, moment
from stats.questionnaire.questionnaire import AtClose

TOLERANCE = 1e-4
"""By which share two computations of one loss may differ."""
OPEN_WORDS = "Open survey: anybody may have answered, and as often as they liked."


def answers_so_far(progress: Sequence[SheetProgress]) -> int:
    """Return how many people have answered, as far as batches tell: those of the sheet with the most reports."""
    return max((sheet.released for sheet in progress), default=0)


def open_label(survey: ShownSurvey) -> Content:
    """Return the label of a survey that anybody may answer; nothing for another one."""
    return element("p", element("strong", OPEN_WORDS), class_="errors") if survey.is_open else ""


def progress_panel(
    survey: ShownSurvey, progress: Sequence[SheetProgress], privacy: SurveyPrivacy, now_s: float
) -> Content:
    """Return how many answers there are, what they give away in one line, and what is not told."""
    draft = survey.questionnaire.draft
    batching = draft.batching
    if now_s < min(draft.opens_s, survey.closes_s):
        state = f"It opens on {moment(draft.opens_s)}."
    elif now_s < survey.closes_s:
        state = f"It is open until {moment(survey.closes_s)}."
    else:
        state = f"It closed on {moment(survey.closes_s)}."
    held = (
        " Some are always held back, so that the last ones have company." if batching.at_close is AtClose.MERGE else ""
    )
    discarded = sum(sheet.discarded for sheet in progress)
    lost = f" {discarded:,} reports were too few to be released at the end of a period, and were discarded."
    return section(
        "Answers so far",
        paragraph(element("strong", f"{answers_so_far(progress):,}"), f" answers are in the results. {state}"),
        paragraph(
            f"Reports come out in batches of at least {batching.threshold:,}. How many wait is not told: a number that "
            f"grows by one would show when somebody answers.{held}{lost if discarded else ''}"
        ),
        paragraph(_losses(privacy), link("#privacy", "What that means")),
    )


def _losses(privacy: SurveyPrivacy) -> str:
    eps0 = f"An answer gives away at most eps0 {loss_in_words(privacy.eps0)} if all mixes work together"
    if privacy.is_open:
        return f"{eps0}. No smaller figure is certain, since all other answers may be one person's. "
    eps = "(told after the first batch)" if privacy.eps is None else loss_in_words(privacy.eps)
    return f"{eps0}, and eps {eps} if one is honest, with delta {chance_in_words(privacy.delta)}. "


def privacy_panel(privacy: SurveyPrivacy) -> Content:
    """Return both losses side by side, with the assumptions behind them."""
    unknown = "not certain" if privacy.is_open else "none yet"
    rows: list[Sequence[Cell]] = [
        (
            ", ".join(sheet.questions),
            loss_in_words(sheet.eps0),
            unknown if sheet.loss is None else loss_in_words(sheet.loss.best),
            f"{sheet.smallest_batch:,}" if sheet.smallest_batch else "none yet",
            f"{sheet.honest:,}" if sheet.smallest_batch and not privacy.is_open else unknown,
        )
        for sheet in privacy.sheets
    ]
    if len(rows) > 1:
        rows.append(
            (
                "all together",
                loss_in_words(privacy.eps0),
                unknown if privacy.eps is None else loss_in_words(privacy.eps),
                "",
                "",
            )
        )
    columns = ("report of", "eps0: all mixes collude", "eps: one mix is honest", "smallest batch", "of them honest")
    more = privacy.eps is not None and privacy.eps > privacy.promised_eps * (1 + TOLERANCE)
    return element(
        "section",
        element("h2", "What an answer gives away", id="privacy"),
        element("p", "This is more than the survey promised.", class_="errors") if more else "",
        paragraph(_all_collude(privacy.eps0)),
        paragraph(_one_honest(privacy)),
        table("Privacy loss of one person in one period", columns, rows),
        _over_periods(privacy) if privacy.periods > 1 and math.isfinite(privacy.eps0) else "",
        paragraph(
            f"Assumed: {privacy.sybil_share * 100:g} % of the reports are an attacker's (Sybil share), "
            f"{HONEST_MIXES} mix on the way is honest, delta is {chance_in_words(privacy.delta)}. The survey "
            f"promised at most eps {privacy.promised_eps:g}.",
            class_="quiet",
        ),
    )


def true_answers_panel(to: Callable[[str], str]) -> Content:
    """Return what is said of a survey whose reports hold true answers."""
    return section(
        "Central noise",
        paragraph(
            "The reports of this survey hold true answers, and no page shows them. They form a data set: each question "
            "to it is answered with noise, and spends some of its privacy budget. Not even the number of answers is "
            "told without."
        ),
        paragraph(link(to("/data"), "Data sets")),
    )


def _all_collude(eps0: float) -> Content:
    if not math.isfinite(eps0):
        return "The reports hold true answers: they are protected by the noise of each question alone."
    return (
        f"If all mixes work together with the collector: whatever they see is at most {_factor(eps0)} times as likely "
        f"with one answer of a person as with another (eps0 {loss_in_words(eps0)})."
    )


def _over_periods(privacy: SurveyPrivacy) -> Content:
    return paragraph(
        f"Over all {privacy.periods} periods together, somebody whose answers stay the same gives away at most eps "
        f"{loss_in_words(privacy.all_periods.eps)}, also if one mix is honest: the same report comes again in each "
        "period. Whoever changes between several answers gives away so many times as much."
    )


def _one_honest(privacy: SurveyPrivacy) -> Content:
    if privacy.is_open:
        return (
            "If one mix is honest, an answer hides among the others that were released with it. But anybody may answer "
            "as often as they like: if all others are one person's, they hide nothing. So only eps0 is certain."
        )
    if privacy.eps is None:
        return "If one mix is honest, the protection is better. By how much is told after the first batch."
    eps, delta = loss_in_words(privacy.eps), chance_in_words(privacy.delta)
    return (
        f"If at least one mix is honest: at most {_factor(privacy.eps)} times as likely (eps {eps}), but for a chance "
        f"of {delta} (delta). 1 time would mean that nothing at all is learnt."
    )


def _factor(eps: float) -> str:
    return show_number(math.ceil(math.exp(eps) * 100) / 100) if eps < 20 else f"{math.exp(eps):.1e}"
