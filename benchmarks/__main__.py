"""`python -m benchmarks TOPIC`: measure a topic, print its table and write its JSON file."""

from __future__ import annotations

import sys

from benchmarks import relay, sphinx_speed
from benchmarks.report import publish

TOPICS = {"network": (sphinx_speed.measure, relay.measure)}


def main() -> int:
    """Measure what is asked for; exit 2 for an unknown topic."""
    topic = sys.argv[1] if len(sys.argv) == 2 else ""
    if topic not in TOPICS:
        print(f"usage: python -m benchmarks {'|'.join(TOPICS)}", file=sys.stderr)
        return 2
    publish(topic, [figure for measure in TOPICS[topic] for figure in measure()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
