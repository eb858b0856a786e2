"""Attacks, each with its success beside its bound: `traces` runs those on traces, `on_nodes` those on real nodes."""
