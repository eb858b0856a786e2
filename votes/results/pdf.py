"""A result as PDF, to print and to send around."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, TextEmphasis, XPos, YPos

from votes.record.election import Election, encode_election
from votes.record.fingerprint import shown
from votes.record.polls import Poll
from votes.results.documents import PublishedResult, ResultOfPoll, TableOfResult, encode_result
from votes.results.letters import FontCover, UnshownLettersError, cover_of, in_words, installed_fonts, letters_of
from votes.results.wording import (
    METHODS_IN_WORDS,
    NOT_SEEN,
    REHEARSAL,
    ballots_in_words,
    figure_in_words,
    verdict,
    visible,
)
from votes.tally.outcomes import Figure

MOST_BARS = 25
MOST_ROWS = 60
MOST_COLUMNS = 8
"""A page shows this much of a table; the whole of it is in the other files."""

_INK, _QUIET, _HAIR = (27, 34, 48), (84, 94, 110), (203, 208, 204)
_BAR, _GOOD, _GOOD_WASH, _BAD, _BAD_WASH = (
    (74, 143, 187),
    (30, 107, 69),
    (233, 244, 238),
    (168, 38, 29),
    (251, 236, 235),
)
_PLAIN_WASH = (240, 242, 240)
_FONT = "Source Sans Pro"
_FACES = (("", "Regular"), ("B", "Semibold"))
_MARGIN_MM, _LABELS_MM, _NUMBERS_MM = 20.0, 62.0, 30.0
_LINE_MM = 5.4


def result_pdf(election: Election, result: PublishedResult, *, fonts: Iterable[Path] | None = None) -> bytes:
    """Return a result as PDF. The same result makes the same bytes with the same fonts.

    `election`: the record, for the polls' titles and questions. The packaged font has the Latin, Greek and Cyrillic
    letters; others are taken from `fonts`, by default those of this machine. What no font shows of a text that a voter
    wrote stands there as its number, such as [U+1F600].
    Raises `UnshownLettersError` for letters of the record that no font shows.
    """
    of_record = set(encode_election(election).decode())
    letters = of_record | set(encode_result(result).decode())
    with as_file(files("font_source_sans_pro") / "files" / f"SourceSansPro-{_FACES[0][1]}.ttf") as path:
        packaged = letters_of(path)
    # Line breaks and the like are no letters of a font.
    missing = {letter for letter in letters if visible(letter) == letter and ord(letter) not in packaged}
    if ord(NOT_SEEN) not in packaged:
        missing.add(NOT_SEEN)
    cover = cover_of(missing, installed_fonts() if fonts is None else fonts)
    unshown = of_record & cover.unshown
    if unshown:
        raise UnshownLettersError(f"no font here shows these letters of the election in a PDF: {in_words(unshown)}")
    return _Report(election, result, cover).written()


class _Pages(FPDF):
    """Pages with a line at their foot."""

    def __init__(self, foot: str, cover: FontCover) -> None:
        super().__init__(format="A4")
        self._foot = foot
        self._unshown = cover.unshown
        self.set_margins(_MARGIN_MM, _MARGIN_MM)
        self.set_auto_page_break(True, margin=22)
        for style, face in _FACES:
            with as_file(files("font_source_sans_pro") / "files" / f"SourceSansPro-{face}.ttf") as path:
                self.add_font(_FONT, style, path)
        names = [f"other {number}" for number in range(len(cover.fonts))]
        for name, path in zip(names, cover.fonts, strict=True):
            self.add_font(name, "", path)
        # They have one weight only.
        self.set_fallback_fonts(names, exact_match=False)

    def footer(self) -> None:
        """Write fingerprint and number of the page; called by the library."""
        self.set_y(-15)
        self.set_font(_FONT, "", 8)
        self.set_text_color(*_QUIET)
        self.cell(0, 5, self._foot)
        self.set_x(_MARGIN_MM)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")

    def known(self, text: str) -> str:
        """Return a text with the number of each letter that no font has."""
        return "".join(f"[U+{ord(each):04X}]" if each in self._unshown else each for each in visible(text))


class _Report:
    """Writes one result."""

    def __init__(self, election: Election, result: PublishedResult, cover: FontCover) -> None:
        self._election = election
        self._result = result
        self._pages = _Pages(f"Fingerprint {shown(result.fingerprint)}", cover)
        self._pages.set_title(visible(result.title))
        # Not the present time: who makes the file again should get the same bytes.
        self._pages.set_creation_date(datetime.fromtimestamp(election.closes_at, UTC))

    def written(self) -> bytes:
        """Return the whole file."""
        self._pages.add_page()
        self._text("Result of the election", size=10, color=_QUIET)
        self._text(self._result.title, size=24, style="B", after_mm=1)
        closed = datetime.fromtimestamp(self._election.closes_at, UTC)
        self._text(f"Closed {closed:%Y-%m-%d %H:%M} UTC", color=_QUIET, after_mm=4)
        if self._result.rehearsal:
            self._box(REHEARSAL, _BAD, _BAD_WASH)
            self._pages.ln(2)
        for line in filter(str.strip, self._election.description.split("\n")):
            self._text(line, after_mm=1)
        for poll, found in zip(self._election.polls, self._result.polls, strict=True):
            self._poll(poll, found)
        self._text(
            "Decimals are cut off after the second one. Tables that are too long go on in the CSV and JSON files.",
            size=9,
            color=_QUIET,
            before_mm=4,
        )
        return bytes(self._pages.output())

    def _poll(self, poll: Poll, found: ResultOfPoll) -> None:
        # A title alone at the foot of a page belongs on the next one.
        if self._pages.get_y() > 225:
            self._pages.add_page()
        self._text(poll.title, size=16, style="B", before_mm=6, after_mm=0.5)
        for line in filter(str.strip, poll.question.split("\n")):
            self._text(line, color=_QUIET)
        sentence = verdict(found)
        if sentence is not None:
            self._box(sentence, *((_GOOD, _GOOD_WASH) if found.winners else (_INK, _PLAIN_WASH)))
        counted = f"{ballots_in_words(found, self._result.voters)} {METHODS_IN_WORDS[found.method]}"
        self._text(counted, before_mm=1.5, after_mm=2)
        for note in found.notes:
            self._text(note, size=9.5, color=_QUIET)
        for table in found.tables:
            self._table(table)

    def _table(self, table: TableOfResult) -> None:
        if table.charted:
            self._chart(table, table.charted)
            if table.columns[1:] == ("ballots", "share"):
                return
        else:
            self._heading(table.title, len(table.rows))
        self._grid(table)

    def _heading(self, title: str, rows: int) -> None:
        if self._pages.get_y() + min(rows, 5) * _LINE_MM > 250:
            self._pages.add_page()
        self._text(title, size=11, style="B", before_mm=3, after_mm=1)

    def _chart(self, table: TableOfResult, column: int) -> None:
        figures = [(str(row[0]), int(row[column])) for row in table.rows]
        ordered = figures if len(figures) == 2 else sorted(figures, key=lambda figure: -figure[1])
        self._heading(
            f"{table.title}" if table.columns[column] == "ballots" else f"{table.title}: {table.columns[column]}",
            len(ordered),
        )
        longest = max((count for _, count in figures), default=0) or 1
        shares = {str(row[0]): row[column + 1] for row in table.rows} if "share" in table.columns else {}
        for name, count in ordered[:MOST_BARS]:
            self._bar(name, count, count / longest, str(shares.get(name, "")))
        if len(figures) > MOST_BARS:
            self._text(f"The first {MOST_BARS} of {len(figures):,}.", size=9, color=_QUIET)

    def _bar(self, name: str, count: int, part: float, of_all: str) -> None:
        pages = self._pages
        self._style(10)
        name = self._fitting(name, _LABELS_MM - 3)
        if pages.will_page_break(_LINE_MM + 1.2):
            pages.add_page()
        top_mm = pages.get_y()
        pages.cell(_LABELS_MM, _LINE_MM, name)
        width_mm = (pages.epw - _LABELS_MM - _NUMBERS_MM) * part
        pages.set_fill_color(*_BAR)
        if width_mm:
            pages.rect(
                _MARGIN_MM + _LABELS_MM,
                top_mm + 0.7,
                width_mm,
                _LINE_MM - 1.4,
                style="F",
                round_corners=width_mm > 2,
                corner_radius=0.6,
            )
        pages.set_x(_MARGIN_MM + _LABELS_MM + width_mm + 2)
        self._style(10, "B")
        pages.cell(pages.get_string_width(f"{count:,}") + 2.5, _LINE_MM, f"{count:,}")
        self._style(9.5, color=_QUIET)
        pages.cell(20, _LINE_MM, of_all)
        pages.set_xy(_MARGIN_MM, top_mm + _LINE_MM + 1.2)

    def _grid(self, table: TableOfResult) -> None:
        """Write a table with lines between its rows only."""
        columns, rows = _cut(table.columns), [_cut(row) for row in table.rows[:MOST_ROWS]]
        numeric = [_is_numeric([row[at] for row in rows]) for at in range(len(columns))]
        self._style(9)
        self._pages.ln(1)
        self._pages.set_draw_color(*_HAIR)
        # The library fills cells with the colour that was used last.
        self._pages.set_fill_color(255, 255, 255)
        with self._pages.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=_widths(numeric, self._pages.epw),
            headings_style=FontFace(emphasis=TextEmphasis.B, color=_QUIET),
            line_height=_LINE_MM,
            text_align=["RIGHT" if each else "LEFT" for each in numeric],
            padding=(0.3, 1.2),
        ) as grid:
            for cells in ([*columns], *rows):
                grid.row([self._pages.known(figure_in_words(cell)) for cell in cells])
        self._pages.ln(2)

    def _box(self, text: str, color: tuple[int, int, int], wash: tuple[int, int, int]) -> None:
        pages = self._pages
        pages.ln(2)
        self._style(12, "B", color=color)
        pages.set_fill_color(*wash)
        top_mm = pages.get_y()
        pages.set_x(_MARGIN_MM + 1.4)
        pages.multi_cell(
            pages.epw - 1.4,
            6.2,
            pages.known(text),
            fill=True,
            padding=(2, 4),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )
        pages.set_fill_color(*color)
        if pages.get_y() > top_mm:
            pages.rect(_MARGIN_MM, top_mm, 1.4, pages.get_y() - top_mm, style="F")
        pages.ln(1)

    def _text(
        self,
        text: str,
        *,
        size: float = 11,
        style: str = "",
        color: tuple[int, int, int] = _INK,
        before_mm: float = 0,
        after_mm: float = 0,
    ) -> None:
        self._pages.ln(before_mm)
        self._style(size, style, color=color)
        height_mm = size * 0.3528 * 1.35
        self._pages.multi_cell(0, height_mm, self._pages.known(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pages.ln(after_mm)

    def _style(self, size: float, style: str = "", *, color: tuple[int, int, int] = _INK) -> None:
        self._pages.set_font(_FONT, style, size)
        self._pages.set_text_color(*color)

    def _fitting(self, text: str, width_mm: float) -> str:
        """Return a text that fits into a width, cut if need be."""
        known = self._pages.known(text)
        if self._pages.get_string_width(known) <= width_mm:
            return known
        while known and self._pages.get_string_width(f"{known}…") > width_mm:
            known = known[:-1]
        return f"{known.rstrip()}…"


def _cut(row: Sequence[Figure]) -> list[Figure]:
    """Return a row without its middle, if it is too long: the last column says what came of it."""
    return list(row) if len(row) <= MOST_COLUMNS else [*row[: MOST_COLUMNS - 1], row[-1]]


def _is_numeric(cells: Sequence[Figure]) -> bool:
    return all(
        isinstance(cell, int) or not cell or cell.replace(".", "").removesuffix(" %").isdigit() for cell in cells
    )


def _widths(numeric: Sequence[bool], whole_mm: float) -> tuple[float, ...]:
    """Return the widths of columns: the names take what the figures leave."""
    figure_mm = min(30.0, whole_mm * 0.7 / max(1, len(numeric)))
    others = [figure_mm if is_number else max(figure_mm, 34.0) for is_number in numeric[1:]]
    return (whole_mm - sum(others), *others)
