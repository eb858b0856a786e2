"""`make bench-mail`: mail over the network, from one mail program to another."""

from __future__ import annotations

MEASURED_BY = (
    "benchmarks.mailing.reading",
    "benchmarks.mailing.exactness",
    "benchmarks.mailing.sockets",
    "benchmarks.mailing.kills",
)
