"""The voter's page, for one voter on the own machine: no scripts, works by keyboard and at 320 pixels."""

from __future__ import annotations

from collections.abc import Iterable

from loopixmix.seams import Clock
from loopixmix.web.forms.forms import Form, button_form
from loopixmix.web.showing.frame import MenuEntry
from loopixmix.web.showing.markup import Content, element, items, link, notice, paragraph, section
from loopixmix.web.visiting.answers import SeeOther, Shown
from loopixmix.web.visiting.routes import PageRoutes
from loopixmix.web.visiting.visit import Visit
from votes.ballot.choices import Choice, ChoiceError
from votes.ballot.wording import choice_in_words
from votes.record.fingerprint import shown
from votes.record.polls import Poll
from votes.voting.asking import BoardQuestions
from votes.voting.casting import PreparedBallot, VotingBooth
from votes.voting.home import KeptBallot
from votes.voting.page.questions import question_of
from votes.voting.page.states import moment, state_of

REHEARSAL = "This is a rehearsal with test ballots. Nothing that is cast here counts."


class VotingPages:
    """One voter's pages."""

    app = PageRoutes()
    title = "Election"
    places = (MenuEntry("/", "Vote"), MenuEntry("/ballots", "My ballots"))

    def __init__(self, booth: VotingBooth, board: BoardQuestions, *, clock: Clock) -> None:
        """`booth`: of the voter. `board`: where ballots are cast."""
        self._booth = booth
        self._board = board
        self._clock = clock
        self._questions = tuple(question_of(poll) for poll in booth.election.polls)
        self._prepared: PreparedBallot | None = None
        self._said: dict[int, tuple[Choice, ...]] = {}

    @app.page("/", methods=["GET", "POST"])
    async def vote(self, visit: Visit) -> Shown | SeeOther:
        """Ask every question of the election."""
        form = Form(*(field for each in self._questions for field in each.fields), submit="Look at the ballot")
        filled, problem = None, ""
        if visit.form is not None:
            filled = form.read(visit.form)
            if filled.is_good:
                try:
                    self._prepared = self._booth.prepare([each.read(filled) for each in self._questions])
                    return SeeOther("/preview")
                except ChoiceError as error:
                    problem = str(error)
        content = [*self._about(), _problem(problem), form.show(visit.form_token, filled)]
        return Shown(self._booth.election.title, content, status=200 if filled is None else 422)

    @app.page("/preview")
    async def preview(self, visit: Visit) -> Shown | SeeOther:
        """Show what the ballot says, read back from its ciphertexts."""
        prepared = self._prepared
        if prepared is None:
            return SeeOther("/")
        code = prepared.made.ballot.tracking_code
        content: list[Content] = [
            paragraph("This is what your ballot says. It was read back from the encrypted ballot itself."),
            *(section(poll.title, items(*choice_in_words(poll, choice))) for poll, choice in self._pairs(prepared)),
            section(
                "Tracking code",
                paragraph(element("strong", code)),
                paragraph("Write it down. By it you find your ballot on the board. It tells nobody how you voted."),
            ),
            button_form(visit.form_token, "Cast this ballot", visit.to(f"/cast/{code}"), class_="first"),
            paragraph(link(visit.to("/"), "Change it")),
            section(
                "Do you trust this program?",
                paragraph(
                    "You may challenge the ballot instead of casting it. Then it is opened for everybody, who see that "
                    "it says what is written above. It can never be cast afterwards: make a new one."
                ),
                button_form(visit.form_token, "Challenge this ballot", visit.to(f"/challenge/{code}")),
            ),
        ]
        return Shown("Your ballot", content)

    @app.page("/cast/<code>", methods=["POST"])
    async def cast(self, visit: Visit, code: str) -> SeeOther:  # noqa: ARG002 (routes hand it to every page)
        """Cast the ballot that was looked at."""
        prepared = self._taken(code)
        if prepared is None:
            return SeeOther("/ballots" if self._prepared is None else "/preview")
        kept = await self._booth.cast(prepared, self._board, self._clock.seconds())
        # In memory only: what is on the disk tells that somebody votes here, and not how.
        self._said[kept.counter] = prepared.says
        return SeeOther("/ballots")

    @app.page("/challenge/<code>", methods=["POST"])
    async def challenge(self, visit: Visit, code: str) -> Shown | SeeOther:
        """Open the ballot that was looked at, for everybody."""
        prepared = self._taken(code)
        if prepared is None:
            return SeeOther("/" if self._prepared is None else "/preview")
        await self._booth.challenge(prepared, self._board, self._clock.seconds())
        content = [
            paragraph("Your ballot goes to the board with all that opens it, and can never be cast."),
            paragraph(
                "As soon as the board has published it, ",
                link(visit.to("/ballots"), "My ballots"),
                " says so. Then anybody finds it there by its tracking code, ",
                element("strong", code),
                ", and sees what it says.",
            ),
            paragraph(link(visit.to("/"), "Make another ballot, to be cast")),
        ]
        return Shown("Challenged", content)

    @app.page("/again/<int:counter>", methods=["POST"])
    async def again(self, visit: Visit, counter: int) -> SeeOther:  # noqa: ARG002 (routes hand it to every page)
        """Make a ballot of the same choices as an earlier one, with a higher number."""
        if counter not in self._said:
            return SeeOther("/")
        self._prepared = self._booth.prepare(self._said[counter])
        return SeeOther("/preview")

    @app.page("/ballots")
    async def ballots(self, visit: Visit) -> Shown:
        """Show what became of each ballot."""
        kept = self._booth.home.ballots()
        if not kept:
            return Shown("My ballots", paragraph("You have cast no ballot yet. ", link(visit.to("/"), "Vote")))
        content: list[Content] = [await self._about_ballot(visit, ballot) for ballot in reversed(kept)]
        if len(kept) > 1:
            content.insert(0, paragraph("The last ballot that is cast counts."))
        return Shown("My ballots", content)

    @app.page("/check/<int:counter>", methods=["POST"])
    async def check(self, visit: Visit, counter: int) -> Shown | SeeOther:
        """Look for a ballot in the board's log."""
        for kept in self._booth.home.ballots():
            if kept.counter == counter:
                receipt = await self._booth.receipt(kept, self._board)
                if receipt is not None:
                    head = await self._booth.log.check(kept, receipt, self._board)
                    what = "The opening of your ballot" if kept.challenged else "Your ballot"
                    content = [
                        notice(f"{what} is entry {receipt.index:,} of the board's {head.head.size:,} entries."),
                        paragraph("The board proved it, and that it has changed nothing since your last look."),
                        paragraph(link(visit.to("/ballots"), "Back to my ballots")),
                    ]
                    return Shown("My ballot is on the board", content)
        return SeeOther("/ballots")

    def _taken(self, code: str) -> PreparedBallot | None:
        """Return the ballot of this tracking code, which then is prepared no more; None if it is another one.

        A second window, or the page before, may still show a ballot that was changed since.
        """
        prepared = self._prepared
        if prepared is None or prepared.made.ballot.tracking_code != code:
            return None
        self._prepared = None
        return prepared

    def _about(self) -> list[Content]:
        election = self._booth.election
        return [
            notice(REHEARSAL) if election.rehearsal else "",
            paragraph(election.description) if election.description else "",
            paragraph(f"You can vote until {moment(election.closes_at)}, and change your vote until then."),
            element(
                "details",
                element("summary", "Fingerprint of this election"),
                paragraph("Compare it with the one that you were told by another way."),
                paragraph(element("code", shown(self._booth.fingerprint))),
            ),
        ]

    def _pairs(self, prepared: PreparedBallot) -> Iterable[tuple[Poll, Choice]]:
        return zip(self._booth.election.polls, prepared.says, strict=True)

    async def _about_ballot(self, visit: Visit, kept: KeptBallot) -> Content:
        state = await state_of(kept, self._booth, self._board)
        content: list[Content] = [paragraph(each) for each in state.lines]
        if state.is_stored:
            content.append(
                button_form(visit.form_token, "Look for it on the board", visit.to(f"/check/{kept.counter}"))
            )
        if state.may_be_repeated and kept.counter in self._said:
            content.append(button_form(visit.form_token, "Make it again", visit.to(f"/again/{kept.counter}")))
        elif state.may_be_repeated:
            content.append(paragraph(link(visit.to("/"), "Make another ballot")))
        return section(f"Ballot {kept.tracking_code}", *content)


def _problem(problem: str) -> Content:
    if not problem:
        return ""
    return element("div", element("p", f"{problem[:1].upper()}{problem[1:]}."), class_="errors", role="alert")
