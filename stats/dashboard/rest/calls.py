"""Each call of the REST interface: its address, who may, what it takes and gives. Routes and description follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from stats.analysts.rights import AnalystRight
from stats.dashboard.rest import documents as doc

Struct: TypeAlias = type[msgspec.Struct]
PERIODS = {
    "from": "the first period, counted from 1; by default the first one",
    "to": "the last period, counted from 1; by default the last one",
}


@dataclass(frozen=True, kw_only=True)
class ApiCall:
    """One call. `path`: with names in braces, as OpenAPI has them. `query`: fields of the address and their meaning."""

    name: str
    method: str
    path: str
    summary: str
    right: AnalystRight | None = AnalystRight.SEE
    query: Mapping[str, str] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    """Fields of the address that must be there."""
    takes: Struct | None = None
    gives: Struct | None = None
    """None for a file."""


_SURVEY = "/v1/surveys/{survey}"
_DATA_SET = "/v1/data-sets/{data_set}"
_QUESTION = f"{_SURVEY}/questions/{{question}}"

CALLS: tuple[ApiCall, ...] = (
    ApiCall(name="surveys", method="GET", path="/v1/surveys", summary="List all surveys.", gives=doc.SurveyList),
    ApiCall(
        name="survey",
        method="GET",
        path=_SURVEY,
        summary="Give one survey: its questions, its reports, its privacy losses.",
        gives=doc.SurveyDocument,
    ),
    ApiCall(
        name="question",
        method="GET",
        path=_QUESTION,
        summary="Estimate the share of each value of one question.",
        query=PERIODS,
        gives=doc.QuestionDocument,
    ),
    ApiCall(
        name="series",
        method="GET",
        path=f"{_QUESTION}/series",
        summary="Estimate one question in each of the last 60 periods, with anomalies and lasting changes.",
        gives=doc.SeriesDocument,
    ),
    ApiCall(
        name="cross",
        method="GET",
        path=f"{_SURVEY}/cross",
        summary="Estimate two questions of one sheet against each other.",
        query={"rows": "the question of the rows", "columns": "that of the columns", **PERIODS},
        needed=("rows", "columns"),
        gives=doc.CrossDocument,
    ),
    ApiCall(
        name="batches",
        method="GET",
        path=f"{_SURVEY}/batches",
        summary="List the batches of a survey.",
        gives=doc.BatchList,
    ),
    ApiCall(
        name="query",
        method="POST",
        path=f"{_SURVEY}/query",
        summary="Run one SELECT on the randomised reports of a survey. It costs no budget.",
        takes=doc.QueryRequest,
        gives=doc.QueryAnswer,
    ),
    ApiCall(
        name="export",
        method="POST",
        path=f"{_SURVEY}/export",
        summary="Give estimates or randomised reports as CSV or Parquet. It is recorded first.",
        right=AnalystRight.EXPORT,
        takes=doc.ExportRequest,
    ),
    ApiCall(
        name="data_sets",
        method="GET",
        path="/v1/data-sets",
        summary="List data sets with central noise, and what is left of their budgets.",
        gives=doc.DataSetList,
    ),
    ApiCall(
        name="data_set",
        method="GET",
        path=_DATA_SET,
        summary="Give one data set: its columns, its budget, and who spent it.",
        gives=doc.DataSetDocument,
    ),
    ApiCall(
        name="ask",
        method="POST",
        path=f"{_DATA_SET}/ask",
        summary="Ask a data set, and spend some of its budget. It is recorded first. A repeated call spends again.",
        right=AnalystRight.SPEND,
        takes=doc.AskRequest,
        gives=doc.AskAnswer,
    ),
    ApiCall(
        name="refusals",
        method="GET",
        path="/v1/refusals",
        summary="Count refused reports by reason.",
        gives=doc.RefusalList,
    ),
    ApiCall(
        name="record",
        method="GET",
        path="/v1/record",
        summary="List the newest 200 exports and spendings.",
        gives=doc.DeedList,
    ),
)
