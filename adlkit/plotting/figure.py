"""What every figure is made of: axes, titles, bars, labels and colours that colour-blind readers can tell apart."""

from __future__ import annotations

import textwrap
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import BarContainer
from matplotlib.ticker import FuncFormatter

from adlkit.contracts import Floats
from adlkit.plotting.words import in_thousands, percent, plain, short

BOOK, ADL, OPEN, RESIDUAL = "#0072B2", "#D55E00", "#C4C4C4", "#262626"
BUFFERS = ("#009E73", "#56B4E9", "#CC79A7", "#F0E442")
OWED, CAPACITY = "#56616d", "#e3e7eb"
INK, FAINT = "#1f2933", "#6b7682"
NAME_LENGTH = 18
BAR = 0.68
TITLE_LENGTH = 76
ROOM_FOR_LABEL = 0.085
"""Smallest part of the axis that a bar's own label fits into."""


def axes(ax: Axes | None, *, rows: int) -> Axes:
    """The axes given, or those of a new figure high enough for `rows`."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=figure_size(rows), layout="constrained")[1]


def figure_size(rows: int) -> tuple[float, float]:
    """Width and height [inches] of a figure with so many bars."""
    return 8.4, 1.7 + 0.34 * max(rows, 2)


def finished(ax: Axes, finding: str, axis: str, *, grid: Literal["x", "y"] = "x", pad: float = 8.0) -> Axes:
    """Title, axis, light grid; no box."""
    titled(ax, finding, pad)
    ax.set_xlabel(axis, parse_math=False)
    ax.grid(visible=True, axis=grid, color=FAINT, alpha=0.2, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left" if grid == "x" else "bottom"]].set_visible(False)
    return ax


def empty(ax: Axes, finding: str) -> Axes:
    """Axes that only say that there is nothing to draw."""
    titled(ax, finding, 8.0)
    ax.set_axis_off()
    return ax


def titled(ax: Axes, finding: str, pad: float) -> None:
    """The finding, above the axes on the left."""
    ax.set_title(
        textwrap.fill(finding, TITLE_LENGTH), loc="left", fontsize=11.5, fontweight="bold", pad=pad
    ).set_parse_math(False)


def ranked(ax: Axes, values: pd.Series, top: int, finding: str, axis: str, colour: str = ADL) -> Axes:
    """Bars of the largest values, each with its amount and share, and one line about the others."""
    shown, rest = values.iloc[:top], values.iloc[top:]
    total = values.sum()
    width = shown.to_numpy()
    ax.barh(range(len(shown)), width, color=[colour if value >= 0 else BOOK for value in width], height=BAR)
    parts = [f" · {percent(value / total)}" if total > 0 and (values >= 0).all() else "" for value in width]
    label_ends(ax, width, [f"{short(value)}{part}" for value, part in zip(width, parts, strict=True)])
    names = [plain(name, NAME_LENGTH) for name in shown.index]
    if len(rest):
        names.append(f"{len(rest):,} others")
        part = f" · {percent(rest.sum() / total)}" if parts[0] else ""
        ax.text(0.0, len(shown), f" {short(rest.sum())}{part}  (not drawn)", va="center", color=FAINT, fontsize=9)
    name_rows(ax, names)
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    return finished(ax, finding, axis)


def name_rows(ax: Axes, names: list[str]) -> None:
    """Names of horizontal bars, first on top."""
    ax.set_yticks(range(len(names)), [plain(name, 28) for name in names], parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)


def label_inside(ax: Axes, bars: BarContainer, longest: float, colour: str) -> None:
    """Amounts in the middle of bars that are wide enough."""
    ink = "white" if luminance(colour) < 0.5 else INK
    for bar in bars:
        if bar.get_width() >= ROOM_FOR_LABEL * longest:
            x, y = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2
            ax.text(x, y, short(bar.get_width()), ha="center", va="center", color=ink, fontsize=9, fontweight="bold")


def label_ends(ax: Axes, ends: Floats, labels: list[str]) -> None:
    """Labels beyond the ends of bars, and room for them."""
    for row, (end, label) in enumerate(zip(ends, labels, strict=True)):
        ax.annotate(
            label,
            (max(float(end), 0.0), row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    ax.set_xlim(1.05 * low, high + 0.17 * (high - low))


def luminance(colour: str) -> float:
    """Brightness of a colour, 0 black to 1 white."""
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


def concentration(values: pd.Series, who: str, verb: str, what: str = "") -> str:
    """What the largest make up together; what all do where they are few, or where some gained."""
    whole = f"{short(values.sum())} {what}".strip()
    if len(values) <= 5 or (values < 0).any():
        return f"{len(values):,} {who if len(values) > 1 else who.removesuffix('s')} {verb} {whole}"
    few = 10 if len(values) >= 20 else 3
    part = percent(values.iloc[:few].sum() / values.sum())
    return f"{few} of {len(values):,} {who} {verb} {part} of the {whole}"
