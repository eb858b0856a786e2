"""Matrix files as they are published, read into a square array of the file's own unit; missing entries are NaN.

The formats, from the pages of those who publish them (none of their data is here):

- `square`: numbers in rows, by blanks, commas, semicolons or tabs, with or without a first row and first column of
  names. PlanetLab all-pairs matrices, Harvard's and p2psim's King `matrix` are such.
- `pairs`: `one other value` in each line. Meridian's 2500 sites are such (upper triangle, round trips in
  microseconds). With a header, the columns are found by name: WonderProxy's `source,destination,timestamp,min,avg,max,
  mdev` (round trips in milliseconds) is such. Several lines of one pair give their median.
- `p2psim`: `topology E2EGraph 1740`, `node 1`, then `1,2 value`: King for p2psim (round trips halved already).
- `ripe_atlas`: results of ping measurements in JSON, an array or one object a line (`from`, `dst_addr`, `avg`, in
  milliseconds; -1 if nothing came back).
- `npy`: a square array saved by numpy.

A file that ends in `.gz` is unpacked. A pair that is there in one direction only serves both ways.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from simulations.latency.model import FloatArray
from simulations.scenario.reading import ScenarioError

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_SITES = 4096

_MISSING = ("", "-", "?", "*", "na", "NA", "nan", "NaN", "null", "NULL", "None", "none", "inf", "-1", "-1.0")
_SENDERS = ("source", "src", "from", "sender", "a", "i")
_RECEIVERS = ("destination", "dst", "dest", "to", "receiver", "b", "j")
_VALUES = ("rtt", "latency", "avg", "rtt_avg", "avg_rtt", "rtt_ms", "latency_ms", "latency_s", "median", "value", "ms")


def read_square(path: Path) -> FloatArray:
    """Return a square of numbers; the first row and column may be names."""
    text = read_text(path)
    first = _first_line(text)
    separator = _separator(first)
    cells = _cells(first, separator)
    header = any(not _is_number(cell) and cell not in _MISSING for cell in cells[1:])
    body = [line for line in text.splitlines() if line.strip() and not line.startswith("#")][header:]
    rows = [_cells(line, separator) for line in body]
    named = header and bool(rows) and len(rows[0]) == len(rows) + 1
    for number, row in enumerate(rows, start=1 + header):
        if len(row) - named != len(rows):
            raise ScenarioError(
                f"{path}: is not square: row {number} has {len(row) - named} numbers, and there are {len(rows)} rows"
            )
    check_sites(path, len(rows))
    try:
        return np.array([[float(cell) for cell in row[named:]] for row in rows])
    except ValueError:  # something is missing, or is no number: slower, and says where
        return np.array(
            [[_number(cell, path, number) for cell in row[named:]] for number, row in enumerate(rows, 1 + header)]
        )


def read_pairs(path: Path, *, column: str) -> FloatArray:
    """Return a table of pairs; `column` names the one with the latency if the file has a header."""
    text = read_text(path)
    first = _first_line(text)
    separator = _separator(first)
    cells = _cells(first, separator)
    if len(cells) < 3:
        raise ScenarioError(f"{path}: a line of pairs has two places and a number, not {first[:60]!r}")
    header = not _is_number(cells[2]) and cells[2] not in _MISSING
    if column and not header:
        raise ScenarioError(f'{path}: has no header, so links.matrix_column = "{column}" finds nothing')
    use = _columns(path, cells, column) if header else (0, 1, 2)
    frame = _table(path, text, separator, header=header, use=use)
    return _from_pairs(path, frame[use[0]], frame[use[1]], frame[use[2]])


def read_p2psim(path: Path) -> FloatArray:
    """Return a topology of p2psim's E2EGraph."""
    lines = re.findall(r"^\s*(\S+?)\s*,\s*(\S+)\s+(\S+)\s*$", read_text(path), flags=re.MULTILINE)
    if not lines:
        raise ScenarioError(f"{path}: has no line such as `1,2 31000`, as p2psim's topologies do")
    values = [_number(value, path, None) for _, _, value in lines]
    return _from_pairs(path, [one for one, _, _ in lines], [other for _, other, _ in lines], values)


class _Ping(msgspec.Struct, frozen=True):
    """The fields of a RIPE Atlas ping result that are needed; others are left."""

    source: str = msgspec.field(name="from", default="")
    dst_addr: str = ""
    avg: float = -1.0


def read_ripe_atlas(path: Path) -> FloatArray:
    """Return the round trips of RIPE Atlas ping results."""
    text = read_text(path).strip()
    try:
        if text.startswith("["):
            pings = msgspec.json.decode(text, type=list[_Ping])
        else:
            pings = msgspec.json.Decoder(_Ping).decode_lines(text)
    except msgspec.MsgspecError as error:
        raise ScenarioError(f"{path}: these are not ping results of RIPE Atlas in JSON: {error}") from error
    whole = [ping for ping in pings if ping.source and ping.dst_addr]
    if not whole:
        raise ScenarioError(f"{path}: no ping result has both `from` and `dst_addr`")
    values = [ping.avg if ping.avg >= 0 else float("nan") for ping in whole]
    return _from_pairs(path, [ping.source for ping in whole], [ping.dst_addr for ping in whole], values)


def read_npy(path: Path) -> FloatArray:
    """Return an array that numpy saved."""
    try:
        # No pickles: a file of numbers must not be able to run code.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ScenarioError(f"{path}: there is no such file (links.matrix)") from None
    except (ValueError, EOFError, OSError) as error:
        raise ScenarioError(f"{path}: is not an array saved by numpy: {error}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ScenarioError(f"{path}: is not square: its shape is {getattr(array, 'shape', 'that of an archive')}")
    check_sites(path, len(array))
    if array.dtype.kind not in "fiu":
        raise ScenarioError(f"{path}: holds {array.dtype}, not numbers")
    return np.array(array, dtype=np.float64)


def read_text(path: Path) -> str:
    """Return the text of a file, unpacked if it ends in `.gz`; raise `ScenarioError` if that cannot be."""
    opened: Callable[[Path], io.BufferedIOBase] = _open_gzip if path.suffix == ".gz" else _open_plain
    try:
        with opened(path) as file:
            # One byte more than allowed tells a file that is too long, and an unpacked one never fills the memory.
            octets = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError(f"{path}: there is no such file (links.matrix)") from None
    except (OSError, EOFError) as error:
        raise ScenarioError(f"{path}: cannot be read (links.matrix): {error}") from error
    if len(octets) > MAX_FILE_BYTES:
        raise ScenarioError(f"{path}: is over {MAX_FILE_BYTES // 2**20} MiB: choose fewer places (links.matrix)")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: is not UTF-8 text (byte {error.start})") from error


def check_sites(path: Path, count: int) -> None:
    """Raise `ScenarioError` for fewer than two places and for more than fit in memory."""
    if not 2 <= count <= MAX_SITES:
        raise ScenarioError(f"{path}: has {count} places; a matrix has 2 to {MAX_SITES}")


def _open_plain(path: Path) -> io.BufferedIOBase:
    return path.open("rb")


def _open_gzip(path: Path) -> io.BufferedIOBase:
    return gzip.open(path, "rb")


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")


def _separator(line: str) -> str | None:
    return next((mark for mark in ("\t", ";", ",") if mark in line), None)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell) is not None


def _number(cell: str, path: Path, line: int | None) -> float:
    if cell in _MISSING:
        return float("nan")
    if not _is_number(cell):
        raise ScenarioError(f"{path}{'' if line is None else f', row {line}'}: {cell[:40]!r} is not a number")
    return float(cell)


def _columns(path: Path, names: Sequence[str], column: str) -> tuple[int, int, int]:
    lowered = [name.lower() for name in names]
    found = []
    for key, wanted in (
        ("source", _SENDERS),
        ("destination", _RECEIVERS),
        ("links.matrix_column", (column,) if column else _VALUES),
    ):
        place = next((lowered.index(name.lower()) for name in wanted if name.lower() in lowered), None)
        if place is None:
            raise ScenarioError(
                f"{path}: no column for {key} (there are: {', '.join(names)}; looked for {', '.join(wanted)})"
            )
        found.append(place)
    return found[0], found[1], found[2]


def _table(path: Path, text: str, separator: str | None, *, header: bool, use: tuple[int, int, int]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=separator or r"\s+",
            header=None,
            skiprows=int(header),
            usecols=list(use),
            dtype={use[0]: str, use[1]: str},
            na_values=list(_MISSING),
            keep_default_na=False,
            comment="#",
            skipinitialspace=True,
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise ScenarioError(f"{path}: cannot be read as pairs: {error}") from error
    values = pd.to_numeric(frame[use[2]], errors="coerce")
    wrong = frame[use[2]][values.isna() & frame[use[2]].notna()]
    if len(wrong):
        raise ScenarioError(
            f"{path}, line {int(wrong.index[0]) + 1 + header}: {str(wrong.iloc[0])[:40]!r} is not a number"
        )
    frame[use[2]] = values
    return frame


def _from_pairs(
    path: Path, ones: Iterable[Hashable], others: Iterable[Hashable], values: Iterable[float]
) -> FloatArray:
    frame = pd.DataFrame({"one": list(ones), "other": list(others), "value": list(values)})
    names = sorted(set(frame["one"]) | set(frame["other"]), key=_natural)
    check_sites(path, len(names))
    numbers = {name: number for number, name in enumerate(names)}
    frame["one"], frame["other"] = frame["one"].map(numbers), frame["other"].map(numbers)
    # A pair may be measured several times, and one slow answer does not move a median.
    medians = frame.groupby(["one", "other"], sort=True)["value"].median().reset_index()
    matrix = np.full((len(names), len(names)), np.nan)
    matrix[medians["one"].to_numpy(), medians["other"].to_numpy()] = medians["value"].to_numpy()
    # Many files have each pair once, in one direction.
    return np.where(np.isnan(matrix), matrix.T, matrix)


def _natural(name: object) -> tuple[int, float, str]:
    text = str(name)
    return (0, float(text), text) if text.isdigit() else (1, 0.0, text)
