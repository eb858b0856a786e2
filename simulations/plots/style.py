"""The look of all figures: sizes for papers, colours that everybody can tell apart, the same bytes for the same data.

Colours are those of Okabe and Ito (Color Universal Design, 2008); each goes with a marker and a line of its own, so
that figures survive a printer without colours.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, Transform
from numpy.typing import ArrayLike

from loopixmix.errors import MisuseError
from loopixmix.process.files import file_error

Columns: TypeAlias = Literal[1, 2]

WIDTH_INCHES: dict[Columns, float] = {1: 3.5, 2: 7.16}
"""One and two columns of the usual two-column pages (IEEE, ACM, USENIX)."""

BLACK = "#000000"
GREY = "#767676"
FORMATS = (".png", ".svg")
_WITHOUT: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""What matplotlib would write into a file besides the figure, by the ending of its name."""
_LEGEND_ROW_INCHES = 0.155
_HANDLE_INCHES, _LETTER_INCHES = 0.42, 0.06
_POINTS_PER_INCH = 72
_APART = 3.5
"""How far series stand beside each other at one place, in points."""
_WIDEST_APART = 14.0
_NOTEBOOK_DPI = 144
MOST_MARKED = 25
"""Beyond so many places on an axis markers and intervals lie on each other."""
_LETTERS_PER_INCH = 15.5


@dataclass(frozen=True)
class Look:
    """The colour, marker and line of one series."""

    colour: str
    marker: str
    line: str


LOOKS = (
    Look("#0072B2", "o", "-"),
    Look("#D55E00", "s", "--"),
    Look("#009E73", "^", "-."),
    Look("#CC79A7", "D", ":"),
    Look("#E69F00", "v", (0, (5, 1, 1, 1, 1, 1))),  # type: ignore[arg-type]  # matplotlib's own notation
    Look("#56B4E9", "P", (0, (3, 1, 3, 1, 1, 1))),  # type: ignore[arg-type]
    Look("#555555", "X", (0, (1, 1))),  # type: ignore[arg-type]
)


class PrintedFigure(Figure):
    """A figure that a notebook shows as it is printed, whether or not matplotlib's inline backend is in use there."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        with styled():
            self.savefig(picture, format="png", dpi=_NOTEBOOK_DPI)
        return picture.getvalue()


def look(number: int) -> Look:
    """Return the look of a figure's series, from 0; they come again after the last."""
    return LOOKS[number % len(LOOKS)]


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save within it: the settings of matplotlib are ours, whatever the user's file says, and theirs after."""
    with mpl.rc_context():
        # From the defaults on, because a user's own file would change figures that must be the same everywhere.
        mpl.rcdefaults()
        _set_ours()
        yield


def new_figure(columns: Columns, *, panels: int = 1, ratio: float = 0.7) -> tuple[Figure, list[Axes]]:
    """Return an empty figure as wide as `columns`, `panels` side by side; each is `ratio` times as high as wide."""
    width = WIDTH_INCHES[columns]
    height = min(width, 4.6 * panels) * ratio / panels + 0.25
    figure = PrintedFigure(figsize=(width, height), layout="constrained")
    return figure, [figure.add_subplot(1, panels, panel) for panel in range(1, panels + 1)]


def beside(axes: Axes, number: int, series: int) -> Transform:
    """Return the transform by which one of several series stands a little beside the others at the same place.

    Otherwise the last one hides all others where they are equal. Data stay as they are: only the drawing moves.
    """
    apart = min(_APART, _WIDEST_APART / max(series - 1, 1))
    points = (number - (series - 1) / 2) * apart
    return axes.transData + ScaledTranslation(points / _POINTS_PER_INCH, 0, axes.figure.dpi_scale_trans)


def move(*artists: Artist, to: Transform) -> None:
    """Move what was drawn by a transform of `beside`."""
    # Afterwards, because a transform given while drawing has the axes take places on the paper for data.
    for artist in artists:
        artist.set_transform(to)


def draw_points(
    axes: Axes,
    x: ArrayLike,
    y: ArrayLike,
    *,
    colour: str,
    marker: str = "_",
    label: str | None = None,
    at: Transform | None = None,
    series: int = 1,
) -> None:
    """Draw values that are known at single places: dashes or crosses, below all else, and nothing between them.

    `at`: as `beside` returns it, one of so many `series`.
    """
    [points] = axes.plot(
        np.asarray(x),
        np.asarray(y),
        color=colour,
        linestyle="none",
        marker=marker,
        markersize=5 if marker != "_" else 11 if series == 1 else 6,
        markeredgewidth=1.1,
        label=label,
        zorder=1,
    )
    move(points, to=at or axes.transData)


def legend_above(figure: Figure, *, columns: Columns, title: str = "") -> None:
    """Put one legend for all panels above them, if it hides nothing; each label once, published and theory last."""
    found: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(str(label), handle)
    labels = sorted(
        found,
        key=lambda label: (label.startswith(("theory", "Gamma", "bound", "replicates")), label.startswith("published")),
    )
    if labels:
        inches = WIDTH_INCHES[columns] - 0.1
        fitting = _legend_columns(labels, inches)
        # One that is wider than the figure would be cut at both ends.
        broken = [textwrap.fill(label, int((inches - _HANDLE_INCHES) / _LETTER_INCHES)) for label in labels]
        deep = max(label.count("\n") + 1 for label in broken)
        rows = -(-len(labels) // fitting) * deep + bool(title)
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + (rows - 1) * _LEGEND_ROW_INCHES)
        figure.legend(
            [found[label] for label in labels],
            broken,
            loc="outside upper center",
            ncols=fitting,
            title=title or None,
            title_fontsize=7.5,
        )


def _legend_columns(labels: Sequence[str], inches: float) -> int:
    """Return the most columns that fit; matplotlib fills one column after the other."""
    for columns in range(len(labels), 1, -1):
        if _width_inches(labels, columns) <= inches:
            # Not more columns than the rows need: otherwise the first are full, and the others have one label each.
            even = -(-len(labels) // -(-len(labels) // columns))
            return even if _width_inches(labels, even) <= inches else columns
    return 1


def _width_inches(labels: Sequence[str], columns: int) -> float:
    rows, longer = divmod(len(labels), columns)  # the first ones are longer, as matplotlib has them
    edges = [column * rows + min(column, longer) for column in range(columns + 1)]
    widths = [max(map(len, labels[first:last])) for first, last in pairwise(edges)]
    return sum(_HANDLE_INCHES + _LETTER_INCHES * width for width in widths)


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes, in several lines where one is too long for the figure."""
    width, height = (length / axes.figure.dpi for length in axes.figure.bbox.size)
    axes.set_xlabel(textwrap.fill(x, int((width - 0.7) * _LETTERS_PER_INCH)))
    axes.set_ylabel(textwrap.fill(y, int((height - 0.6) * _LETTERS_PER_INCH)))


def save(figure: Figure, out: Path) -> tuple[Path, ...]:
    """Write the figure and return the files: `out`, or with both endings if it has no ending.

    The same data gives the same bytes: no date, fixed ids. Raises `MisuseError` for another ending, `StoreError` if
    the file cannot be written.
    """
    for path in (paths := destinations(out)):
        # matplotlib writes date and version into files, and the same data would give other bytes.
        metadata = _WITHOUT[path.suffix]
        try:
            with styled():
                figure.savefig(path, metadata=metadata)
        except OSError as error:
            raise file_error(error, f"{path} cannot be written") from error
    return paths


def destinations(out: Path) -> tuple[Path, ...]:
    """Return the files that `save` will write; raise `MisuseError` if it could not."""
    if not out.parent.is_dir():
        raise MisuseError(f"{out}: there is no folder {out.parent}")
    match out.suffix:
        case ".png" | ".svg" | ".pdf":
            return (out,)
        case "":
            return tuple(out.with_suffix(suffix) for suffix in FORMATS)
    raise MisuseError(f"{out}: figures are .png, .svg or .pdf, or the first two if the name has no ending")


def _set_ours() -> None:
    mpl.rcParams.update(
        {
            "axes.edgecolor": "#333333",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.labelsize": 8,
            "axes.linewidth": 0.6,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 8,
            "errorbar.capsize": 2.5,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.5,
            "legend.borderaxespad": 0.2,
            "legend.columnspacing": 1.4,
            "legend.fontsize": 7.5,
            "legend.frameon": False,
            "legend.handlelength": 2.4,
            "lines.linewidth": 1.2,
            "lines.markersize": 4.0,
            "mathtext.fontset": "dejavusans",
            "savefig.dpi": 300,
            # Letters as paths: a reader need not have the font.
            "svg.fonttype": "path",
            # Ids in SVG files are random without it.
            "svg.hashsalt": "loopixmix",
            "xtick.labelsize": 7.5,
            "ytick.labelsize": 7.5,
        }
    )
