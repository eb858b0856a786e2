"""The privacy budget as a page: what is allowed, what was lost, and for which surveys."""

from __future__ import annotations

from datetime import UTC, datetime

from loopixmix.errors import MisuseError
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import FieldError, NumberField, Option, SeveralField, TextField
from loopixmix.web.forms.forms import Filled, Form
from loopixmix.web.showing.markup import Content, paragraph
from loopixmix.web.showing.tables import table
from stats.answer.desk import BudgetStanding
from stats.answer.ledger import PrivacyLimits, loss_of, shown_loss, spent

TRUST = "trust"


class LossField(TextField):
    """A privacy loss: a number that need not be whole."""

    def read(self, body: FormBody) -> str:
        """Return the number as it was written."""
        text = super().read(body)
        try:
            loss_of(text)
        except MisuseError as error:
            raise FieldError(str(error)) from error
        return text


EPS = LossField("eps", "If one mix is honest (eps)", "10 unless you choose otherwise.", longest=20)
EPS0 = LossField("eps0", "If all mixes work together (eps0)", "200 unless you choose otherwise.", longest=20)
DAYS = NumberField("days", "In so many days", least=1, most=36_500, description="365 unless you choose otherwise.")
RAW = SeveralField(
    TRUST,
    "Surveys that take true answers",
    [Option("yes", "Allow them", "Their collectors can read what you answer, but not whose it is.")],
)
LIMITS = Form(EPS, EPS0, DAYS, RAW, submit="Change the limits")


def limits_of(filled: Filled) -> PrivacyLimits:
    """Return the limits that were entered."""
    trusts = bool(filled.value(RAW))
    return PrivacyLimits(loss_of(filled.value(EPS)), loss_of(filled.value(EPS0)), filled.value(DAYS), trusts)


def entered(limits: PrivacyLimits) -> Filled:
    """Return the form filled with the present limits."""
    texts = {"eps": (shown_loss(limits.eps),), "eps0": (shown_loss(limits.eps0),), "days": (str(limits.days),)}
    return LIMITS.read(FormBody({**texts, TRUST: ("yes",)} if limits.trusts_collectors else texts))


def budget_content(budget: BudgetStanding, now_s: float) -> list[Content]:
    """Return what was lost so far."""
    limits, losses = budget.limits, budget.losses
    found = spent(losses, limits, now_s)
    told: list[Content] = [
        paragraph(
            "Every answer gives away a little about you, even though it is randomised and nobody sees whose it is. "
            "The losses of all surveys add up. This machine keeps the sum, and refuses what would be too much."
        ),
        paragraph(
            f"In the last {limits.days} days, you spent {shown_loss(found.eps)} of {shown_loss(limits.eps)} in case "
            f"one mix is honest (eps), and {shown_loss(found.eps0)} of {shown_loss(limits.eps0)} in case all mixes "
            "work together (eps0)."
        ),
    ]
    if found.raw:
        told.append(paragraph(f"Surveys that got true answers: {found.raw}."))
    rows = [
        (
            loss.title,
            f"{datetime.fromtimestamp(loss.at_s, UTC):%Y-%m-%d}",
            shown_loss(loss.eps),
            "true answers" if loss.eps0 is None else shown_loss(loss.eps0),
        )
        for loss in reversed(losses)
    ]
    if rows:
        told.append(table("What it was spent on", ("Survey", "On", "eps", "eps0"), rows))
    return told
