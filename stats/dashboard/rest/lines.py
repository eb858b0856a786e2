"""Documents of the REST interface as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stats.dashboard.rest import documents as doc
from stats.dashboard.wording import chance_in_words, loss_in_words


def lines_of(document: msgspec.Struct) -> list[str]:
    """Return what a person reads of a document; nothing in it reaches the terminal but printable characters."""
    return ["".join(sign if sign.isprintable() else " " for sign in line) for line in _lines(document)]


def _lines(document: msgspec.Struct) -> Iterator[str]:
    match document:
        case doc.SurveyList(surveys=surveys):
            for each in surveys:
                yield f"{each.id}  {each.answers:>10,}  until {each.closes}  {each.title}"
            if not surveys:
                yield "there is no survey"
        case doc.SurveyDocument():
            yield from _survey(document)
        case doc.QuestionDocument():
            yield from _question(document)
        case doc.QueryAnswer(columns=columns, rows=rows, complete=complete):
            yield "\t".join(columns)
            for row in rows:
                yield "\t".join("" if value is None else str(value) for value in row)
            if not complete:
                yield "there may be more rows"
        case doc.DataSetDocument(data_set=entry, columns=columns):
            yield f"{entry.name}: {entry.title}"
            yield _left(entry.budget)
            for column in columns:
                yield f"  {column.name}: {column.kind}"
        case doc.AskAnswer():
            yield from _answer(document)
        case _:
            yield msgspec.json.encode(document).decode()


def _survey(found: doc.SurveyDocument) -> Iterator[str]:
    entry, privacy = found.survey, found.privacy
    yield f"{entry.title} ({entry.id}): {entry.answers:,} answers in the results, until {entry.closes}"
    if entry.open_to_all:
        yield "Open survey: anybody may have answered, and as often as they liked."
    eps0 = "no bound" if privacy.eps0 is None else loss_in_words(privacy.eps0)
    no_eps = "not certain" if entry.open_to_all else "told after the first batch"
    eps = no_eps if privacy.eps is None else loss_in_words(privacy.eps)
    mixes, delta = privacy.honest_mixes, chance_in_words(privacy.delta)
    yield f"eps0 {eps0} if all mixes work together; eps {eps} if {mixes} is honest; delta {delta}"
    for each in found.questions:
        yield f"  {each.name} ({each.kind}): {each.text}"


def _question(found: doc.QuestionDocument) -> Iterator[str]:
    yield f"{found.text} {found.reports:,} reports. {found.noise}."
    yield "Raw shares: right on average, and perhaps below 0 % or over 100 %."
    if found.open_to_all:
        yield "Open survey: anybody may have answered, and as often as they liked."
    for each in found.values:
        if each.raw_share is None or each.raw_low is None or each.raw_high is None:
            yield f"{'hidden':>8}  {'':18}  {each.label}"
        else:
            interval = f"({each.raw_low * 100:.1f} to {each.raw_high * 100:.1f})"
            yield f"{each.raw_share * 100:7.1f}%  {interval:18}  {each.label}"
    if found.mean is not None:
        yield f"mean {found.mean.value:.2f} ({found.mean.low:.2f} to {found.mean.high:.2f})"
    for quantile in found.quantiles:
        yield f"{quantile.level * 100:g} % are below {quantile.value:.2f} ({quantile.low:.2f} to {quantile.high:.2f})"


def _answer(found: doc.AskAnswer) -> Iterator[str]:
    yield "\t".join((*found.groups, *found.measures))
    for row in found.rows:
        values = (f"{each.value:g} ({each.low:g} to {each.high:g})" for each in row.values)
        yield "\t".join((*row.group, *values))
    yield f"eps {found.eps} was spent. {_left(found.budget)}"


def _left(budget: doc.BudgetDocument) -> str:
    return f"eps {budget.eps_left} of {budget.eps} is left"
