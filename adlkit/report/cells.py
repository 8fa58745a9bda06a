"""Cells of a table as text: columns of numbers, names and times, each written one way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from markupsafe import Markup

from adlkit.plotting import percent, plain

NOTHING = "–"
LONGEST_NAME, SHORT_NAME = 64, 16
Writer = Callable[[pd.Series], list[str]]


def texts(column: pd.Series) -> list[str]:
    """Words as they are, on one line."""
    return [plain(value) for value in column]


def names(column: pd.Series) -> list[str]:
    """Names of accounts and symbols, whole unless absurdly long."""
    return [plain(value, LONGEST_NAME) for value in column]


def short_names(column: pd.Series) -> list[str]:
    """Names for a crowded table, their middle left out."""
    return [plain(value, SHORT_NAME) for value in column]


def numbers(column: pd.Series) -> list[str]:
    """Each number with up to six significant digits."""
    return [six_digits(value) for value in column]


def counts(column: pd.Series) -> list[str]:
    """Whole numbers; a dash for none."""
    return [NOTHING if np.isnan(value) else f"{value:,.0f}" for value in column.astype(float)]


def shares(column: pd.Series) -> list[str]:
    """Shares in percent; a dash for none."""
    return [percent(value) if np.isfinite(value) else NOTHING for value in column.astype(float)]


def clock(column: pd.Series) -> list[str]:
    """Times of day to the millisecond."""
    return [f"{time:%H:%M:%S}.{time.microsecond // 1000:03d}" for time in column]


def money(column: pd.Series) -> list[str]:
    """Amounts, all with the same decimals."""
    return money_like(column)(column)


def money_like(amounts: pd.Series) -> Writer:
    """Writer of amounts with the decimals that suit the largest of `amounts`, for columns to be compared."""
    values = amounts.to_numpy(dtype=float)
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    if largest == 0:
        return decimals(0)
    if largest < 1:
        return numbers
    return decimals(2 if largest < 1000 else min(0, 5 - int(np.floor(np.log10(largest)))))


def decimals(places: int) -> Writer:
    """Writer of numbers with `places` decimals (below zero: rounded to tens, hundreds, ...); a dash for none."""

    def write(column: pd.Series) -> list[str]:
        return [
            f"{round(value, places) + 0.0:,.{max(places, 0)}f}" if np.isfinite(value) else NOTHING
            for value in column.astype(float)
        ]

    return write


def six_digits(value: float) -> str:
    """A number with up to six significant digits and thousands separators."""
    if not np.isfinite(value):
        return NOTHING if np.isnan(value) else f"{value:+}"
    rounded = float(f"{value:.6g}") + 0.0
    return f"{rounded:,.0f}" if abs(rounded) >= 1e5 else f"{rounded:,.6g}"


def many(count: int, noun: str) -> str:
    """A number of things: one account, 2,152 accounts."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def largest(shown: int, count: int, noun: str) -> str:
    """What a table shows of a longer list."""
    if count == 1:
        return f"The only {noun}"
    return f"The {shown} largest of {many(count, noun)}" if shown < count else f"All {many(count, noun)}"


def dots(lit: int, n_lights: int) -> Markup:
    """Lights as filled and empty dots, and in words for who does not see them."""
    row = "●" * lit + "○" * (n_lights - lit)
    return Markup('<span class="lights" role="img" aria-label="{} of {} lights">{}</span>').format(lit, n_lights, row)
