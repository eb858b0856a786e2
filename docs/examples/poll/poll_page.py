"""The page of the poll, in the daemon of a voter: a form to vote, and a chart of the result."""

from __future__ import annotations

from poll_app import Voter

from client.api import Client
from loopixmix.web.forms.fields import ChoiceField, Option
from loopixmix.web.forms.forms import Form
from loopixmix.web.pages import PageContext
from loopixmix.web.showing.charts import Caption, ChartBar, bar_chart
from loopixmix.web.showing.frame import MenuEntry
from loopixmix.web.showing.markup import notice, paragraph
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.routes import PageRoutes
from loopixmix.web.visiting.visit import Visit


class PollPages:
    """The daemon makes it when somebody opens the page for the first time."""

    app = PageRoutes()
    title = "Poll"
    places = (MenuEntry("/", "Vote"), MenuEntry("/result", "Result"))

    def __init__(self, context: PageContext[Client]) -> None:
        self._voter = Voter(context.client)

    @app.page("/", methods=["GET", "POST"])
    async def vote(self, visit: Visit) -> Shown | SeeOther:
        """Show the question, and carry a vote to the poll."""
        question, options = await self._voter.question()
        choice = ChoiceField("option", question, [Option(option, option) for option in options])
        form = Form(choice, submit="Cast the vote")
        filled = None if visit.form is None else form.read(visit.form)
        if filled is not None and filled.is_good:
            await self._voter.vote(filled.value(choice))
            return SeeOther("/result?cast=yes")
        told = paragraph("Your vote goes through the network. It takes some seconds, and nobody learns whose it is.")
        return Shown("Vote", [told, form.show(visit.form_token, filled)], status=200 if filled is None else 422)

    @app.page("/result")
    async def result(self, visit: Visit) -> Shown:
        """Show the votes so far."""
        votes = await self._voter.result()
        total = sum(votes.values())
        caption = Caption(title="Votes so far", description=f"Votes in all: {total}.", x="option", y="votes")
        cast = notice("Your vote is counted.") if visit.query.one("cast") else ""
        return Shown("Result", [cast, bar_chart(caption, [ChartBar(*each) for each in votes.items()])])
