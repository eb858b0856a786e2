"""A forecast as tables for people, and as figures for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from stats.planning.forecasting import ANSWERS, QuestionForecast, SheetForecast
from stats.questionnaire.questionnaire import MechanismKind


def figures_of(forecasts: Sequence[SheetForecast]) -> Mapping[str, float]:
    """Return all figures, named `eps0.QUESTION`, `margin.QUESTION.ANSWERS`, `eps.SHEET.ANSWERS` and `eps.promised`.

    Losses without a bound are left out: JSON has no number for them.
    """
    found: dict[str, float] = {}
    for number, sheet in enumerate(forecasts):
        for question in sheet.questions:
            found[f"eps0.{question.question}"] = question.eps0
            for answers, margin in zip(ANSWERS, question.margins, strict=True):
                found[f"margin.{question.question}.{answers}"] = margin
        for answers, eps in zip(ANSWERS, sheet.eps, strict=True):
            found[f"eps.{number}.{answers}"] = eps
    if forecasts:
        found["eps.promised"] = math.fsum(sheet.eps_at_threshold for sheet in forecasts)
        found["eps0.together"] = math.fsum(sheet.eps0 for sheet in forecasts)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def forecast_tables(forecasts: Sequence[SheetForecast]) -> Iterator[Table]:
    """Yield the tables of a forecast: the mechanisms, what will be told, and what is given away."""
    questions = [question for sheet in forecasts for question in sheet.questions]
    yield _mechanisms(questions)
    yield _margins(questions)
    yield _losses(forecasts)


def shown_eps(eps: float) -> str:
    """Return a privacy loss for people, rounded up."""
    if math.isinf(eps):
        return "no bound"
    digits = 3 if eps < 1 else 2
    return f"{math.ceil(eps * 10**digits - 1e-9) / 10**digits:.{digits}f}"


def _mechanisms(questions: Sequence[QuestionForecast]) -> Table:
    table = Table(title="mechanisms", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("question", "mechanism", "values", "weights", "eps0"):
        table.add_column(heading, justify="left" if heading in ("question", "mechanism") else "right")
    for question in questions:
        spec = question.mechanism
        sampled = spec.kind is MechanismKind.SAMPLED_BIT
        values = f"{spec.domain.bit_length() - 1} options" if sampled else f"{spec.domain:,}"
        weights = f"{spec.true_weight} : {spec.false_weight}"
        table.add_row(question.question, spec.kind.value, values, weights, shown_eps(question.eps0))
    return table


def _margins(questions: Sequence[QuestionForecast]) -> Table:
    title = "how far a share may be off, in percentage points (noise and chance, 95 %), with so many answers"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("question")
    for answers in ANSWERS:
        table.add_column(_short(answers), justify="right")
    for question in questions:
        table.add_row(question.question, *(_points(margin) for margin in question.margins))
    return table


def _short(answers: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if answers >= size:
            return f"{answers // size} {letter}"
    return str(answers)


def _points(margin: float) -> str:
    return "nothing" if margin >= 1 else f"{100 * margin:.2g}"


def _losses(forecasts: Sequence[SheetForecast]) -> Table:
    title = (
        "privacy loss of one person in a period: eps0 if all mixes work together; eps if one is honest, for the "
        "smallest batch, and for so many reports released at once"
    )
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("report with", "eps0", "eps", *map(_short, ANSWERS)):
        table.add_column(heading, justify="left" if heading == "report with" else "right")
    for sheet in forecasts:
        names = ", ".join(question.question for question in sheet.questions)
        losses = (sheet.eps0, sheet.eps_at_threshold, *sheet.eps)
        table.add_row(names, *(shown_eps(loss) for loss in losses))
    if len(forecasts) > 1:
        eps0 = math.fsum(sheet.eps0 for sheet in forecasts)
        table.add_row("all together", shown_eps(eps0), shown_eps(math.fsum(s.eps_at_threshold for s in forecasts)))
    return table
