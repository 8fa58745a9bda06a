"""Where a vault's profit comes from: discount, further fall, rebound, impact, fees, funding, relief.

A vault that holds h contracts between two marks earns h x the difference of their values; a trade of q contracts at
value v earns q x (V(mark) - v) at once. Each of these pieces belongs to one part, so the parts add up to all that the
vault has earned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.contracts import Flags, Floats, value_of
from adlkit.errors import PathError
from adlkit.groups import Codes, Groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = ("discount", "further fall", "rebound", "impact", "relief", "fees", "funding")
KINDS = {"takeover": "discount", "exit": "impact", "relief": "relief"}
"""Part to which the edge of a trade against the mark belongs."""

ROUNDING = 1e-13
"""Share of all contracts traded below which an inventory is none."""

NEEDED = ("time", "symbol", "qty", "price", "kind")


@dataclass(frozen=True, eq=False, repr=False)
class VaultPnl(SummaryRepr):
    """Profit of a vault by part; see `vault_pnl`.

    Parameters
    ----------
    parts : Series, index part
        [ccy]: "discount" (takeovers against the mark, and money that came with them), "further fall" (inventory until
        its worst mark), "rebound" (from there on), "impact" (exits against the mark; above zero where quotes earned a
        spread), "relief" (closing against winners), "fees" (below zero: paid), "funding".
    total : float
        Money of the trades, fees and funding, plus what is left of the inventory at the last mark, less what was there
        at the start at the first [ccy]; counted without the parts.
    pieces : DataFrame, index (time, symbol)
        The parts at every time [ccy].
    episodes : DataFrame
        One row per symbol and spell in which it was held on one side: ``symbol``, ``side``, ``start``, ``end``,
        ``worst_time``, ``taken`` (contracts taken over), and the parts and ``total`` [ccy].

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10 21:00", periods=4, freq="min", tz="UTC")
    >>> prices = pd.DataFrame({"BTC": [100.0, 80.0, 90.0, 90.0]}, index=times)
    >>> trades = pd.DataFrame(
    ...     {"time": times[[0, 2]], "symbol": "BTC", "qty": [2.0, -2.0], "price": [97.0, 89.0]}
    ... ).assign(kind=["takeover", "exit"])
    >>> adl.vault_pnl(trades, prices).parts[["discount", "further fall", "rebound", "impact"]].tolist()
    [6.0, -40.0, 20.0, -2.0]
    """

    parts: pd.Series
    total: float
    pieces: pd.DataFrame
    episodes: pd.DataFrame

    @property
    def residual(self) -> float:
        """Parts less the total [ccy]: zero but for rounding."""
        return float(self.parts.sum()) - self.total

    @property
    def by_symbol(self) -> pd.DataFrame:
        """Parts and total of each symbol [ccy]."""
        table = self.pieces.groupby(level="symbol").sum()
        return table.assign(total=table.sum(axis=1))

    @property
    def history(self) -> pd.DataFrame:
        """Parts and total since the start, at every time [ccy]."""
        table = self.pieces.groupby(level="time").sum().cumsum()
        return table.assign(total=table.sum(axis=1))

    def by_horizon(self, horizons: Sequence[str | pd.Timedelta]) -> pd.DataFrame:
        """Parts and total until some time after the first takeover.

        Parameters
        ----------
        horizons : sequence of str or Timedelta
            E.g. ``["1min", "1h"]``.

        Returns
        -------
        DataFrame, index ``horizon``
            [ccy]; NaN beyond the last mark.

        Examples
        --------
        >>> import pandas as pd, adlkit as adl
        >>> times = pd.date_range("2025-10-10 21:00", periods=3, freq="min", tz="UTC")
        >>> prices = pd.DataFrame({"BTC": [100.0, 80.0, 90.0]}, index=times)
        >>> trade = {"time": times[:1], "symbol": "BTC", "qty": 2.0, "price": 97.0, "kind": "takeover"}
        >>> adl.vault_pnl(pd.DataFrame(trade), prices).by_horizon(["1min", "2min", "1h"])["total"].tolist()
        [-34.0, -14.0, nan]
        """
        history = self.history
        ends = pd.TimedeltaIndex(pd.to_timedelta(list(horizons)), name="horizon")
        start = self.episodes["start"].min() if len(self.episodes) else history.index[0]
        places = history.index.searchsorted(start + ends, side="right") - 1
        table: pd.DataFrame = history.iloc[places].set_axis(ends)
        is_beyond = np.asarray(start + ends > history.index[-1])
        table[is_beyond] = np.nan
        return table

    def summary(self) -> pd.Series:
        """Parts and total [ccy]."""
        return pd.Series({**self.parts.to_dict(), "total": self.total})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the parts as steps to the total; see `adlkit.plotting.plot_vault_pnl`."""
        from adlkit.plotting import plot_vault_pnl

        return plot_vault_pnl(self, ax=ax)


def vault_pnl(
    trades: pd.DataFrame,
    prices: pd.DataFrame,
    *,
    funding: pd.Series | None = None,
    opening: pd.Series | None = None,
    inverse: Collection[str] = (),
) -> VaultPnl:
    """Split the profit of a vault into what it was earned and lost by.

    Parameters
    ----------
    trades : DataFrame
        One row per trade, in order: ``time`` (one of those of `prices`), ``symbol``, ``qty`` [contracts, > 0 bought],
        ``price`` [quote/base], ``kind`` ("takeover", "exit", or "relief": closed against winners); optional ``cash``
        (other money received with the trade: the margin of a whole account) and ``fee`` (paid; income below zero)
        [ccy], 0 if not there. Contracts of 0 carry money only.
    prices : DataFrame, time x symbol
        Marks [quote/base]; times rise.
    funding : Series, index (time, symbol), optional
        Received by the vault [ccy].
    opening : Series, index symbol, optional
        Contracts held before the first time [signed].
    inverse : collection of str
        Symbols whose contracts are inverse: one is worth -1 / price.

    Returns
    -------
    VaultPnl

    Raises
    ------
    PathError
        If columns are missing, numbers are not finite, or a time, symbol or kind is unknown.

    Notes
    -----
    Contracts bought at a time are held from its mark on. A spell of a symbol lasts while its inventory is on one side;
    drift up to the worst mark of the spell (lowest for longs, highest for shorts; the first of equals) is "further
    fall", drift after it "rebound". Both may have either sign: with takeovers on the way down, the rebound of what was
    taken early is counted from the worst mark too. Money of the parts is linear in contracts, so splitting a trade
    changes nothing; the identity is exact up to rounding. O(times x symbols + trades).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10 21:00", periods=2, freq="min", tz="UTC")
    >>> trade = {"time": times[:1], "symbol": "BTC", "qty": 1.0, "price": 90.0, "kind": "takeover", "cash": 3.0}
    >>> pnl = adl.vault_pnl(pd.DataFrame(trade), pd.DataFrame({"BTC": [90.0, 95.0]}, index=times))
    >>> pnl.total, pnl.parts["discount"].item(), pnl.residual
    (8.0, 3.0, 0.0)
    """
    trades = _checked(trades, prices)
    symbols, times = list(prices.columns), pd.DatetimeIndex(prices.index)
    flags = np.array([symbol in set(inverse) for symbol in symbols])
    values = value_of(prices.to_numpy(dtype=float), flags)
    step, column = times.get_indexer(pd.Index(trades["time"])), prices.columns.get_indexer(pd.Index(trades["symbol"]))
    qty, cash, fee = (trades[name].to_numpy(dtype=float) for name in ("qty", "cash", "fee"))
    value = value_of(trades["price"].to_numpy(dtype=float), flags[column])
    start = _opening(opening, prices)
    held = _flat(start + np.cumsum(_on_grid(step, column, qty, values.shape), axis=0), qty)
    pieces = dict.fromkeys(PARTS, np.zeros(values.shape))
    edge = qty * (values[step, column] - value) + cash
    for kind, part in KINDS.items():
        own = (trades["kind"] == kind).to_numpy()
        pieces[part] = _on_grid(step[own], column[own], edge[own], values.shape)
    pieces["fees"] = -_on_grid(step, column, fee, values.shape)
    pieces["funding"] = _funding(funding, prices)
    drift = np.diff(values, axis=0, prepend=values[:1]) * np.vstack([start, held[:-1]])
    spells = [
        find_spells(start[k], held[:, k], values[:, k], np.unique(step[column == k])) for k in range(len(symbols))
    ]
    falls = np.column_stack([spell.is_fall for spell in spells])
    pieces["further fall"], pieces["rebound"] = np.where(falls, drift, 0.0), np.where(falls, 0.0, drift)
    money = float((cash - fee - qty * value).sum() + pieces["funding"].sum())
    total = money + float(held[-1] @ values[-1] - start @ values[0])
    index = pd.MultiIndex.from_product([times, symbols], names=["time", "symbol"])
    table = pd.DataFrame({part: pieces[part].ravel() for part in PARTS}, index=index)
    taken = np.abs(_on_grid(step, column, np.where(trades["kind"] == "takeover", qty, 0.0), values.shape))
    rows = [_episodes(pieces, taken, spell, k, symbols[k], times) for k, spell in enumerate(spells)]
    return VaultPnl(table.sum(), total, table, pd.concat(rows, ignore_index=True))


class Spells(NamedTuple):
    """Spells in which one symbol was held, numbered from 0.

    By time: the spell that a drift and an exit belong to (``before``) and that of a takeover (``after``), -1 for none,
    and whether the drift up to that time is before the worst mark. By spell: side, first, last and worst time.
    """

    before: Codes
    after: Codes
    is_fall: Flags
    side: list[float]
    first: list[int]
    last: list[int]
    worst: list[int]


def find_spells(start: float, held: Floats, values: Floats, traded: Codes) -> Spells:
    """Spells in which one symbol was held on one side; a takeover that is gone at once is a spell of its own."""
    sign = np.sign(np.append(start, held))
    alone = np.zeros(len(sign), dtype=bool)
    alone[traded + 1] = (sign[traded + 1] == 0) & (sign[traded] == 0)
    begins = (sign != 0) & (np.append(0.0, sign[:-1]) != sign) | alone
    number = np.where((sign != 0) | alone, np.cumsum(begins) - 1, -1)
    before = np.where(sign[:-1] != 0, number[:-1], -1)
    spells = Spells(before, number[1:], np.zeros(len(held), dtype=bool), [], [], [], [])
    for one in range(int(begins.sum())):
        rows = np.flatnonzero((before == one) | (number[1:] == one))
        side = float(sign[np.flatnonzero(number == one)[0]])
        worst = rows[int(np.argmin(side * values[rows]))]
        spells.is_fall[(before == one) & (np.arange(len(held)) <= worst)] = True
        spells.side.append(side)
        spells.first.append(int(rows[0]))
        spells.last.append(int(rows[-1]))
        spells.worst.append(int(worst))
    return spells


def _episodes(
    pieces: dict[str, Floats], taken: Floats, spells: Spells, column: int, symbol: str, times: pd.DatetimeIndex
) -> pd.DataFrame:
    """Parts of each spell of one symbol."""
    before = np.where(spells.before >= 0, spells.before, spells.after)
    after = np.where(spells.after >= 0, spells.after, spells.before)
    n_spells = len(spells.side)

    def totals(amounts: Floats, spell: Codes) -> Floats:
        own = spell >= 0
        return Groups(spell[own], n_spells).total(amounts[own])

    parts = {
        part: totals(pieces[part][:, column], after if part == "discount" else before) if n_spells else np.zeros(0)
        for part in PARTS
    }
    table = pd.DataFrame(
        {
            "symbol": symbol,
            "side": ["long" if side > 0 else "short" if side < 0 else "none" for side in spells.side],
            "start": times[spells.first],
            "end": times[spells.last],
            "worst_time": times[spells.worst],
            "taken": totals(taken[:, column], after) if n_spells else np.zeros(0),
            **parts,
        }
    )
    return table.assign(total=table[list(PARTS)].sum(axis=1))


def _flat(held: Floats, qty: Floats) -> Floats:
    """Inventory without what rounding leaves of trades that add up to nothing."""
    return np.where(np.abs(held) <= ROUNDING * np.abs(qty).sum(), 0.0, held)


def _on_grid(step: Codes, column: Codes, amounts: Floats, shape: tuple[int, ...]) -> Floats:
    """Amounts summed up by time and symbol."""
    grid = np.zeros(shape)
    np.add.at(grid, (step, column), amounts)
    return grid


def _opening(opening: pd.Series | None, prices: pd.DataFrame) -> Floats:
    if opening is None:
        return np.zeros(prices.shape[1])
    if unknown := sorted(set(opening.index) - set(prices.columns)):
        raise PathError(f"opening: no prices of symbols {unknown}")
    return opening.reindex(prices.columns, fill_value=0.0).to_numpy(dtype=float)


def _funding(funding: pd.Series | None, prices: pd.DataFrame) -> Floats:
    if funding is None:
        return np.zeros(prices.shape)
    step = prices.index.get_indexer(funding.index.get_level_values("time"))
    column = prices.columns.get_indexer(funding.index.get_level_values("symbol"))
    if (step < 0).any() or (column < 0).any():
        raise PathError("funding: some times or symbols are not those of the prices")
    return _on_grid(step, column, funding.to_numpy(dtype=float), prices.shape)


def _checked(trades: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Trades with all columns, or one PathError."""
    if not (isinstance(prices.index, pd.DatetimeIndex) and prices.index.is_monotonic_increasing and len(prices)):
        raise PathError("prices: need rows by rising times, at least one, and one column per symbol")
    if missing := [name for name in NEEDED if name not in trades]:
        raise PathError(f"trades: missing columns {missing}")
    trades = trades.assign(**{name: 0.0 for name in ("cash", "fee") if name not in trades})
    problems = []
    numbers = trades[["qty", "price", "cash", "fee"]].to_numpy(dtype=float)
    for name, faulty in {
        "a number that is not finite": ~np.isfinite(numbers).all(axis=1),
        "a time that the prices do not have": ~trades["time"].isin(prices.index).to_numpy(),
        "a symbol that the prices do not have": ~trades["symbol"].isin(prices.columns).to_numpy(),
        f"a kind other than {list(KINDS)}": ~trades["kind"].isin(list(KINDS)).to_numpy(),
    }.items():
        if faulty.any():
            problems.append(f"{int(faulty.sum())} rows with {name}; first: {trades.index[faulty][:5].tolist()}")
    if not np.isfinite(prices.to_numpy(dtype=float)).all() or (prices.to_numpy(dtype=float) <= 0).any():
        problems.append("prices that are not finite or not above zero")
    if problems:
        raise PathError("trades: " + "; ".join(problems))
    return trades
