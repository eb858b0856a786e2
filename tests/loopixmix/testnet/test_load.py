from __future__ import annotations

import psutil
import pytest

from loopixmix.testnet.load import LoadWatch, NodeLoad, busy_s


def test_the_load_is_the_processor_time_over_the_time_that_passed() -> None:
    own = psutil.Process()
    times_s = iter([100.0, 110.0])
    watch = LoadWatch({"mix-1": own}, times_s.__next__)
    before_s = busy_s(own)
    while busy_s(own) < before_s + 0.05:
        sum(range(10_000))
    load = watch.end(cores=2)
    assert load.busiest == "mix-1"
    assert 0.05 / 10 * 0.5 < load.highest < 0.5
    assert load.of_machine == pytest.approx(load.highest / 2)


def test_the_busiest_node_and_the_whole_machine() -> None:
    load = NodeLoad({"mix-1": 0.2, "provider-1": 0.6}, cores=4)
    assert (load.busiest, load.highest, load.of_machine) == ("provider-1", 0.6, pytest.approx(0.2))


def test_a_process_that_is_gone_takes_nothing() -> None:
    child = psutil.Popen(["/bin/true"])
    child.wait()
    assert busy_s(child) == 0.0
