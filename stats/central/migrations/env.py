"""Runs the migrations of the store of data sets."""

from __future__ import annotations

from loopixmix.store.migration import run_migrations

run_migrations()
