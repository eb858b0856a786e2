"""Matrix files as they are published: each format gives the same table; each fault is refused by name."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from simulations.latency import Places, make_latency
from simulations.latency import formats as formats_module
from simulations.latency.matrices import load_matrix
from simulations.latency.table import TableLatency
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Links, Scenario, SeedChoice, Topology
from simulations.seeds import Seeds

MATRIX_MS = np.array(
    [[0.0, 10.0, 20.0, 35.0], [10.0, 0.0, 30.0, 40.0], [20.0, 30.0, 0.0, 50.0], [35.0, 40.0, 50.0, 0.0]]
)
PAIRS = [(i, j) for i in range(4) for j in range(i + 1, 4)]


def load(path: Path, **keys: object) -> np.ndarray:
    return load_matrix(path, Links(**{"model": "matrix", "matrix": str(path), "matrix_unit": "ms", **keys}))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rows(separator: str) -> str:
    return "\n".join(separator.join(f"{value:g}" for value in row) for row in MATRIX_MS)


SQUARES = {
    "blanks": rows(" "),
    "commas": rows(","),
    "semicolons": rows(";"),
    "tabs": rows("\t"),
    "comment": "# measured by ourselves\n" + rows(" ") + "\n\n",
    "column names": "a,b,c,d\n" + rows(","),
    "row and column names": ",a,b,c,d\n"
    + "\n".join(f"{n},{line}" for n, line in zip("abcd", rows(",").split("\n"), strict=True)),
    "quoted": '"","a","b","c","d"\n'
    + "\n".join(f'"{n}",{line}' for n, line in zip("abcd", rows(",").split("\n"), strict=True)),
}


@pytest.mark.parametrize("name", SQUARES)
def test_squares(tmp_path: Path, name: str) -> None:
    assert load(written(tmp_path, "m.csv", SQUARES[name])) == pytest.approx(MATRIX_MS / 1000)


PAIRED = {
    "meridian": "\n".join(f"{i + 1} {j + 1} {MATRIX_MS[i, j]:g}" for i, j in PAIRS),
    "commas": "\n".join(f"n{i},n{j},{MATRIX_MS[i, j]:g}" for i, j in PAIRS),
    "header": "from,to,rtt\n" + "\n".join(f"n{i},n{j},{MATRIX_MS[i, j]:g}" for i, j in PAIRS),
    "wonderproxy": '"source","destination","timestamp","min","avg","max","mdev"\n'
    + "\n".join(
        f'"{i}","{j}","2020-07-19 00:05:{k:02d}","1","{MATRIX_MS[i, j] + extra:g}","900","1"'
        for i, j in PAIRS
        for k, extra in enumerate((0, 700, -1))  # the median of three
    ),
}


@pytest.mark.parametrize("name", PAIRED)
def test_pairs(tmp_path: Path, name: str) -> None:
    assert load(written(tmp_path, "pairs", PAIRED[name])) == pytest.approx(MATRIX_MS / 1000)


def test_the_column_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "pings.csv", PAIRED["wonderproxy"])
    least = load(path, matrix_format="pairs", matrix_column="min")
    assert set(least[~np.eye(4, dtype=bool)].tolist()) == {0.001}


def test_p2psim_with_its_halves_in_microseconds(tmp_path: Path) -> None:
    lines = [f"{i + 1},{j + 1} {MATRIX_MS[i, j] * 1000:g}" for i, j in PAIRS]
    text = "topology E2EGraph 4\nfailure_model NullFailureModel\n\n" + "\n".join(
        [*(f"node {i}" for i in range(1, 5)), *lines]
    )
    assert load(written(tmp_path, "king.t", text), matrix_unit="us") == pytest.approx(MATRIX_MS / 1000)


@pytest.mark.parametrize("as_array", [True, False])
def test_ripe_atlas(tmp_path: Path, as_array: bool) -> None:
    pings = [
        {"fw": 5020, "from": f"192.0.2.{i}", "dst_addr": f"192.0.2.{j}", "avg": MATRIX_MS[i, j], "result": [{"rtt": 1}]}
        for i, j in PAIRS
    ]
    pings.append({"fw": 5020, "from": "192.0.2.1", "dst_addr": "192.0.2.0", "avg": -1})
    text = json.dumps(pings) if as_array else "\n".join(json.dumps(ping) for ping in pings)
    assert load(written(tmp_path, "atlas.json", text)) == pytest.approx(MATRIX_MS / 1000)


def test_numpy_and_gzip(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MATRIX_MS.astype(np.float32))
    assert load(tmp_path / "m.npy") == pytest.approx(MATRIX_MS / 1000)
    with gzip.open(tmp_path / "m.txt.gz", "wt") as file:
        file.write(SQUARES["blanks"])
    assert load(tmp_path / "m.txt.gz") == pytest.approx(MATRIX_MS / 1000)


def test_round_trips_are_halved_and_units_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "m", SQUARES["blanks"])
    assert load(path, matrix_round_trip=True) == pytest.approx(MATRIX_MS / 2000)
    assert load(path, matrix_unit="us") == pytest.approx(MATRIX_MS / 1e6)


@pytest.mark.parametrize("gap", ["nan", "-1", "NA", "-", "null"])
def test_gaps_are_refused_filled_or_left_out(tmp_path: Path, gap: str) -> None:
    path = written(tmp_path, "m.csv", f"0,10,{gap}\n10,0,30\n20,30,{gap}")
    with pytest.raises(ScenarioError, match=r"m\.csv: 1 entries are missing, the first from place 1 to 3"):
        load(path)
    filled = load(path, matrix_missing="median")
    assert filled[0, 2] == pytest.approx(0.020)  # of 10, 10, 30, 20, 30
    assert load(path, matrix_missing="drop").shape == (2, 2)


def test_directions_may_differ(tmp_path: Path) -> None:
    path = written(tmp_path, "m.csv", "0,10\n20,0")
    assert load(path).tolist() == [[0, 0.01], [0.02, 0]]
    assert load(path, matrix_asymmetry="mean").tolist() == [[0, 0.015], [0.015, 0]]
    with pytest.raises(ScenarioError, match="between places 1 and 2 the two directions differ"):
        load(path, matrix_asymmetry="refuse")


COLUMN, PAIRS_BY = {"matrix_column": "avg"}, {"matrix_format": "pairs"}
FAULTS = {
    "not square": ("1,2,3,4\n4,5,6,7", {}, r"is not square: row 1 has 4 numbers, and there are 2 rows"),
    "ragged": ("1 2\n3 4 5", {}, r"is not square: row 2 has 3 numbers"),
    "negative": ("0 5\n-5 0", {}, r"from place 2 to 1 it is -5: not below 0"),
    "words": ("0 5\nfive 0", {}, r"row 2: 'five' is not a number"),
    "words in pairs": ("a b 1\na c x\nb c 2\nb d 3", {}, r"line 2: 'x' is not a number"),
    "empty": ("\n\n", {}, r"is empty"),
    "one place": ("7", {}, r"has 1 places; a matrix has 2 to 4096"),
    "wrong unit": ("0 70000\n70000 0", {}, r'is links\.matrix_unit = "ms" right\?'),
    "no header": ("a b 1\na c 1\nb c 2\nb d 3", COLUMN, r'has no header, so links.matrix_column = "avg"'),
    "no such column": ("from,to,rtt,x\na,b,1,2", PAIRS_BY | COLUMN, r"no column for links.matrix_column"),
    "column of a square": ("0 5\n5 0", COLUMN, r'goes with links\.matrix_format = "pairs", not "square"'),
    "not p2psim": ("0 5\n5 0", {"matrix_format": "p2psim"}, r"has no line such as"),
    "not json": ("0 5\n5 0", {"matrix_format": "ripe_atlas"}, r"not ping results of RIPE Atlas"),
    "no ends": ('[{"avg": 3}]', {}, r"has both `from` and `dst_addr`"),
    "not npy": ("0 5\n5 0", {"matrix_format": "npy"}, r"is not an array saved by numpy"),
    "nothing dense": ("0,nan\nnan,0", {"matrix_missing": "drop"}, r"leaves no two places"),
    "nothing known": ("0,nan\nnan,0", {"matrix_missing": "median"}, r"every entry is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, keys, message = FAULTS[name]
    path = written(tmp_path, "matrix.txt", text)
    with pytest.raises(ScenarioError, match=message) as refused:
        load(path, **keys)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScenarioError, match="there is no such file"):
        load(tmp_path / "nowhere")
    with pytest.raises(ScenarioError, match="there is no such file"):
        load(tmp_path / "nowhere.npy")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"0 5\n5 0")[:-6])
    with pytest.raises(ScenarioError, match="cannot be read"):
        load(tmp_path / "cut.gz")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        load(tmp_path / "binary")
    np.save(tmp_path / "flat.npy", np.zeros(9))
    with pytest.raises(ScenarioError, match=r"is not square: its shape is \(9,\)"):
        load(tmp_path / "flat.npy")
    np.save(tmp_path / "words.npy", np.array([["a", "b"], ["c", "d"]]))
    with pytest.raises(ScenarioError, match="not numbers"):
        load(tmp_path / "words.npy")
    np.savez(tmp_path / "archive.npz", MATRIX_MS)
    with pytest.raises(ScenarioError, match="is not square: its shape is that of an archive"):
        load(tmp_path / "archive.npz", matrix_format="npy")
    monkeypatch.setattr(formats_module, "MAX_FILE_BYTES", 20)
    with pytest.raises(ScenarioError, match="choose fewer places"):
        load(written(tmp_path, "huge.txt", rows(" ")))


def test_more_places_than_fit_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "huge.npy", np.zeros((5000, 5000), dtype=np.uint8))
    with pytest.raises(ScenarioError, match="has 5000 places; a matrix has 2 to 4096"):
        load(tmp_path / "huge.npy")


def test_nodes_take_no_place_twice_before_all_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "m.txt", SQUARES["blanks"])
    for nodes in (3, 4, 10):
        scenario = Scenario(
            topology=Topology(layers=1, mixes_per_layer=nodes, providers=0),
            links=Links(model="matrix", matrix=str(path), matrix_unit="ms"),
        )
        model = make_latency(scenario, Seeds(SeedChoice(root=2), replicate=0))
        assert isinstance(model, TableLatency)
        counts = np.bincount(model._node_sites, minlength=4)
        assert counts.sum() == nodes
        assert counts.max() - counts.min() <= 1
        places = Places(scenario.topology)
        one = model.draw_many_s(np.array([0]), np.array([places.user(0)]), np.random.default_rng(1))
        assert one[0] * 1000 in MATRIX_MS
