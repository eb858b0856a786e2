"""Corrupt mixes lose packets: loops tell of it, and the links tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from loopixmix.errors import MisuseError
from loopixmix.seams import LoopReturned, LoopSent
from simulations.attacks.dropping import LoopTally, attack_dropping, lost_of, more_frames_share, passing_share
from simulations.scenario.values import (
    Attacks,
    Corruption,
    Dropping,
    Links,
    Mix,
    Run,
    Scenario,
    SeedChoice,
    Topology,
    Traffic,
    Users,
)
from simulations.seeds import Seeds


def dropped(
    *, share: float = 1 / 3, drop_share: float = 0.5, duration_s: float = 40.0, users: int = 12, replicate: int = 0
) -> dict[str, float]:
    scenario = Scenario(
        topology=Topology(mixes_per_layer=2, providers=2),
        users=Users(count=users, messages_per_day=0, contacts=1),
        traffic=Traffic(payload_rate_per_s=1.0, loop_rate_per_s=0.5, drop_rate_per_s=0.1, node_loop_rate_per_s=2.0),
        mix=Mix(delay_mean_s=0.05),
        links=Links(latency_s=0.01),
        corruption=Corruption(share=share),
        run=Run(warm_up_s=5, duration_s=duration_s, drain_s=5),
        attacks=Attacks(dropping=Dropping(drop_share=drop_share)),
    )
    return attack_dropping(scenario, Seeds(SeedChoice(), replicate=replicate), lambda _: None)


def test_as_many_loops_are_lost_as_theory_says_and_everybody_notices() -> None:
    """H0: `expected`. 1.8 half widths of the 95 % interval are left beside 2 for what was under way; 5 sd in all.

    One corrupt mix in two of three layers, of two each, that loses half: a user's loop passes with (3/4)^4.
    """
    figures = dropped()
    assert figures["attack.dropping.loops_lost_expected"] == pytest.approx(1 - 0.75**4)
    for measured in ("loops_lost", "node_loops_lost"):
        name = f"attack.dropping.{measured}"
        half = (figures[f"{name}.high"] - figures[f"{name}.low"]) / 2
        assert abs(figures[name] - figures[f"{name}_expected"]) < 2.6 * half < 0.25
    assert figures["attack.dropping.detected_nodes"] > 0.5


def test_the_frames_of_who_must_send_again_tell_nothing() -> None:
    """H0: the order of writers and others by frames is any. 20 users each, 5 standard deviations of the rank sum."""
    figures = dropped(users=40, duration_s=10, drop_share=1.0)
    assert abs(figures["attack.dropping.success"] - 0.5) < 5 * (41 / (12 * 400)) ** 0.5
    assert figures["attack.dropping.bound"] == 0.5


def test_where_nothing_is_dropped_nothing_is_lost_and_nobody_alarmed() -> None:
    figures = dropped(drop_share=0.0, duration_s=15)
    assert figures["attack.dropping.loops_lost"] < 0.02
    assert figures["attack.dropping.node_loops_lost"] == 0.0
    assert figures["attack.dropping.loops_lost_expected"] == 0.0
    assert figures["attack.dropping.detected_nodes"] == figures["attack.dropping.detected_users"] == 0.0


def test_the_same_seeds_give_the_same_figures() -> None:
    first = dropped(duration_s=3, users=3, replicate=1)
    assert first == dropped(duration_s=3, users=3, replicate=1)
    assert first != dropped(duration_s=3, users=3, replicate=2)


def test_somebody_must_drop_and_only_if_asked_for() -> None:
    with pytest.raises(MisuseError, match=r"corruption\.share"):
        dropped(share=0.0)
    assert attack_dropping(Scenario(), Seeds(SeedChoice(), replicate=0), lambda _: None) == {}


def test_an_observer_would_find_writers_who_sent_more() -> None:
    assert more_frames_share([5, 6, 7], [1, 2, 3]).mean == 1.0
    assert more_frames_share([1, 2, 3], [5, 6, 7]).mean == 0.0
    assert more_frames_share([2, 2], [2, 2]).mean == 0.5
    assert more_frames_share([1, 4], [2, 3]).mean == 0.5
    wide = more_frames_share(list(range(100)), list(range(100)))
    assert wide.low < 0.5 < wide.high < 0.6
    with pytest.raises(MisuseError, match=r"users\.count"):
        more_frames_share([1], [])


def test_what_passes_is_the_product_over_the_layers() -> None:
    shares = np.array([0.5, 0.0, 0.2])
    assert passing_share(shares, 0.5, crossings=1) == pytest.approx(0.75 * 0.9)
    assert passing_share(shares, 0.5, crossings=2) == pytest.approx((0.75 * 0.9) ** 2)
    assert passing_share(shares, 0.5, crossings=1, without=0) == pytest.approx(0.9)
    assert passing_share(shares, 0.5, crossings=0) == 1.0
    for wrong in (-0.1, 1.1):
        with pytest.raises(MisuseError):
            passing_share(shares, wrong, crossings=1)
        with pytest.raises(MisuseError):
            passing_share(np.array([wrong]), 0.5, crossings=1)


def test_loops_are_counted_by_when_they_left() -> None:
    tally = LoopTally(10.0, 20.0)
    for fact in (LoopSent(9.0), LoopSent(10.0), LoopSent(19.0), LoopSent(20.0)):
        tally.observe(fact)
    for at_s, round_trip_s in ((12.0, 3.0), (12.0, 2.0), (25.0, 6.0), (25.0, 1.0)):
        tally.observe(LoopReturned(at_s, round_trip_s, 1.0, 4))
    assert (tally.sent, tally.returned) == (2, 2)
    assert lost_of([tally]).share == 0.0
    with pytest.raises(MisuseError, match=r"traffic\.loop_rate_per_s"):
        lost_of([LoopTally(0.0, 1.0)])
