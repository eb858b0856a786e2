"""Runs the migrations of the store of counters."""

from __future__ import annotations

from loopixmix.store.migration import run_migrations

run_migrations()
