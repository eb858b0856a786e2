"""`python -m benchmarks TOPIC`: measure a topic, print its table and write its JSON file."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.report import publish
from benchmarks.topics import measure_topic, modules_of, perform

TOPICS = ("network", "simulations", "services", "mail")
"""The topics that users ask for; any module that measures is one, too."""


def main() -> int:
    """Measure what is asked for; exit code 1 if something could not be measured, 2 for an unknown topic."""
    match sys.argv[1:]:
        case ["--module", module, out]:
            perform(module, Path(out))
            return 0
        case [topic] if (modules := modules_of(topic)) is not None:
            measured = measure_topic(modules, tell=lambda line: print(line, flush=True))
            publish(topic, measured.figures)
            for problem in measured.problems:
                print(problem, file=sys.stderr)
            return 1 if measured.problems else 0
        case _:
            print(f"usage: python -m benchmarks {'|'.join(TOPICS)}, or a module of benchmarks", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
