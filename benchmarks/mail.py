"""`make bench-mail`: mail over the network, from the mail program's 250 to the other one's IDLE."""

from __future__ import annotations

MEASURED_BY = (
    "benchmarks.mailing.reading",
    "benchmarks.mailing.accepting",
    "benchmarks.mailing.delays",
    "benchmarks.mailing.exactness",
    "benchmarks.mailing.kills",
    "benchmarks.mailing.outside",
    "benchmarks.mailing.sockets",
)
