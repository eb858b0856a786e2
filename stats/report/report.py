"""A report as bytes (docs/protocol/stats.md, 3). All reports of all surveys have one size."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from loopixmix.errors import FormatError, MisuseError

VERSION = 1
REPORT_BYTES = 1_000
SURVEY_ID_BYTES = 32
REPORT_ID_BYTES = 16
MOST_VALUES = 64
MOST_TOKEN_BYTES = 400
"""A token under a key of 2048 bits has 321."""
_MOST_VALUE = 2**63
_HEAD = struct.Struct(f">B{SURVEY_ID_BYTES}sBH{REPORT_ID_BYTES}sBH")
_DOMAIN = b"loopixmix/stats/report/v1"


@dataclass(frozen=True)
class SentReport:
    """One report. `values` has one randomised integer for each question of the sheet."""

    survey_id: bytes
    sheet: int
    period: int
    report_id: bytes
    """Random, 16 bytes; the same when it is sent again."""
    values: tuple[int, ...]
    token: bytes
    """An encoded blind token; empty if the survey is open to anybody."""


def encode_report(report: SentReport) -> bytes:
    """Return the bytes of `report`, always `REPORT_BYTES`; raise `MisuseError` if it does not fit."""
    if len(report.survey_id) != SURVEY_ID_BYTES or len(report.report_id) != REPORT_ID_BYTES:
        raise MisuseError("the ids of a report have 32 and 16 bytes")
    if not 1 <= len(report.values) <= MOST_VALUES or len(report.token) > MOST_TOKEN_BYTES:
        raise MisuseError(f"a report has 1 to {MOST_VALUES} values and a token of at most {MOST_TOKEN_BYTES} bytes")
    if not all(0 <= value < _MOST_VALUE for value in report.values):
        raise MisuseError("the values of a report are from 0 to 2**63 - 1")
    if not 0 <= report.sheet < 64 or not 0 <= report.period < 400:
        raise MisuseError(f"there is no sheet {report.sheet} or period {report.period}")
    count, token_bytes = len(report.values), len(report.token)
    head = _HEAD.pack(VERSION, report.survey_id, report.sheet, report.period, report.report_id, count, token_bytes)
    data = head + struct.pack(f">{count}Q", *report.values) + report.token
    return data.ljust(REPORT_BYTES, b"\0")


def decode_report(data: bytes) -> SentReport:
    """Return the report in `data`; raise `FormatError` if it has not exactly this form."""
    if len(data) != REPORT_BYTES:
        raise FormatError(f"a report has {REPORT_BYTES} bytes, not {len(data)}")
    version, survey_id, sheet, period, report_id, count, token_bytes = _HEAD.unpack_from(data)
    if version != VERSION:
        raise FormatError(f"there is no version {version} of reports")
    if not 1 <= count <= MOST_VALUES or token_bytes > MOST_TOKEN_BYTES or sheet >= 64 or period >= 400:
        raise FormatError("a count or number in the report is out of bounds")
    values = struct.unpack_from(f">{count}Q", data, _HEAD.size)
    begin = _HEAD.size + 8 * count
    if any(value >= _MOST_VALUE for value in values):
        raise FormatError("a value of the report is out of bounds")
    if any(data[begin + token_bytes :]):
        raise FormatError("a report ends with zeros")
    return SentReport(survey_id, sheet, period, report_id, values, data[begin : begin + token_bytes])


def report_digest(data: bytes) -> bytes:
    """Return a hash of an encoded report, by which the collector knows it when it is sent again."""
    return hashlib.sha256(_DOMAIN + data).digest()
