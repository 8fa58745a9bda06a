"""The page: sections of words, tables and charts become one HTML file that loads nothing.

Styles are inline, figures are data URIs, and a content policy forbids the rest. The template escapes everything it is
given. The same content gives the same bytes.
"""

from __future__ import annotations

import base64
import io
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2
import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adlkit.files import write_whole
from adlkit.plotting import figure_size
from adlkit.report.cells import Writer

TEMPLATE = Path(__file__).with_name("page.html")


class Column(NamedTuple):
    """A column of a table: its heading, how its values are written, and what they are: number, name, short or long."""

    heading: str
    write: Writer
    kind: str = "number"


class Table(NamedTuple):
    """A table as text."""

    columns: list[Column]
    rows: list[tuple[str, ...]]
    caption: str
    note: str
    has_total: bool


class Chart(NamedTuple):
    """A figure as a data URI; its finding stands in for it where it cannot be seen."""

    uri: str
    finding: str


class Section(NamedTuple):
    """A heading, what it says in words, and the tables and charts below."""

    heading: str
    words: Sequence[str]
    blocks: Sequence[Table | Chart]


class Card(NamedTuple):
    """A headline number."""

    label: str
    value: str
    detail: str


class Page(NamedTuple):
    """Everything that a report says, in reading order; a caveat is a sentence and the words that explain it."""

    title: str
    finding: str
    caveats: Sequence[tuple[str, str]]
    notes: Sequence[str]
    cards: Sequence[Card]
    sections: Sequence[Section]


def table(
    frame: pd.DataFrame, columns: Mapping[str, Column], *, caption: str = "", note: str = "", has_total: bool = False
) -> Table:
    """Text of some columns of a frame; its last row may be a total."""
    cells = [column.write(frame[name]) for name, column in columns.items()]
    return Table(list(columns.values()), list(zip(*cells, strict=True)), caption, note, has_total)


def chart(draw: Callable[[Axes], Axes], rows: int) -> Chart:
    """A figure as SVG: the same bytes each time, in matplotlib's own style whatever the user's is."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams["svg.hashsalt"] = "adlkit"
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(figsize=figure_size(rows), layout="constrained")
        axes = draw(figure.subplots())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    image = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Chart(f"data:image/svg+xml;base64,{image}", axes.get_title(loc="left"))


def write_page(page: Page, path: str | os.PathLike[str]) -> Path:
    """Fill the template and write the file."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(page._asdict())
    return write_whole(path, html.encode("utf-8", errors="replace"))
