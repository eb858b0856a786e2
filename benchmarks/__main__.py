"""`python -m benchmarks TOPIC`: measure a topic, print its table and write its JSON file."""

from __future__ import annotations

import importlib
import sys

from benchmarks.report import publish

TOPICS = {
    "network": ("benchmarks.sphinx_speed", "benchmarks.relay"),
    "simulations": (
        "benchmarks.vector_engine",
        "benchmarks.nodes_engine",
        "benchmarks.verification",
        "benchmarks.repeating",
    ),
}
"""Modules by topic, each with a function `measure`; imported when asked for, as they need different libraries."""


def main() -> int:
    """Measure what is asked for; exit 2 for an unknown topic."""
    topic = sys.argv[1] if len(sys.argv) == 2 else ""
    if topic not in TOPICS:
        print(f"usage: python -m benchmarks {'|'.join(TOPICS)}", file=sys.stderr)
        return 2
    modules = [importlib.import_module(name) for name in TOPICS[topic]]
    publish(topic, [figure for module in modules for figure in module.measure()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
