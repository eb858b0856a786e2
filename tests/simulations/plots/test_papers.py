"""Figures of papers: each draws what was published, theory and what it simulates; the planner's front."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from loopixmix.errors import MisuseError
from loopixmix.main import run
from simulations.commands.plot import PAPER_FIGURES, plot
from simulations.main import simulate
from simulations.plots.comparison import draw_paper, paper_figure
from simulations.plots.papers import FIGURES, FigureEffort, loopix_fig5, mixim_fig7a
from simulations.plots.pareto import load_front, pareto_figure

TINY = FigureEffort(replicates=2, targets=2)
PNG, SVG = b"\x89PNG", b"<?xml"


def quiet(share: float) -> None:
    assert 0 <= share <= 1


@pytest.mark.parametrize("name", PAPER_FIGURES)
def test_each_figure_has_a_command(tmp_path: Path, name: str) -> None:
    arguments = [name, "--replicates", "2", "--targets", "1", "--out", str(tmp_path / "figure")]
    result = CliRunner().invoke(plot, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "figure.png").read_bytes().startswith(PNG)
    assert (tmp_path / "figure.svg").read_bytes().startswith(SVG)


def test_the_figures_of_the_commands_are_those_there_are() -> None:
    assert set(PAPER_FIGURES) == {*FIGURES, "loopix-fig10"}
    with pytest.raises(MisuseError, match='no figure is called "loopix-fig99"'):
        draw_paper("loopix-fig99", TINY, quiet)


def test_published_theory_and_simulated_are_all_there() -> None:
    found = mixim_fig7a(FigureEffort(replicates=2, targets=20), quiet)
    [curve] = found.curves
    theory = dict(zip(curve.theory_x, curve.theory, strict=True))
    for x, published, simulated in zip(curve.x, curve.published, curve.simulated, strict=True):
        assert theory[x] == pytest.approx(published, abs=0.06)  # "holds while the pool is about 25"
        # H0: the simulation gives the published value; 40 targets whose entropies vary by less than 0.2 bit:
        # 0.2 bit is over six standard errors, so a false alarm is below 1e-8 for each.
        assert simulated.mean == pytest.approx(published, abs=0.2)
    axes = paper_figure(found).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("layers", "entropy (bit)")
    drawn = [np.asarray(line.get_ydata()).tolist() for line in axes.lines]
    assert list(curve.published) in drawn
    assert list(curve.theory) in drawn
    # There is nothing between two numbers of layers.
    assert {line.get_linestyle() for line in axes.lines} == {"None"}


def test_theory_is_a_curve_where_it_is_a_line() -> None:
    found = loopix_fig5(FigureEffort(replicates=2, targets=1), quiet)
    [curve] = found.curves
    assert set(curve.x) <= {round(x, 6) for x in curve.theory_x}
    assert len(curve.theory_x) >= 19
    bends = np.diff(curve.theory, 2)
    assert np.abs(bends).max() < 0.01  # chance that differed from place to place would make it rough
    [line] = [line for line in paper_figure(found).axes[0].lines if np.size(line.get_ydata()) == len(curve.theory)]
    assert line.get_linestyle() != "None"


def test_the_same_seed_gives_the_same_figure_with_any_number_of_processes() -> None:
    one, two = (mixim_fig7a(FigureEffort(replicates=2, targets=1, jobs=jobs), quiet) for jobs in (1, 2))
    assert one == two
    assert mixim_fig7a(FigureEffort(replicates=2, targets=1, seed=2), quiet) != one


def planned(tmp_path: Path, **changes: object) -> Path:
    front = [
        {"latency_s": latency_s, "wished_bits": bits, "bits": bits + 0.1, "cost_user_month": bits / 100 / latency_s}
        for bits in (12.0, 14.0)
        for latency_s in (1.0, 2.0, 4.0)
    ]
    plan = {"wishes": {"latency_kind": "delivery-p95", "bits": 14}, "terms": {"prices": {"currency": "EUR"}}}
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan | {"front": front, "passed": True} | changes))
    return path


def test_the_planners_front(tmp_path: Path) -> None:
    figure = pareto_figure(load_front(planned(tmp_path)))
    [axes] = figure.axes
    assert axes.get_xlabel() == "95 % quantile of time to delivery (s)"
    assert axes.get_ylabel() == "cost of a user (EUR/month)"
    assert [line.get_label() for line in axes.lines] == ["12", "14"]
    assert axes.lines[0].get_ydata() == pytest.approx([0.12, 0.06, 0.03])
    assert {line.get_linestyle() for line in axes.lines} == {"None"}  # between two designs there are others


def test_a_notebooks_own_backend_is_not_needed(tmp_path: Path) -> None:
    environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    arguments = ["simulate", "plot", "pareto", str(planned(tmp_path)), "--out", str(tmp_path / "a.pdf")]
    command = [sys.executable, "-P", "-m", "loopixmix.main", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"wrote {tmp_path / 'a.pdf'}\n"), done.stderr


def test_plans_without_a_front_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="this plan has no front"):
        load_front(planned(tmp_path, front=[]))
    with pytest.raises(MisuseError, match="there is no such file"):
        load_front(tmp_path / "nowhere.json")
    (tmp_path / "other.json").write_text("[1, 2]")
    with pytest.raises(MisuseError, match="is no plan of"):
        load_front(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sweep", "nowhere", "entropy_bits"], "nowhere: holds no manifest.json"),
        (["replicates", "nowhere"], "nowhere: holds no manifest.json"),
        (["overlay", "nowhere.json"], "nowhere.json: there is no such file"),
        (["pareto", "nowhere.json"], "nowhere.json: there is no such file"),
        (["loopix-fig4", "--out", "a.gif"], "a.gif: figures are .png, .svg or .pdf"),
        (["loopix-fig4", "--out", "nowhere/a.png"], "nowhere/a.png: there is no folder nowhere"),
        (["loopix-fig4", "--replicates", "0"], "--replicates"),
    ],
)
def test_what_a_user_can_get_wrong_is_one_line(
    arguments: list[str],
    complaint: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plot", *arguments], command=simulate) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert complaint in line
