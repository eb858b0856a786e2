"""Pages of data sets with central noise: a question spends budget, and is answered once for each form."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from loopixmix.bounds import BoundedMap
from loopixmix.errors import LoopixmixError, MisuseError, UnavailableError
from loopixmix.seams import Rng
from loopixmix.web.forms.forms import Filled
from loopixmix.web.showing.markup import paragraph
from loopixmix.web.visiting.answers import PageAnswer, SeeOther, Shown
from loopixmix.web.visiting.visit import Visit
from stats.analysts.book import Analyst
from stats.analysts.rights import AnalystRight
from stats.central.datasets import NoisyAnswer
from stats.dashboard.seams import CentralData
from stats.dashboard.showing.data_sets import (
    EPS,
    QUESTION,
    QUESTION_FORM,
    TICKET,
    answer_content,
    budget_panel,
    columns_panel,
    data_set_list,
    question_content,
)

MOST_KEPT = 200
"""Answers that may be looked at again; a further question is needed for older ones."""
MOST_SPENDINGS = 50
NO_RIGHT = paragraph("You do not have the right to spend budget, and so to ask.", class_="quiet")


@dataclass
class _Ticket:
    """What became of one form. `answer` is None while it is being answered, or if it was not."""

    holder: str
    answer: NoisyAnswer | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)


class DataSetPages:
    """Shows data sets, and asks them for analysts who may spend. Its methods wait for a disk; any thread may call."""

    def __init__(self, data_sets: CentralData, rng: Rng) -> None:
        """`rng`: makes tickets; the system's, outside of tests."""
        self.data_sets = data_sets
        self._rng = rng
        self._tickets: BoundedMap[str, _Ticket] = BoundedMap(MOST_KEPT)
        self._changing = threading.Lock()

    def all(self, visit: Visit) -> Shown:
        """List all data sets."""
        return Shown("Data sets", data_set_list(self.data_sets.all(), visit.to))

    def show(self, visit: Visit, name: str, analyst: Analyst) -> PageAnswer:
        """Show a data set; or an answer that was paid for, if the address names its ticket."""
        ticket = visit.query.one("answer")
        if not ticket:
            return self._page(visit, name, analyst, None, "")
        kept = self._tickets.get(ticket)
        if kept is None or kept.holder != visit.holder or kept.answer is None:
            return self._page(visit, name, analyst, None, "This answer is not kept any more.")
        return self._page(visit, name, analyst, None, "", kept.answer)

    def ask(self, visit: Visit, name: str, analyst: Analyst) -> PageAnswer:
        """Ask a question, and lead to its answer. A form that comes again leads to the same one, and costs nothing."""
        analyst.need(AnalystRight.SPEND)
        if visit.form is None:
            raise MisuseError("a question comes with a form")
        filled = QUESTION_FORM.read(visit.form)
        if not filled.is_good:
            return self._page(visit, name, analyst, filled, "")
        ticket = self._ticket(filled.value(TICKET), visit.holder)
        with ticket.turn:
            if ticket.answer is None:
                sql = " ".join(filled.value(QUESTION).split())
                try:
                    ticket.answer = self.data_sets.ask(name, sql, analyst.name, filled.value(EPS) or None)
                except UnavailableError:
                    raise
                except LoopixmixError as error:
                    words = str(error)
                    return self._page(visit, name, analyst, filled, f"{words[:1].upper()}{words[1:]}.")
        return SeeOther(f"/data/{name}?answer={filled.value(TICKET)}")

    def _ticket(self, name: str, holder: str) -> _Ticket:
        with self._changing:
            kept = self._tickets.get(name)
            if kept is None:
                kept = self._tickets[name] = _Ticket(holder)
            if kept.holder != holder:
                raise MisuseError("this form belongs to another session")
            return kept

    def _page(
        self,
        visit: Visit,
        name: str,
        analyst: Analyst,
        filled: Filled | None,
        wrong: str,
        answer: NoisyAnswer | None = None,
    ) -> Shown:
        standing = self.data_sets.find(name)
        spendings = self.data_sets.spendings(name, MOST_SPENDINGS)
        may_ask = AnalystRight.SPEND in analyst.rights
        ticket = self._rng.randbytes(16).hex()
        ask = question_content(standing, visit.form_token, ticket, filled, wrong) if may_ask else NO_RIGHT
        shown = [] if answer is None else answer_content(answer)
        status = 422 if filled is not None else 200
        return Shown(
            standing.terms.title, [*shown, budget_panel(standing, spendings), ask, columns_panel(standing)], status
        )
