"""Figures of results: what is on them, with what units, and the same bytes again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.stats import gamma

from loopixmix.errors import MisuseError
from simulations.measures.catalogue import Measure
from simulations.outcome import PROBABILITIES, Distribution
from simulations.plots.distributions import density, form_named, gamma_quantiles
from simulations.plots.labels import key_label, measure_label, scale_for, scale_of_places
from simulations.plots.results import distribution_figure, replicates_figure, sweep_figure
from simulations.plots.style import WIDTH_INCHES, destinations, look, save
from simulations.scenario import Scenario, change
from tests.worlds.simulations.results_by_hand import result_by_hand

DELAYS: dict[str, list[object]] = {"mix.delay_mean_s": [0.1, 0.2, 0.5]}
GRID: dict[str, list[object]] = DELAYS | {"topology.layers": [2, 3]}


def only(figure: Figure) -> Axes:
    [axes] = figure.axes
    return axes


def legend(figure: Figure) -> list[str]:
    [found] = figure.legends
    return [text.get_text() for text in found.get_texts()]


def ys_of(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_ydata(), dtype=np.float64)


BUILDERS: dict[str, Callable[[], Figure]] = {
    "sweep": lambda: sweep_figure(result_by_hand(DELAYS), "entropy_bits"),
    "grid": lambda: sweep_figure(result_by_hand(GRID), "latency_mean_s", key="topology.layers", columns=2),
    "replicates": lambda: replicates_figure(result_by_hand(GRID), "entropy_bits"),
    "one": lambda: replicates_figure(result_by_hand({}, theory=False), "pool_mean"),
    "cdf": lambda: distribution_figure(result_by_hand(DELAYS), "latency_s"),
    "density": lambda: distribution_figure(result_by_hand({}, theory=False), "latency_s", form="density"),
    "tail": lambda: distribution_figure(result_by_hand({}), "latency_s", form="tail"),
    "four": lambda: distribution_figure(
        result_by_hand({"mix.delay_mean_s": [0.1, 0.2, 0.5, 1]}, theory=False), "latency_s"
    ),
}


TRUE_OR_FALSE: dict[str, list[object]] = {"packets.cryptography": [True, False]}


def test_true_and_false_are_words_on_the_axis_and_in_the_legend() -> None:
    axes = only(sweep_figure(result_by_hand(TRUE_OR_FALSE), "entropy_bits"))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["true", "false"]
    figure = sweep_figure(result_by_hand(DELAYS | TRUE_OR_FALSE), "entropy_bits")
    assert {"true", "false"} < set(legend(figure))
    axes = only(replicates_figure(result_by_hand(TRUE_OR_FALSE), "entropy_bits"))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["true", "false"]
    assert {"true", "false"} < set(legend(distribution_figure(result_by_hand(TRUE_OR_FALSE), "latency_s")))


LISTS = {"links.quantiles": [((0.5, 0.01), (1.0, 0.02)), ((0.5, 0.1), (1.0, 0.2))]}
THREE_LISTS = {key: [*values, ((0.5, 0.1), (0.75, 0.15), (1.0, 0.2))] for key, values in LISTS.items()}
OF_QUANTILES = change(Scenario(), {"links.model": "quantiles", "links.quantiles": LISTS["links.quantiles"][0]})


def test_lists_are_words_on_the_axis() -> None:
    axes = only(sweep_figure(result_by_hand(LISTS, scenario=OF_QUANTILES), "entropy_bits"))
    assert axes.get_xticklabels()[0].get_text().split() == ["[[0.5,", "0.01],", "[1,", "0.02]]"]


LONG_NAMES: dict[str, list[object]] = {
    "traffic.payload_rate_per_s": [1.5, 2.5],
    "corruption.placement": ["balanced", "favoured"],
    "topology.providers": [1, 2],
}


@pytest.mark.parametrize(
    "build",
    [
        lambda: sweep_figure(result_by_hand(LONG_NAMES), "latency_mean_s", key="topology.providers"),
        lambda: replicates_figure(result_by_hand(LONG_NAMES), "latency_mean_s"),
        lambda: replicates_figure(result_by_hand({"topology.providers": list(range(91, 111))}), "latency_mean_s"),
        lambda: sweep_figure(result_by_hand(THREE_LISTS, scenario=OF_QUANTILES), "entropy_bits"),
        lambda: distribution_figure(result_by_hand({}), "delivery_s", form="tail", columns=2),
    ],
)
def test_long_names_are_neither_cut_nor_over_each_other(build: Callable[[], Figure]) -> None:
    figure = build()
    figure.draw_without_rendering()
    axes = only(figure)
    low, high = axes.get_xlim()
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    names = [name for place, name in ticks if name.get_text() and low <= place <= high]
    for text in [axes.xaxis.label, axes.yaxis.label, *names, *(each for box in figure.legends for each in box.texts)]:
        box = text.get_window_extent()
        assert box.x0 >= -1, text.get_text()
        assert box.x1 <= figure.bbox.x1 + 1, text.get_text()
        assert box.y0 >= -1, text.get_text()
        assert box.y1 <= figure.bbox.y1 + 1, text.get_text()
    if names and not names[0].get_rotation():
        boxes = [name.get_window_extent() for name in names]
        assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize("name", BUILDERS)
def test_axes_are_named_and_the_legend_hides_nothing(name: str) -> None:
    figure = BUILDERS[name]()
    axes = only(figure)
    assert figure.get_size_inches()[0] == WIDTH_INCHES[2 if name == "grid" else 1]
    assert axes.get_ylabel()
    assert name == "one" or axes.get_xlabel()
    figure.draw_without_rendering()
    for box in [found.get_window_extent() for found in figure.legends]:
        assert not box.overlaps(axes.get_window_extent())
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


def test_axes_have_units() -> None:
    assert only(sweep_figure(result_by_hand(DELAYS), "entropy_bits")).get_ylabel() == "entropy (bit)"
    assert only(sweep_figure(result_by_hand(DELAYS), "entropy_bits")).get_xlabel() == "mean delay of a hop (s)"
    assert only(distribution_figure(result_by_hand({}), "latency_s", form="density")).get_ylabel() == "density (1/s)"


def test_a_sweep_shows_means_intervals_and_theory() -> None:
    result = result_by_hand(DELAYS)
    axes = only(sweep_figure(result, "latency_mean_s"))
    [bars] = axes.containers
    means, caps, _ = bars.lines  # type: ignore[attr-defined]
    assert means.get_ydata() == pytest.approx([result.estimate("latency_mean_s", point=n).mean for n in range(3)])
    assert caps[1].get_ydata() == pytest.approx([result.estimate("latency_mean_s", point=n).high for n in range(3)])
    theory = next(line for line in axes.lines if ys_of(line).tolist() == pytest.approx([0.4, 0.8, 2.0]))
    assert np.asarray(theory.get_xdata()).tolist() == [0.1, 0.2, 0.5]


@pytest.mark.parametrize("theory", [True, False])
def test_nothing_joins_the_points_of_a_sweep_and_replicates_are_faint_points(theory: bool) -> None:
    result = result_by_hand(DELAYS, theory=theory)
    axes = only(sweep_figure(result, "entropy_bits"))
    assert {line.get_linestyle() for line in axes.lines} == {"None"}
    faint = next(ys_of(line) for line in axes.lines if line.get_alpha() is not None and ys_of(line).size)
    values = [record.outcome.figures["entropy_bits"] for record in result.records]
    assert sorted(faint.tolist()) == pytest.approx(sorted(values))
    one = sweep_figure(result_by_hand(DELAYS, replicates=1), "entropy_bits")
    assert "replicates" not in legend(one)  # the markers are the replicates


def test_series_of_equal_values_stand_beside_each_other() -> None:
    figure = sweep_figure(result_by_hand({"users.count": [100, 200], "topology.providers": [1, 2, 3]}), "entropy_bits")
    figure.draw_without_rendering()
    drawn = [bars.lines[0] for bars in only(figure).containers]  # type: ignore[attr-defined]
    assert all(np.asarray(markers.get_xdata()).tolist() == [1, 2, 3] for markers in drawn)
    places = [markers.get_transform().transform((2.0, 10.0))[0] * 72 / figure.dpi for markers in drawn]
    assert abs(places[1] - places[0]) > 3  # points; a marker has 4


def test_many_places_have_a_band_instead_of_bars() -> None:
    axes = only(sweep_figure(result_by_hand({"topology.providers": list(range(1, 31))}), "entropy_bits"))
    assert not axes.containers
    [band] = axes.collections
    assert np.asarray(band.get_paths()[0].vertices)[:, 0].max() == 30
    assert axes.get_xscale() == "linear"  # 1, 2, 3 ... stand evenly there, although they span a factor of 30


def test_a_word_keeps_its_place_where_another_one_was_not_measured() -> None:
    words: dict[str, list[object]] = {"corruption.placement": ["balanced", "random"], "topology.layers": [2, 3]}
    result = result_by_hand(words)
    for record in result.records:
        if record.point == 0:
            del record.outcome.figures["pool_mean"]
    axes = only(sweep_figure(result, "pool_mean", key="corruption.placement"))
    by_name = {name.get_text(): place for place, name in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)}
    [first, second] = [np.asarray(bars.lines[0].get_xdata()).tolist() for bars in axes.containers]  # type: ignore[attr-defined]
    assert sorted([first, second], key=len)[0] == [by_name["random"]]
    assert {*first, *second} == set(by_name.values())


def test_points_of_a_sweep_are_chosen() -> None:
    nine = {"mix.delay_mean_s": [round(0.1 * n, 1) for n in range(1, 10)]}
    result = result_by_hand(nine)
    with pytest.raises(MisuseError, match=r"9 lines.*--only"):
        distribution_figure(result, "latency_s")
    figure = distribution_figure(result, "latency_s", only={"mix.delay_mean_s": [0.1, 0.9]})
    assert legend(figure) == ["0.1", "0.9", "theory"]
    axes = only(sweep_figure(result, "entropy_bits", only={"mix.delay_mean_s": [0.2, 0.4]}))
    assert list(axes.get_xticks()) == [0.2, 0.4]
    boxes = only(replicates_figure(result, "entropy_bits", only={"mix.delay_mean_s": [0.3]}))
    assert [name.get_text() for name in boxes.get_xticklabels()] == ["0.3"]
    # A key that has one value in all lines tells nothing.
    figure = distribution_figure(result_by_hand(GRID), "latency_s", only={"topology.layers": [2]})
    assert legend(figure) == ["0.1", "0.2", "0.5", "theory"]
    assert figure.legends[0].get_title().get_text() == "mean delay of a hop (s)"
    with pytest.raises(MisuseError, match=r'"users.count" was not swept \(swept were: mix.delay_mean_s\)'):
        sweep_figure(result, "entropy_bits", only={"users.count": [1]})
    with pytest.raises(MisuseError, match=r"mix.delay_mean_s was not swept over 0.25 \(it was over: 0.1, 0.2, "):
        distribution_figure(result, "latency_s", only={"mix.delay_mean_s": [0.25]})


def test_quantiles_are_marked_with_their_intervals() -> None:
    result = result_by_hand({})
    axes = only(distribution_figure(result, "latency_s", marks=[0.5, 0.95]))
    [bars] = axes.containers
    laws = [record.outcome.distributions["latency_s"] for record in result.records]
    wanted = [np.mean([law.quantile(probability) for law in laws]) for probability in (0.5, 0.95)]
    assert bars.lines[0].get_xdata() == pytest.approx(wanted)  # type: ignore[attr-defined]
    assert list(bars.lines[0].get_ydata()) == [0.5, 0.95]  # type: ignore[attr-defined]
    with pytest.raises(MisuseError, match="quantile 1 cannot be marked"):
        distribution_figure(result, "latency_s", marks=[1.0])
    with pytest.raises(MisuseError, match="not on a density"):
        distribution_figure(result, "latency_s", marks=[0.5], form="density")


def test_a_tail_ends_where_samples_end_and_falls_off_no_cliff() -> None:
    result = result_by_hand({})  # 2,000 samples in each replicate
    axes = only(distribution_figure(result, "latency_s", form="tail"))
    simulated, theory = axes.lines[0], axes.lines[1]
    shares = np.asarray(simulated.get_ydata(), dtype=float)
    assert shares.min() == pytest.approx(0.001)  # the greatest of all would be drawn at a share of 0
    assert (np.diff(np.asarray(simulated.get_xdata(), dtype=float)) > 0).all()
    places, heights = (np.asarray(data, dtype=float) for data in (theory.get_xdata(), theory.get_ydata()))
    assert heights.min() == pytest.approx(1e-4)
    # A curve to its end: where quantiles are kept far apart a straight line would be up to 6 % off.
    expected = gamma.sf(places, 4, scale=result.scenario.mix.delay_mean_s)
    assert heights == pytest.approx(expected, rel=0.01)
    assert (places > np.interp(0.999, PROBABILITIES, result.theory[0].distributions["latency_s"].quantiles)).sum() > 20


def test_a_constant_is_drawn_as_one() -> None:
    result = result_by_hand({}, theory=False)
    for record in result.records:
        record.outcome.distributions["latency_s"] = Distribution.of([0.2] * 50)
    axes = only(distribution_figure(result, "latency_s", form="density"))
    [line] = axes.lines
    assert set(np.asarray(line.get_xdata())) == {0.2}
    assert axes.get_xlim() == pytest.approx((0.19, 0.21))


def test_few_replicates_have_no_box() -> None:
    assert len(only(replicates_figure(result_by_hand({}, replicates=4), "entropy_bits")).lines) == 2  # theory, points
    assert len(only(replicates_figure(result_by_hand({}, replicates=5), "entropy_bits")).lines) == 2 + 6


def test_one_line_for_each_value_of_the_other_keys() -> None:
    figure = sweep_figure(result_by_hand(GRID), "entropy_bits", key="mix.delay_mean_s")
    assert legend(figure) == ["2", "3", "replicates", "theory"]
    assert figure.legends[0].get_title().get_text() == "layers"
    three = GRID | {"topology.providers": [1, 2]}
    figure = sweep_figure(result_by_hand(three, replicates=1), "entropy_bits")
    assert "layers 2, providers 1" in legend(figure)


def test_text_values_can_be_swept() -> None:
    result = result_by_hand({"corruption.placement": ["balanced", "random", "favoured"]})
    axes = only(sweep_figure(result, "entropy_bits"))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["balanced", "random", "favoured"]


def test_a_distribution_shows_its_quantiles_and_theory() -> None:
    result = result_by_hand({})
    axes = only(distribution_figure(result, "latency_s"))
    simulated, theory = axes.lines[0], axes.lines[1]
    quantiles = np.mean([r.outcome.distributions["latency_s"].quantiles for r in result.records], axis=0)
    assert simulated.get_xdata() == pytest.approx(quantiles)
    assert theory.get_xdata() == pytest.approx(result.theory[0].distributions["latency_s"].quantiles)
    figure = distribution_figure(result_by_hand({}, theory=False), "latency_s")
    assert "Gamma of the same mean and sd" in legend(figure)


def test_densities_hold_all_of_the_share() -> None:
    probabilities = np.linspace(0.0, 1.0, 2001)
    heights, edges = density(probabilities, gamma_quantiles(np.clip(probabilities, 1e-6, 1 - 1e-6), mean=2.0, sd=1.0))
    assert (heights * np.diff(edges)).sum() == pytest.approx(0.999, abs=1e-6)
    middles = (edges[1:] + edges[:-1]) / 2
    expected = middles**3 * np.exp(-2 * middles) * 16 / 6  # Gamma of shape 4, rate 2
    assert heights == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", ["sweep", "replicates", "density"])
def test_the_same_data_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    first = BUILDERS[name]()
    with mpl.rc_context({"svg.hashsalt": None, "font.size": 20, "savefig.dpi": 11}):  # a user's own settings
        second = BUILDERS[name]()
        paths = [save(figure, tmp_path / str(number)) for number, figure in enumerate((first, second))]
    for one, other in zip(*paths, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert b"dc:date" not in (tmp_path / "0.svg").read_bytes()


def test_what_cannot_be_drawn_is_refused_in_a_line() -> None:
    single, swept = result_by_hand({}), result_by_hand(DELAYS)
    with pytest.raises(MisuseError, match='no measure is called "entropie"'):
        sweep_figure(swept, "entropie")
    with pytest.raises(MisuseError, match=r'"epsilon" is not in these results \(there is: latency_mean_s'):
        sweep_figure(swept, "epsilon")
    with pytest.raises(MisuseError, match=r'"users.count" was not swept \(swept were: mix.delay_mean_s\)'):
        sweep_figure(swept, "entropy_bits", key="users.count")
    with pytest.raises(MisuseError, match="nothing was swept"):
        sweep_figure(single, "entropy_bits")
    many = result_by_hand({"mix.delay_mean_s": [0.1 * n for n in range(1, 10)], "topology.layers": list(range(1, 9))})
    with pytest.raises(MisuseError, match=r"8 lines, of topology\.layers; 7 can be told apart"):
        sweep_figure(many, "entropy_bits")
    with pytest.raises(MisuseError, match='"entropy_bits" is not in these results'):
        distribution_figure(swept, "entropy_bits")
    with pytest.raises(MisuseError, match="cdf, density, tail"):
        form_named("pdf")


def test_many_values_on_a_logarithmic_axis_are_marked_in_plain_numbers() -> None:
    figure = sweep_figure(result_by_hand({"mix.delay_mean_s": [0.1 * 1.1**n for n in range(26)]}), "entropy_bits")
    figure.draw_without_rendering()
    written = [label.get_text() for label in only(figure).get_xticklabels()]
    assert {"0.1", "0.2", "0.5", "1"} <= set(written)
    assert not any("10^" in label for label in written)


def test_entropies_have_an_axis_of_their_own_and_are_not_called_gamma() -> None:
    result = result_by_hand({}, theory=False)
    for record in result.records:
        bits = np.linspace(9, 10, len(PROBABILITIES))
        record.outcome.distributions["entropy_bits"] = Distribution(
            count=9, mean=9.5, sd=0.1, quantiles=tuple(bits.tolist())
        )
    figure = distribution_figure(result, "entropy_bits")
    assert only(figure).get_xlim()[0] == pytest.approx(9, abs=0.1)
    assert legend(figure) == ["simulated (nodes)"]
    assert only(distribution_figure(result, "latency_s")).get_xlim()[0] == 0


def test_the_success_of_an_attack_stands_beside_its_bound() -> None:
    result = result_by_hand(DELAYS, theory=False)
    for record in result.records:
        record.outcome.figures.update({"attack.fifo.success": 0.2 + record.point / 10, "attack.fifo.bound": 0.9})
    figure = sweep_figure(result, "attack.fifo.success")
    assert legend(figure) == ["simulated (nodes)", "replicates", "bound"]
    assert only(figure).get_ylabel() == "fifo attack: success"
    assert [0.9] * 3 in [np.asarray(line.get_ydata()).tolist() for line in only(figure).lines]


def test_files_have_the_endings_that_are_asked_for(tmp_path: Path) -> None:
    assert destinations(tmp_path / "a") == (tmp_path / "a.png", tmp_path / "a.svg")
    assert destinations(tmp_path / "a.svg") == (tmp_path / "a.svg",)
    assert destinations(tmp_path / "a.pdf") == (tmp_path / "a.pdf",)
    with pytest.raises(MisuseError, match=r"figures are \.png, \.svg or \.pdf"):
        destinations(tmp_path / "a.gif")
    with pytest.raises(MisuseError, match="there is no folder"):
        destinations(tmp_path / "nowhere" / "a.png")


def test_a_notebook_shows_a_figure_whatever_backend_it_has() -> None:
    shown = BUILDERS["sweep"]()._repr_png_()  # type: ignore[attr-defined]
    assert shown.startswith(b"\x89PNG")


def test_a_pdf_is_written_the_same_each_time(tmp_path: Path) -> None:
    paths = [save(BUILDERS["sweep"](), tmp_path / f"{number}.pdf") for number in range(2)]
    one, other = (path.read_bytes() for [path] in paths)
    assert one.startswith(b"%PDF-")
    assert b"CreationDate" not in one  # two in one second would have the same
    assert one == other


def test_looks_differ_without_colours() -> None:
    looks = [look(number) for number in range(7)]
    assert len({found.marker for found in looks}) == len({str(found.line) for found in looks}) == 7


def test_every_measure_has_a_label_with_its_unit() -> None:
    for measure in Measure:
        assert measure_label(measure).endswith(f"({measure.unit})") == (measure.unit not in ("", "1"))
    assert key_label("traffic.payload_rate_per_s") == "payload rate of a user (1/s)"
    assert key_label("run.duration_s") == "duration (s)"
    assert scale_for([1, 2, 9]) == scale_for([0, 100]) == "linear"
    assert scale_for([1, 10]) == "log"
    assert scale_of_places([1, 10, 100]) == scale_of_places([0.1, 0.2, 0.5, 1]) == scale_of_places([1, 50]) == "log"
    assert scale_of_places(range(1, 51)) == scale_of_places([0, 100]) == "linear"
