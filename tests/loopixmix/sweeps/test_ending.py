"""The end of a sweep by a signal. Each script is a process of its own, for the test run has handlers of its own.

Whole sweeps that end are in `tests/simulations/workbench/test_processes.py`.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGINNING = """
import os, signal, subprocess, sys, threading
from loopixmix.sweeps.ending import ended_as_by_ctrl_c, hang_ups_ignored, leave_endings_to_the_parent

def hit(number):
    os.kill(os.getpid(), number)
"""

INTERRUPTED = """
try:
    with ended_as_by_ctrl_c():
        hit(signal.{name})
except KeyboardInterrupt:
    print("interrupted")
print(signal.getsignal(signal.{name}) is signal.SIG_DFL)
"""

LEFT_ALONE = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
with ended_as_by_ctrl_c():
    hit(signal.SIGHUP)
    hit(signal.SIGTERM)
hit(signal.SIGTERM)
"""

NESTED = """
with ended_as_by_ctrl_c():
    with ended_as_by_ctrl_c():
        pass
    try:
        hit(signal.SIGTERM)
    except KeyboardInterrupt:
        print("interrupted")
"""

TWICE = """
try:
    with ended_as_by_ctrl_c():
        try:
            hit(signal.SIGTERM)
        finally:
            hit(signal.SIGTERM)  # as `timeout` does
            print("cleaned up")
except KeyboardInterrupt:
    print("interrupted")
"""

ONCE_MORE = """
from loopixmix.sweeps import ending
ending.TWICE_WITHIN_S = 0.0
try:
    with ended_as_by_ctrl_c():
        try:
            hit(signal.SIGTERM)
        finally:
            hit(signal.SIGTERM)
            print("cleaned up")
except KeyboardInterrupt:
    print("interrupted")
"""

SWALLOWED = """
from loopixmix.sweeps.places import Place, performed
from loopixmix.sweeps.work import TaskWork

def perform(task, progress):
    try:
        hit(signal.{name})
    except BaseException:  # as a Deferred does
        print("swallowed")
    {then}
    return task

for attempt in range(2):
    ended = "ended well"
    try:
        with ended_as_by_ctrl_c():
            ended = list(performed(TaskWork(perform, str), [b"one", b"two"], Place(1)))
    except KeyboardInterrupt:
        ended = "interrupted"
    print(ended)
    perform = lambda task, progress: progress(1.0) or task
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
OUTCOMES = "[Finished(place=0, outcome=b'one'), Finished(place=1, outcome=b'two')]"

IN_A_THREAD = """
def work():
    with ended_as_by_ctrl_c(), hang_ups_ignored():
        print("done")

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""

WORKER = """
leave_endings_to_the_parent()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    hit(number)
print("alive")
"""

STARTED_MEANWHILE = """
with hang_ups_ignored():
    child = subprocess.Popen([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"],
                             stdout=subprocess.PIPE, text=True)
    print(child.stdout.readline().strip())
child.send_signal(signal.SIGHUP)
child.send_signal(signal.SIGTERM)
print(child.wait() == -signal.SIGTERM)
hit(signal.SIGHUP)
"""


@pytest.mark.parametrize(
    ("script", "printed", "code"),
    [
        (INTERRUPTED.replace("{name}", "SIGTERM"), ["interrupted", "True"], 0),
        (INTERRUPTED.replace("{name}", "SIGHUP"), ["interrupted", "True"], 0),
        (LEFT_ALONE, ["handled", "handled"], 0),
        (NESTED, ["interrupted"], 0),
        (TWICE, ["cleaned up", "interrupted"], 0),
        (ONCE_MORE, ["interrupted"], 0),
        *(
            (SWALLOWED.format(name=name, then=then), ["swallowed", "interrupted", OUTCOMES, "True"], 0)
            for name in ("SIGINT", "SIGTERM")
            for then in ("progress(0.5); print('goes on')", "pass")
        ),
        (IN_A_THREAD, ["done"], 0),
        (WORKER, ["alive"], 0),
        (STARTED_MEANWHILE, ["ready", "True"], -1),
    ],
    ids=[
        "SIGTERM",
        "SIGHUP",
        "left-alone",
        "nested",
        "twice",
        "once-more",
        "swallowed-ctrl-c",
        "swallowed-ctrl-c-at-the-end",
        "swallowed-SIGTERM",
        "swallowed-SIGTERM-at-the-end",
        "in-a-thread",
        "worker",
        "started-meanwhile",
    ],
)
def test_signals_end_a_sweep_as_ctrl_c_does(script: str, printed: list[str], code: int) -> None:
    command = [sys.executable, "-u", "-c", BEGINNING + script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.splitlines(), done.returncode, done.stderr) == (printed, code, "")
