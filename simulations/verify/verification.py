"""All cases, and running them: one after the other or on several processes, with the same rows either way."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence

from loopixmix.errors import MisuseError
from loopixmix.sweeps.ending import no_end_lost
from simulations.scenario.values import SeedChoice
from simulations.seeds import Seeds
from simulations.verify import departures, entropies, latencies, pools, routing, unlinkability, waits
from simulations.verify.rows import LONG, Case, Effort, Row

CASES: tuple[Case, ...] = (
    *entropies.CASES,
    *routing.CASES,
    *unlinkability.CASES,
    *latencies.CASES,
    *departures.CASES,
    *pools.CASES,
    *waits.CASES,
)

FIGURES: dict[str, str] = {
    "loopix-fig4": "Loopix Fig. 4: entropy of one mix; theory: Danezis 2004, eq. 13",
    "loopix-fig5": "Loopix Fig. 5: third-party unlinkability by delay, 3 x 3 mixes; theory: endless pools",
    "loopix-fig6": "Loopix Fig. 6: the same by layers, mu = 1",
    "equal-times": "The trap of equal times: without link delay, departures come before arrivals",
    "loopix-fig10": "Loopix Fig. 10: latency of four hops, Exp(2) each; theory: Gamma(4, 0.5 s)",
    "mixim-fig7a": "MiXiM Fig. 7a: entropy by layers, one second end to end; theory: Erlang entropy",
    "mixim-fig5a": "MiXiM Fig. 5a: entropy by layers, 0.1 s at each",
    "mixim-fig6": "MiXiM Fig. 6: entropy with biased routing and corrupt mixes; theory: by the first honest mix",
    "corruption": "Corrupt mixes: one of 500 packets takes a path of corrupt mixes only",
    "loopix-theorem1": "Loopix Theorem 1: who departs next, of n arrived, k left, l new",
    "loopix-theorem2": "Loopix Theorem 2, with loops of the mix: as in appendix A.2, not as in its body",
    "fifo": "The first packet in is the first out",
    "n-1": "Loopix 4.2.1: success of n-1 against loops",
    "loopix-lemma1": "Loopix Lemma 1: the pool is Poisson(lambda/mu), the output Poisson(lambda)",
    "loopix-eq5": "Loopix eq. 5, as deployed, against brute force",
    "capacity": "Capacity: packets a second that give so many bits; three layers, one second end to end",
    "waits": "Waits of messages and requests: told by planner (theory) and client, and among deployed nodes",
}
"""The meaning of each figure, in the order in which they are shown."""

ROOT_SEED = 20_170_816


def cases_named(names: Sequence[str]) -> list[Case]:
    """Return the cases of the figures so called, all if none is named; raise `MisuseError` for an unknown name."""
    for name in names:
        if name not in FIGURES:
            raise MisuseError(f'no figure is called "{name}" (there are: {", ".join(FIGURES)})')
    return [case for case in CASES if not names or case.figure in names]


def cases_for(cases: Sequence[Case], effort: Effort) -> list[Case]:
    """Return the cases that a form has."""
    return [case for case in cases if effort is LONG or not case.long_only]


def run_case(case: Case, effort: Effort, seed: int = ROOT_SEED) -> list[Row]:
    """Return the rows of a case. Each has seeds of its own, by its name: what else runs changes nothing."""
    # By name and not by place in the list: a new figure changes no other one. `hash` would differ from process to
    # process.
    number = zlib.crc32(f"{case.figure} {case.name}".encode())
    with no_end_lost():
        return list(case.run(effort, Seeds(SeedChoice(root=seed), replicate=number).generator("measures")))


def verify(
    cases: Sequence[Case],
    effort: Effort,
    *,
    jobs: int = 1,
    seed: int = ROOT_SEED,
    done: Callable[[Case], None] | None = None,
) -> list[Row]:
    """Run cases on `jobs` processes (1 or more) and return their rows in the order of `FIGURES`.

    `done` is told each case that is over. The longest begin first. Rows do not depend on `jobs`. Forms other than the
    long one leave some cases out.
    """
    cases = cases_for(cases, effort)
    # A long case that begins last would keep one process at work while the others have none.
    order = sorted(range(len(cases)), key=lambda index: -cases[index].weight)
    found: dict[int, list[Row]] = {}
    for index, rows in _run([(index, cases[index]) for index in order], effort, jobs=jobs, seed=seed):
        found[index] = rows
        if done is not None:
            done(cases[index])
    figures = list(FIGURES)
    shown = sorted(found, key=lambda index: (figures.index(cases[index].figure), index))
    return [row for index in shown for row in found[index]]


def _run(cases: Sequence[tuple[int, Case]], effort: Effort, *, jobs: int, seed: int) -> Iterator[tuple[int, list[Row]]]:
    if jobs == 1:
        return (_numbered(index, case, effort, seed) for index, case in cases)
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=min(jobs, len(cases)), return_as="generator_unordered", batch_size=1)
    done: Iterator[tuple[int, list[Row]]] = parallel(
        delayed(_numbered)(index, case, effort, seed) for index, case in cases
    )
    return done


def _numbered(index: int, case: Case, effort: Effort, seed: int) -> tuple[int, list[Row]]:
    return index, run_case(case, effort, seed)
