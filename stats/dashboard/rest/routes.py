"""The routes of the REST interface. Cookies count nothing here: only a bearer token tells who calls."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from klein import Klein
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from loopixmix.errors import UNDECODABLE, LoopixmixError, StoreError, UnavailableError
from loopixmix.web.forms.bodies import BadFormError, FormBody, FormLimits, read_query
from stats.analysts.book import Analyst, AnalystBook
from stats.analysts.rights import AnalystRight, MissingRightError
from stats.dashboard.exports import ExportedFile, ExportedPart, ExportFormat, ExportOrder, ordered_file
from stats.dashboard.filters import period_filter
from stats.dashboard.privacy import survey_privacy
from stats.dashboard.queries import MOST_ROWS
from stats.dashboard.record import newest_deeds
from stats.dashboard.rest import documents as doc
from stats.dashboard.rest.bearer import CallerBounds, CallsTooOftenError, UnknownCallerError, bearer_of
from stats.dashboard.rest.calls import CALLS
from stats.dashboard.rest.description import describe
from stats.dashboard.rest.making import (
    ask_answer,
    batch_list,
    cross_document,
    data_set_document,
    data_set_list,
    deed_list,
    question_document,
    series_document,
    survey_document,
    survey_entry,
)
from stats.dashboard.results import SurveyResults, UnknownResultError
from stats.dashboard.seams import CentralData
from stats.dashboard.turns import WaitingTurns
from stats.estimate.alarms import AlarmRule

MOST_DEEDS = 200
MOST_BODY_BYTES = 16 * 1024
JSON = "application/json"
LIMITS = FormLimits(body_bytes=MOST_BODY_BYTES, fields=20, text_bytes=200)

_log = Logger()
_B = TypeVar("_B", bound=msgspec.Struct)


class BadCallError(BadFormError):
    """The call is not understood."""


@dataclass(frozen=True)
class ApiParts:
    """What the interface answers from."""

    results: SurveyResults
    data_sets: CentralData
    book: AnalystBook
    turns: WaitingTurns
    bounds: CallerBounds


class StatsApi:
    """Answers programs; `app.resource()` is what is below /v1."""

    app = Klein()

    def __init__(self, parts: ApiParts) -> None:
        """`parts`: shared with the pages."""
        self._parts = parts
        self._results = parts.results
        self._description = msgspec.json.encode(describe(CALLS))

    @app.route("/v1/openapi.json", methods=["GET"])
    def openapi(self, request: Request) -> bytes:
        """Give the description; anybody may read it."""
        return _written(request, self._description)

    @app.route("/v1/surveys", methods=["GET"])
    async def surveys(self, request: Request) -> bytes:
        """List all surveys."""

        def work(_: Analyst) -> doc.SurveyList:
            found = self._results.view.surveys()
            return doc.SurveyList(surveys=[survey_entry(each, self._results.progress(each)) for each in found])

        return await self._answered(request, work)

    @app.route("/v1/surveys/<survey>", methods=["GET"])
    async def survey(self, request: Request, survey: str) -> bytes:
        """Give one survey."""

        def work(_: Analyst) -> doc.SurveyDocument:
            found = self._results.find(survey)
            progress = self._results.progress(found)
            return survey_document(found, progress, survey_privacy(found, progress))

        return await self._answered(request, work)

    @app.route("/v1/surveys/<survey>/questions/<question>", methods=["GET"])
    async def question(self, request: Request, survey: str, question: str) -> bytes:
        """Estimate one question."""

        def work(_: Analyst) -> doc.QuestionDocument:
            found, query = self._results.find(survey), _query(request, "from", "to")
            result = self._results.question(found, question, period_filter(query, found))
            return question_document(found, result)

        return await self._answered(request, work)

    @app.route("/v1/surveys/<survey>/questions/<question>/series", methods=["GET"])
    async def series(self, request: Request, survey: str, question: str) -> bytes:
        """Estimate one question period by period."""

        def work(_: Analyst) -> doc.SeriesDocument:
            found, rule = self._results.find(survey), AlarmRule()
            return series_document(found, self._results.series(found, question, rule), rule.false_alarms)

        return await self._answered(request, work)

    @app.route("/v1/surveys/<survey>/cross", methods=["GET"])
    async def cross(self, request: Request, survey: str) -> bytes:
        """Estimate two questions against each other."""

        def work(_: Analyst) -> doc.CrossDocument:
            found, query = self._results.find(survey), _query(request, "from", "to", "rows", "columns")
            rows, columns = query.one("rows"), query.one("columns")
            if not rows or not columns:
                raise BadCallError("a cross table needs the fields rows and columns")
            return cross_document(found, self._results.cross(found, rows, columns, period_filter(query, found)))

        return await self._answered(request, work)

    @app.route("/v1/surveys/<survey>/batches", methods=["GET"])
    async def batches(self, request: Request, survey: str) -> bytes:
        """List the batches of a survey."""
        return await self._answered(request, lambda _: batch_list(self._results.progress(self._results.find(survey))))

    @app.route("/v1/surveys/<survey>/query", methods=["POST"])
    async def query(self, request: Request, survey: str) -> bytes:
        """Run a SELECT on randomised reports."""

        def work(_: Analyst) -> doc.QueryAnswer:
            asked = _body(request, doc.QueryRequest)
            columns, rows = self._results.select(self._results.find(survey), asked.sql)
            plain = [[_plain(value) for value in row] for row in rows]
            return doc.QueryAnswer(columns=columns, rows=plain, complete=len(rows) < MOST_ROWS)

        return await self._answered(request, work)

    @app.route("/v1/surveys/<survey>/export", methods=["POST"])
    async def export(self, request: Request, survey: str) -> bytes:
        """Give a file."""

        def work(analyst: Analyst) -> ExportedFile:
            analyst.need(AnalystRight.EXPORT)
            order = _order(_body(request, doc.ExportRequest))
            found = self._results.find(survey)
            file = ordered_file(self._results, found, order)
            self._parts.book.record(analyst, "export", f"{found.short_id} {file.name}", f"{file.rows} rows")
            return file

        return await self._answered(request, work)

    @app.route("/v1/data-sets", methods=["GET"])
    async def data_sets(self, request: Request) -> bytes:
        """List data sets with central noise."""
        return await self._answered(request, lambda _: data_set_list(self._parts.data_sets.all()))

    @app.route("/v1/data-sets/<data_set>", methods=["GET"])
    async def data_set(self, request: Request, data_set: str) -> bytes:
        """Give one data set: its columns, its budget, who spent it."""

        def work(_: Analyst) -> doc.DataSetDocument:
            found = self._parts.data_sets.find(data_set)
            return data_set_document(found, self._parts.data_sets.spendings(data_set, MOST_DEEDS))

        return await self._answered(request, work)

    @app.route("/v1/data-sets/<data_set>/ask", methods=["POST"])
    async def ask(self, request: Request, data_set: str) -> bytes:
        """Ask a data set, and spend some of its budget."""

        def work(analyst: Analyst) -> doc.AskAnswer:
            analyst.need(AnalystRight.SPEND)
            asked = _body(request, doc.AskRequest)
            return ask_answer(self._parts.data_sets.ask(data_set, asked.sql, analyst.name, asked.eps))

        return await self._answered(request, work)

    @app.route("/v1/refusals", methods=["GET"])
    async def refusals(self, request: Request) -> bytes:
        """Count refused reports."""

        def work(_: Analyst) -> doc.RefusalList:
            counted = self._results.view.refusals()
            return doc.RefusalList(
                refusals=[doc.RefusalCount(reason=name, reports=count) for name, count in counted.items()]
            )

        return await self._answered(request, work)

    @app.route("/v1/record", methods=["GET"])
    async def record(self, request: Request) -> bytes:
        """List what analysts did."""

        def work(_: Analyst) -> doc.DeedList:
            return deed_list(newest_deeds(self._parts.book, self._parts.data_sets, MOST_DEEDS))

        return await self._answered(request, work)

    @app.handle_errors(HTTPException)
    def refuse(self, request: Request, failure: Failure) -> bytes:
        """Answer what no route takes."""
        status = getattr(failure.value, "code", None) or 500
        return _told(request, status, "there is no such call" if status == 404 else "this call cannot be made so")

    async def _answered(self, request: Request, work: Callable[[Analyst], msgspec.Struct | ExportedFile]) -> bytes:
        secret, address = bearer_of(request), str(getattr(request.getClientAddress(), "host", ""))

        def done() -> msgspec.Struct | ExportedFile:
            analyst = self._parts.bounds.identify(self._parts.book, secret, address)
            analyst.need(AnalystRight.SEE)
            return work(analyst)

        try:
            found = await self._parts.turns.do(done)
        except CancelledError:
            raise
        except Exception as error:
            return _refused(request, error)
        if isinstance(found, ExportedFile):
            request.setHeader("Content-Disposition", f'attachment; filename="{found.name}"')
            return _written(request, found.body, found.media_type)
        return _written(request, msgspec.json.encode(found))


def _order(asked: doc.ExportRequest) -> ExportOrder:
    first, last = asked.first_batch, asked.last_batch
    batches = None if first is None and last is None else (first or 0, 10**9 if last is None else last + 1)
    return ExportOrder(ExportedPart(asked.part), ExportFormat(asked.format), asked.sheet, batches)


def _query(request: Request, *names: str) -> FormBody:
    query = read_query(request.uri.partition(b"?")[2], LIMITS)
    strange = sorted(set(query.texts) - set(names))
    if strange:
        raise BadCallError(f"there is no field {strange[0][:40]!r} here; there are {', '.join(names)}")
    return query


def _body(request: Request, kind: type[_B]) -> _B:
    body: bytes = request.content.read() if request.content is not None else b""
    if len(body) > MOST_BODY_BYTES:
        raise BadCallError(f"a body has at most {MOST_BODY_BYTES} bytes, not {len(body)}")
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE as error:
        raise BadCallError(f"the body is not understood: {error}") from error


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _refused(request: Request, error: Exception) -> bytes:
    match error:
        case UnknownCallerError():
            request.setHeader("WWW-Authenticate", "Bearer")
            return _told(request, 401, str(error))
        case CallsTooOftenError():
            request.setHeader("Retry-After", "10")
            return _told(request, 429, str(error))
        case MissingRightError():
            return _told(request, 403, str(error))
        case UnknownResultError():
            return _told(request, 404, str(error))
        case UnavailableError():
            return _told(request, 503, str(error))
        case StoreError() | LoopixmixError():
            return _told(request, 400, str(error))
    _log.failure("a call failed", Failure(error))
    return _told(request, 500, "the program could not do this; its log tells more")


def _told(request: Request, status: int, words: str) -> bytes:
    return _written(request, msgspec.json.encode(doc.ErrorDocument(error=words)), status=status)


def _written(request: Request, body: bytes, media_type: str = JSON, *, status: int = 200) -> bytes:
    request.responseHeaders.removeHeader("Server")
    request.setResponseCode(status)
    request.setHeader("Content-Type", media_type)
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    # No page, of whatever origin, may show it as one of ours.
    request.setHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    return body
