"""Runs the migrations of a collector's store."""

from __future__ import annotations

from loopixmix.store.migration import run_migrations

run_migrations()
