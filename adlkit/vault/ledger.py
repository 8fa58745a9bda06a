"""The account book of a vault: its trades, split where they turn an inventory around, and what it holds when.

An episode is a spell in which the inventory of one symbol is not zero and keeps its side. A trade that turns the
inventory from long to short, or back, ends one episode and starts the next: it counts as two trades at one price.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.checks import TIME
from adlkit.contracts import Flags, Floats, value_of
from adlkit.errors import MetricError
from adlkit.groups import Codes, Groups
from adlkit.metrics.inputs import finite, has_columns

COLUMNS = ["time", "symbol", "qty", "price", "cash", "fee", "kind"]
KINDS = ("takeover", "exit", "relief")
OPENING = len(KINDS)
"""Kind of what the vault holds at the start: as if bought at the first mark."""
ROUNDING = 1e-12
"""Inventory below this part of all contracts of its symbol that were traded is none."""


class Market(NamedTuple):
    """Marks of the symbols that a vault deals in: values of one contract [ccy], shape (n_symbols, n_times)."""

    times: pd.DatetimeIndex
    symbols: pd.Index
    inverse: Flags
    values: Floats


class Ledger(NamedTuple):
    """Trades by symbol and then time, each within one episode; ``before``/``after`` is the inventory [contracts]."""

    time: Codes
    symbol: Codes
    kind: Codes
    qty: Floats
    value: Floats
    cash: Floats
    fee: Floats
    before: Floats
    after: Floats

    @property
    def episode(self) -> Codes:
        """Number of each trade's episode."""
        return np.asarray(np.cumsum(self.before == 0) - 1, dtype=np.intp)

    def held(self, market: Market) -> tuple[Floats, Codes]:
        """Inventory after each time and its episode, -1 without one; shape (n_symbols, n_times)."""
        shape, n_times = market.values.shape, len(market.times)
        grid = np.arange(market.values.size)
        last = np.searchsorted(self.symbol * n_times + self.time, grid, side="right") - 1
        is_traded = (last >= 0) & (self.symbol[last] == grid // n_times) if len(self.qty) else grid < 0
        after = np.zeros(len(grid))
        after[is_traded] = self.after[last[is_traded]]
        episode = np.full(len(grid), -1, dtype=np.intp)
        episode[after != 0] = self.episode[last[after != 0]]
        return after.reshape(shape), episode.reshape(shape)


def read_market(prices: pd.DataFrame, symbols: pd.Index, inverse: Sequence[str]) -> Market:
    """Values of the symbols that were traded or held."""
    if unknown := sorted(set(inverse) - set(prices.columns)):
        raise MetricError(f"inverse names {unknown}, which prices does not have")
    marks = prices[symbols].to_numpy(dtype=float).T
    if bad := int((~(np.isfinite(marks) & (marks > 0))).sum()):
        raise MetricError(f"prices: {bad} marks are NaN, infinite or not above zero")
    is_inverse = np.asarray(symbols.isin(inverse))
    values = np.asarray(value_of(marks, is_inverse[:, None]))
    return Market(pd.DatetimeIndex(prices.index), symbols, is_inverse, values)


def read_ledger(trades: pd.DataFrame, market: Market, opening: pd.Series) -> Ledger:
    """Opening inventory and trades, split at turns."""
    count = len(opening)
    opened = market.symbols.get_indexer(opening.index)
    symbol = np.concatenate((opened, market.symbols.get_indexer(pd.Index(trades["symbol"]))))
    price = trades["price"].to_numpy(dtype=float)
    value = np.concatenate((market.values[opened, 0], np.asarray(value_of(price, market.inverse[symbol[count:]]))))
    place = np.concatenate((np.zeros(count, dtype=np.intp), market.times.get_indexer(pd.Index(trades["time"]))))
    kind = np.concatenate((np.full(count, OPENING), pd.Index(KINDS).get_indexer(pd.Index(trades["kind"]))))
    money = [np.concatenate((np.zeros(count), trades[name].to_numpy(dtype=float))) for name in ("cash", "fee")]
    qty = np.concatenate((opening.to_numpy(dtype=float), trades["qty"].to_numpy(dtype=float)))
    order = np.argsort(symbol, kind="stable")
    before, after = _inventory(symbol[order], qty[order], len(market.symbols))
    columns = [column[order] for column in (place, symbol, kind, qty, value, *money)]
    return _split(Ledger._make([*columns, before, after]))


def _inventory(symbol: Codes, qty: Floats, n_symbols: int) -> tuple[Floats, Floats]:
    """Contracts held before and after each trade; what floats leave of a closed inventory is none."""
    groups = Groups(symbol, n_symbols)
    least = ROUNDING * groups.spread(np.abs(qty))
    before, after = groups.ahead(qty), groups.running(qty)
    return np.where(np.abs(before) <= least, 0.0, before), np.where(np.abs(after) <= least, 0.0, after)


def _split(trades: Ledger) -> Ledger:
    """Each trade that turns an inventory around as two: one to close it, one to open the other side."""
    turns = trades.before * trades.after < 0
    rows = np.repeat(np.arange(len(turns)), 1 + turns)
    split = Ledger._make(column[rows] for column in trades)
    opens = np.diff(rows, prepend=-1) == 0
    closes = turns[rows] & ~opens
    qty = np.where(closes, -split.before, np.where(opens, split.after, split.qty))
    share = np.divide(qty, split.qty, out=np.ones(len(qty)), where=split.qty != 0)
    return split._replace(
        qty=qty,
        cash=split.cash * share,
        fee=split.fee * share,
        before=np.where(opens, 0.0, split.before),
        after=np.where(closes, 0.0, split.after),
    )


def check_trades(trades: pd.DataFrame, prices: pd.DataFrame) -> None:
    """Raise unless trades and prices are as `vault_pnl` states."""
    has_columns("trades", trades, COLUMNS)
    if len(prices) == 0 or prices.columns.has_duplicates:
        raise MetricError("prices needs one row or more, and each symbol once")
    if str(prices.index.dtype) != TIME or not (prices.index.is_monotonic_increasing and prices.index.is_unique):
        raise MetricError(f"prices: the index must be ascending times, each once, of dtype {TIME}")
    if len(trades) == 0:
        return
    if str(trades["time"].dtype) != TIME or not trades["time"].is_monotonic_increasing:
        raise MetricError(f"trades: time must be ascending and of dtype {TIME}, got {trades['time'].dtype}")
    if (outside := ~trades["time"].isin(prices.index)).any():
        raise MetricError(
            f"trades: {int(outside.sum())} rows at times that prices does not have "
            f"(first: {trades['time'][outside].iloc[0]})"
        )
    if unknown := sorted(set(trades["kind"]) - set(KINDS)):
        raise MetricError(f"trades: unknown kind {unknown}; known: {list(KINDS)}")
    for name in ("qty", "price", "cash", "fee"):
        finite(f"trades: {name}", trades[name])
    if (trades["price"] == 0).any():
        raise MetricError("trades: a price must not be zero")


def check_opening(opening: pd.Series | None) -> pd.Series:
    """Contracts held at the start by symbol, without the symbols of which there are none."""
    if opening is None:
        return pd.Series(dtype=float, index=pd.Index([], dtype="str"))
    if opening.index.has_duplicates:
        raise MetricError("opening has a symbol twice")
    finite("opening", opening)
    return opening[opening != 0]
