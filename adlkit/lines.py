"""What moves: the price of one symbol, or a shock common to all, and how each position is exposed to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Flags, Floats, is_inverse, reachable_price, value_of
from adlkit.errors import CurveError
from adlkit.groups import Codes, Groups, level_codes, level_labels, sorted_codes

Rows = Flags | slice


class Line(NamedTuple):
    """The coordinate x along which equities are linear, for each of the curves (one, or one per time)."""

    inverse: Flags | None  # of one element: x = -1 / price
    start: Floats  # x of the present mark
    mark: Floats  # the present price, or the shock 0
    low: Floats  # open ends of prices or shocks
    high: Floats

    def coordinate(self, price: Floats) -> Floats:
        """The x of each price or shock."""
        return value_of(price, self.inverse)

    def price(self, x: Floats, curve: Codes | int) -> Floats:
        """Price at `x` or the end beyond which it would lie; exactly the mark where x is its coordinate."""
        price = x if self.inverse is None else reachable_price(x, self.inverse)
        price = np.clip(price, self.low[curve], self.high[curve])
        return np.where(x == self.start[curve], self.mark[curve], price)


class Motion(NamedTuple):
    """One line for each curve of a panel (one, or one per time), and the rows that move along it."""

    symbol: str | None
    factor: pd.Series | None
    times: pd.DatetimeIndex | None
    currency: str
    line: Line
    rows: Rows  # that a curve counts
    time: Codes | None  # of each row of the panel: place in `times`, -1 for none of them
    exposure: Floats  # of each row: money per unit of x


def symbol_motion(panel: pd.DataFrame, symbol: str | None) -> Motion:
    """One price moves, all others are held; accounts that settle in another currency are not counted."""
    name = one_symbol(panel, symbol)
    is_own = symbol_rows(panel, name)
    times, time = _times(panel.index, is_own)
    first = _first_rows(is_own, time, 1 if times is None else len(times))
    inverse = is_inverse(panel)
    inverse = None if inverse is None or not inverse[first[0]] else np.array([True])
    mark, qty = panel["mark_price"].to_numpy()[first], panel["qty"].to_numpy()
    line = Line(inverse, value_of(mark, inverse), mark, np.zeros(len(mark)), np.full(len(mark), np.inf))
    return Motion(
        symbol=name,
        factor=None,
        times=times,
        currency=_currency(panel, first[0]),
        line=line,
        rows=_rows_of_coin(panel, is_own, first[0]),
        time=time,
        exposure=qty if is_own.all() else np.where(is_own, qty, 0.0),
    )


def factor_motion(panel: pd.DataFrame, factor: pd.Series | Mapping[str, float]) -> Motion:
    """All prices move, each by its beta times a common shock."""
    betas = _checked_betas(panel, factor)
    if is_inverse(panel) is not None:
        raise CurveError("a factor takes linear contracts only: inverse ones are not linear in a shock; give a symbol")
    if "settlement" in panel and len(coins := panel["settlement"].unique()) > 1:
        raise CurveError(f"a factor takes one settlement currency, found {some(coins)}; select the rows of one")
    times, time = _times(panel.index, np.ones(len(panel), dtype=bool))
    qty, beta = panel["qty"].to_numpy(), beta_of(panel, betas)
    n_curves = 1 if times is None else len(times)
    low, high = _shock_range(np.where(qty == 0, 0.0, beta), time, n_curves)
    return Motion(
        symbol=None,
        factor=betas,
        times=times,
        currency=_currency(panel, 0),
        line=Line(None, np.zeros(n_curves), np.zeros(n_curves), low, high),
        rows=slice(None),
        time=time,
        exposure=qty * panel["mark_price"].to_numpy() * beta,
    )


def one_symbol(panel: pd.DataFrame, symbol: str | None) -> str:
    """The symbol asked for, or the only one; or one CurveError."""
    known = panel.index.unique("symbol")
    if symbol is None and len(known) > 1:
        raise CurveError(f"the panel has {len(known)} symbols, name one of them: {some(known)}")
    if symbol is not None and symbol not in known:
        raise CurveError(f"unknown symbol {symbol!r}; known: {some(known)}")
    return str(known[0] if symbol is None else symbol)


def symbol_rows(panel: pd.DataFrame, symbol: str) -> Flags:
    """Which rows are positions in a symbol."""
    return np.asarray(level_codes(panel.index, "symbol") == level_labels(panel.index, "symbol").get_loc(symbol))


def numbers(values: npt.ArrayLike, what: str) -> Floats:
    """Floats of the same shape; text and flags are not numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise CurveError(f"{what} are of type {array.dtype}, need numbers")
    return array.astype(np.float64, copy=False)


def beta_of(panel: pd.DataFrame, betas: pd.Series | None) -> Floats:
    """Beta of each row."""
    by_label = pd.Series(betas, dtype=float).reindex(level_labels(panel.index, "symbol")).to_numpy()
    return np.asarray(by_label[level_codes(panel.index, "symbol")], dtype=np.float64)


def some(names: Iterable[object]) -> str:
    """The first few names, for a message."""
    shown = sorted(map(str, names))
    return f"{shown[:10]}{' ...' if len(shown) > 10 else ''}"


def _checked_betas(panel: pd.DataFrame, factor: pd.Series | Mapping[str, float]) -> pd.Series:
    """Beta of each symbol of the panel, or one CurveError."""
    if not isinstance(factor, pd.Series | Mapping):
        raise CurveError(f"factor: give a Series or a mapping of symbol to beta, not a {type(factor).__name__}")
    given = factor if isinstance(factor, pd.Series) else pd.Series(dict(factor), dtype=None if factor else float)
    if given.index.has_duplicates or given.dtype.kind not in "iuf":
        fault = "a symbol stands twice" if given.index.has_duplicates else f"dtype is {given.dtype}, need numbers"
        raise CurveError(f"factor: {fault}; give one beta per symbol")
    known = panel.index.unique("symbol")
    if len(extra := given.index.difference(known)):
        raise CurveError(f"factor: symbols {some(extra)} are not in the panel; drop them")
    if len(missing := known.difference(given.index)):
        raise CurveError(f"factor: no beta for {some(missing)}; give 0 where a symbol does not move")
    betas = given.reindex(known).astype(float)
    if not (is_finite := np.isfinite(betas)).all():
        raise CurveError(f"factor: betas of {some(known[~is_finite])} are not finite; correct them")
    return betas


def _shock_range(beta: Floats, time: Codes | None, n_curves: int) -> tuple[Floats, Floats]:
    """The shocks, for each curve, at which 1 + beta x shock falls to zero; infinite where none does."""
    largest, smallest = np.zeros(n_curves), np.zeros(n_curves)
    curve = np.zeros(len(beta), dtype=np.intp) if time is None else time
    np.maximum.at(largest, curve, beta)
    np.minimum.at(smallest, curve, beta)
    with np.errstate(divide="ignore"):
        return -1.0 / largest, 1.0 / np.abs(smallest)


def _currency(panel: pd.DataFrame, row: int) -> str:
    return str(panel["settlement"].iloc[row]) if "settlement" in panel else "ccy"


def _times(index: pd.Index, is_own: Flags) -> tuple[pd.DatetimeIndex | None, Codes | None]:
    """Times of these rows in order, and the place of each row's time among them (-1: of another time)."""
    if "time" not in index.names:
        return None, None
    place, labels = sorted_codes(index, "time"), level_labels(index, "time").sort_values()
    is_held = np.bincount(place[is_own], minlength=len(labels)) > 0
    return pd.DatetimeIndex(labels[is_held]), np.where(is_held, np.cumsum(is_held) - 1, -1)[place]


def _first_rows(is_own: Flags, time: Codes | None, n_curves: int) -> Codes:
    """First of these rows, for each curve."""
    if time is None:
        return np.array([np.argmax(is_own)])
    rows = np.flatnonzero(is_own)
    return Groups(time[rows], n_curves).first(rows)


def _rows_of_coin(panel: pd.DataFrame, is_own: Flags, row: int) -> Rows:
    """Rows whose account settles in the currency of a symbol; without that column inverse symbols have their own."""
    if "settlement" in panel:
        return np.asarray(panel["settlement"] == panel["settlement"].iloc[row], dtype=bool)
    if (inverse := is_inverse(panel)) is not None:
        return is_own if inverse[row] else ~inverse
    return slice(None)
