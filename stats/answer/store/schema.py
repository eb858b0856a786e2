"""The tables of a respondent's store."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from loopixmix.store.schema import Schema
from stats.answer import migrations

metadata = MetaData()

surveys = Table(
    "surveys",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("collector", String(64), nullable=False),
    Column("issuer", String(64), nullable=False),
    Column("code", String(128), nullable=False),
    Column("questionnaire", LargeBinary, nullable=False),
    Column("joined_at_s", Float, nullable=False),
)
"""Surveys whose invitation was taken, with the questionnaire as its bytes, whose hash was checked."""

ordered_tokens = Table(
    "ordered_tokens",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("sheet", SmallInteger, primary_key=True, autoincrement=False),
    Column("period", SmallInteger, primary_key=True, autoincrement=False),
)
"""Tokens that the client was told to order."""

reports = Table(
    "reports",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("sheet", SmallInteger, primary_key=True, autoincrement=False),
    Column("period", SmallInteger, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("report_id", LargeBinary(16), nullable=False),
    Column("drawn", LargeBinary, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("not_before_s", Float, nullable=False),
    Column("deadline_s", Float, nullable=False),
    Column("request", String(64), nullable=False),
    Column("changed_at_s", Float, nullable=False),
)
"""One report for each sheet and period. `drawn`: its bytes as they are sent, empty once nothing more is sent of it.

`attempt`: counts requests for it. `request`: the client's id of the last one, empty if there is none.
"""

answers = Table(
    "answers",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("sheet", SmallInteger, primary_key=True, autoincrement=False),
    Column("period", SmallInteger, primary_key=True, autoincrement=False),
    Column("question", String(32), primary_key=True),
    Column("answer", Text, nullable=False),
)
"""What was answered, in words, until the client has the report."""

repeated = Table(
    "repeated",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("values", LargeBinary, nullable=False),
)
"""The newest values of a device, which it reports again in each period."""

responses = Table(
    "responses",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("question", String(32), primary_key=True),
    Column("value", BigInteger, primary_key=True, autoincrement=False),
    Column("drawn", BigInteger, nullable=False),
)
"""Permanent responses, until their survey closes."""

losses = Table(
    "losses",
    metadata,
    Column("survey_id", LargeBinary(32), primary_key=True),
    Column("period", SmallInteger, primary_key=True, autoincrement=False),
    Column("title", String(200), nullable=False),
    Column("eps", BigInteger, nullable=False),
    Column("eps0", BigInteger, nullable=True),
    Column("again", BigInteger, nullable=False),
    Column("at_s", Float, nullable=False),
)
"""The privacy that was lost, in millionths of an epsilon. `eps0` is null if true answers were sent.

`again`: the part of it that permanent responses have.
"""

limits = Table(
    "limits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("eps", BigInteger, nullable=False),
    Column("eps0", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
    Column("trusts_collectors", Boolean, nullable=False),
)
"""What the person allows; one row, or none if the defaults count."""

SCHEMA = Schema(
    owner="a respondent of surveys",
    head="0001",
    older_versions=frozenset(),
    migrations=Path(migrations.__file__).parent,
    in_memory=metadata,
)
