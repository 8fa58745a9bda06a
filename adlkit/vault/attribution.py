"""Where the profit of a vault comes from: an exact split into parts, by time, symbol and episode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from adlkit._display import SummaryRepr
from adlkit.contracts import Flags, Floats, price_of
from adlkit.errors import MetricError
from adlkit.groups import Codes
from adlkit.metrics.inputs import finite
from adlkit.vault.ledger import (
    KINDS,
    OPENING,
    ROUNDING,
    Ledger,
    Market,
    check_opening,
    check_trades,
    read_ledger,
    read_market,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = ["discount", "fall", "rebound", "impact", "relief", "fees", "funding"]
DISCOUNT, FALL, REBOUND, IMPACT, RELIEF, FEES, FUNDING = range(len(PARTS))
PART_OF_KIND = np.array([DISCOUNT, IMPACT, RELIEF, DISCOUNT])
"""Part that a trade's distance from the mark belongs to, by kind; that of the opening inventory is zero."""


class Bookings(NamedTuple):
    """Amounts [ccy] of a part, each at a time and in an episode."""

    time: Codes
    episode: Codes
    part: Codes
    amount: Floats

    def by(self, rows: Codes, count: int) -> Floats:
        """Sum per row and part, shape (count, n_parts)."""
        key = rows * len(PARTS) + self.part
        total = np.bincount(key, weights=self.amount, minlength=count * len(PARTS))
        return np.asarray(total, dtype=np.float64).reshape(count, len(PARTS))


@dataclass(frozen=True, eq=False, repr=False)
class VaultPnl(SummaryRepr):
    """Profit of a vault and its parts; see `vault_pnl`.

    The parts [ccy, signed: a gain of the vault is positive], which add up to the total:

    - ``discount``: takeovers against the mark, qty x (V(mark) - V(price)), and the money that came with them;
    - ``fall``: drift of the inventory, qty x change of V(mark), up to the worst mark of each episode;
    - ``rebound``: the drift after it;
    - ``impact``: exits against the mark, and money that came with them; positive where they were better than the mark;
    - ``relief``: the same of relief trades, in which the venue deleverages winners against the inventory;
    - ``fees``: minus the fees paid;
    - ``funding``: funding received.

    Parameters
    ----------
    history : DataFrame, index time
        Since the first time [ccy]: ``cash`` received, ``inventory`` (value at the marks), ``total`` (change of equity)
        and each part, cumulated. ``total`` is cash + inventory - the opening inventory's value, from the trades alone.
    by_symbol : DataFrame, index symbol
        Parts and ``total`` [ccy].
    by_episode : DataFrame, index episode, in order of their start
        ``symbol``, ``side`` ("none": money without contracts), ``start``, ``end`` (NaT where still open), ``notional``
        (of takeovers, at the mark [ccy]), ``discount_rate`` (discount / notional [1]; NaN without takeovers),
        ``exit_price`` (average over exits and relief, in values of one contract [quote/base]; NaN without), parts and
        ``total`` [ccy].
    turnover : float
        Money traded: sum of abs(qty x V(price)), the opening inventory at its mark included [ccy].
    first_takeover : Timestamp
        NaT without takeovers.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=3, freq="min", unit="us")
    >>> prices = pd.DataFrame({"BTC": [100.0, 90.0, 99.0]}, index=times)
    >>> trades = pd.DataFrame({"time": times[[0, 2]], "symbol": "BTC", "qty": [2.0, -2.0], "price": [95.0, 98.0]})
    >>> trades = trades.assign(cash=0.0, fee=[0.0, 0.5], kind=["takeover", "exit"])
    >>> adl.vault_pnl(trades, prices).by_symbol.loc["BTC"].to_dict()
    {'discount': 10.0, 'fall': -20.0, 'rebound': 18.0, 'impact': -2.0, 'relief': 0.0, 'fees': -0.5, 'funding': 0.0,
     'total': 5.5}
    """

    history: pd.DataFrame
    by_symbol: pd.DataFrame
    by_episode: pd.DataFrame
    turnover: float
    first_takeover: pd.Timestamp | NaTType

    @property
    def parts(self) -> pd.Series:
        """Each part over the whole time [ccy]."""
        return self.by_symbol[PARTS].sum().rename("profit")

    @property
    def total(self) -> float:
        """Change of equity over the whole time [ccy], from cash and inventory and not from the parts."""
        return float(self.by_symbol["total"].sum())

    @property
    def residual(self) -> float:
        """What the parts leave of the total [ccy]: rounding, below 1e-9 of the turnover."""
        return self.total - float(self.parts.sum())

    def by_horizon(self, horizons: Sequence[str | pd.Timedelta]) -> pd.DataFrame:
        """Profit and parts up to some time after the first takeover.

        Parameters
        ----------
        horizons : sequence of Timedelta or str, e.g. ["1min", "1h"]
            Not negative.

        Returns
        -------
        DataFrame, index horizon
            Parts and ``total`` [ccy] since the first time, at the last marks at or before the horizon; NaN beyond the
            last time. Fall and rebound are told apart by the worst mark of the whole episode, which is known only
            afterwards.

        Raises
        ------
        MetricError
            If there was no takeover, or a horizon is below zero.

        Examples
        --------
        >>> import pandas as pd, adlkit as adl
        >>> times = pd.date_range("2025-10-10T21:00Z", periods=3, freq="min", unit="us")
        >>> prices = pd.DataFrame({"BTC": [100.0, 90.0, 99.0]}, index=times)
        >>> trades = pd.DataFrame({"time": times[:1], "symbol": "BTC", "qty": 2.0, "price": 95.0, "cash": 0.0})
        >>> pnl = adl.vault_pnl(trades.assign(fee=0.0, kind="takeover"), prices)
        >>> pnl.by_horizon(["0min", "1min", "2min"])["total"].tolist()
        [10.0, -10.0, 8.0]
        """
        if not isinstance(self.first_takeover, pd.Timestamp):
            raise MetricError("there was no takeover from which horizons could count")
        after = pd.TimedeltaIndex(pd.to_timedelta(list(horizons)), name="horizon")
        if (after < pd.Timedelta(0)).any() or after.hasnans:
            raise MetricError(f"horizons must not be negative, got {list(horizons)}")
        times, asked = pd.DatetimeIndex(self.history.index), self.first_takeover + after
        table = self.history[[*PARTS, "total"]].iloc[times.searchsorted(asked, side="right") - 1]
        table = table.set_axis(after)
        table[asked > times[-1]] = np.nan
        return table

    def summary(self) -> pd.Series:
        """Headline numbers: parts and total [ccy], takeovers, and how deep the total fell on the way [ccy]."""
        notional, total = float(self.by_episode["notional"].sum()), self.history["total"]
        rows = self.parts.to_dict() | {"total": self.total, "takeover notional": notional}
        rows["total / takeover notional"] = self.total / notional if notional > 0 else np.nan
        rows["episodes"] = float(len(self.by_episode))
        rows["episodes still open"] = float(self.by_episode["end"].isna().sum())
        rows["least total"] = min(float(total.min()), 0.0)
        return pd.Series(rows, dtype=float)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how the parts make up the total; see `adlkit.plotting.plot_attribution`."""
        from adlkit.plotting import plot_attribution

        return plot_attribution(self, ax=ax)


def vault_pnl(
    trades: pd.DataFrame,
    prices: pd.DataFrame,
    *,
    funding: pd.Series | None = None,
    opening: pd.Series | None = None,
    inverse: Sequence[str] = (),
) -> VaultPnl:
    r"""Split the profit of a vault exactly into discount, fall, rebound, impact, relief, fees and funding.

    Parameters
    ----------
    trades : DataFrame, one row per trade of the vault, in time order
        ``time``, ``symbol``, ``qty`` [contracts, > 0: the vault buys], ``price`` [quote/base], ``cash`` [other money
        that it receives with the trade, e.g. the margin kept of an account taken over; < 0: it pays], ``fee`` [paid by
        the vault; < 0: a rebate] and ``kind``: "takeover", "exit", or "relief", where the venue deleverages winners
        against the inventory. A row of 0 contracts carries money alone; where nothing is held it is an episode of its
        own. Prices are those of the account book and may be below zero. All money in one currency.
    prices : DataFrame, times x symbols
        Marks [quote/base], among them one row for the time of each trade.
    funding : Series, index (time, symbol), optional
        Received by the vault [ccy], at times of `prices`. It belongs to the inventory held into that time, or where
        there is none to that held from it on.
    opening : Series, index symbol, optional
        Contracts held before the first time, signed; valued at its marks.
    inverse : sequence of str, optional
        Symbols of inverse contracts, V(p) = -1/p; the others are linear, V(p) = p.

    Returns
    -------
    VaultPnl

    Raises
    ------
    MetricError
        If a column is missing, a number is not finite or out of range, a time or symbol has no marks, times are not in
        order, or there is funding of a symbol that the vault does not hold.

    Notes
    -----
    With inventory :math:`h_t` after the trades at time t, of which trade j buys :math:`q_j`, each symbol's

    .. math:: \sum_j (c_j - f_j - q_j V(p_j)) + h_T V_T = \sum_j [q_j (V_{t_j} - V(p_j)) + c_j - f_j]
              + \sum_{t < T} h_t (V_{t+1} - V_t)

    The left side is ``total``, the right side the parts. The drift (last sum) is told apart per episode, a spell in
    which the inventory keeps its side; a trade that turns it around is two trades at one price. Up to the first time
    at which the mark is worst, lowest for a long and highest for a short, drift is ``fall``, afterwards ``rebound``.
    For an inventory that does not change, fall <= 0 <= rebound; one that shrinks on the way may gain before the worst
    mark. What an inventory held to the end would still cost to sell is in no part.

    Examples
    --------
    A vault takes a bankrupt long of 2 at 95, marks fall from 100 to 90 and return to 99, where it sells at 98.

    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=3, freq="min", unit="us")
    >>> prices = pd.DataFrame({"BTC": [100.0, 90.0, 99.0]}, index=times)
    >>> trades = pd.DataFrame({"time": times[[0, 2]], "symbol": "BTC", "qty": [2.0, -2.0], "price": [95.0, 98.0]})
    >>> pnl = adl.vault_pnl(trades.assign(cash=0.0, fee=[0.0, 0.5], kind=["takeover", "exit"]), prices)
    >>> pnl.total, pnl.parts.to_dict()
    (5.5, {'discount': 10.0, 'fall': -20.0, 'rebound': 18.0, 'impact': -2.0, 'relief': 0.0, 'fees': -0.5,
     'funding': 0.0})
    """
    check_trades(trades, prices)
    held = check_opening(opening)
    symbols = prices.columns[prices.columns.isin([*held.index, *trades["symbol"].unique()])]
    if unknown := sorted({*held.index, *trades["symbol"]} - set(symbols)):
        raise MetricError(f"prices has no column for {unknown}; it has {list(prices.columns)}")
    market = read_market(prices, symbols, inverse)
    ledger = read_ledger(trades, market, held)
    after, episode = ledger.held(market)
    paid = _funding(funding, ledger, market, episode)
    booked = _together(_traded(ledger, market), _drift(ledger, market, after, episode), paid)
    takeovers = trades["time"][trades["kind"] == "takeover"]
    return VaultPnl(
        history=_history(ledger, market, after, booked, paid),
        by_symbol=_by_symbol(ledger, market, after, booked, paid),
        by_episode=_by_episode(ledger, market, booked, paid),
        turnover=float(np.abs(ledger.qty * ledger.value).sum()),
        first_takeover=takeovers.iloc[0] if len(takeovers) else pd.NaT,
    )


def _together(*bookings: Bookings) -> Bookings:
    return Bookings(*(np.concatenate(columns) for columns in zip(*bookings, strict=True)))


def _traded(ledger: Ledger, market: Market) -> Bookings:
    """Each trade's distance from the mark with the money that came with it, and its fee."""
    edge = ledger.qty * (market.values[ledger.symbol, ledger.time] - ledger.value) + ledger.cash
    fee_part = np.full(len(edge), FEES)
    return _together(
        Bookings(ledger.time, ledger.episode, PART_OF_KIND[ledger.kind], edge),
        Bookings(ledger.time, ledger.episode, fee_part, -ledger.fee),
    )


def _drift(ledger: Ledger, market: Market, after: Floats, episode: Codes) -> Bookings:
    """Gain of the inventory from each mark to the next, booked at the next: fall up to the worst mark, then rebound."""
    symbol, time = np.nonzero(after[:, :-1])
    number = episode[symbol, time]
    change = market.values[symbol, time + 1] - market.values[symbol, time]
    against = np.sign(after[symbol, time]) * market.values[symbol, time + 1]
    part = np.where(_until_worst(ledger, market, number, against), FALL, REBOUND)
    return Bookings(time + 1, number, part, after[symbol, time] * change)


def _until_worst(ledger: Ledger, market: Market, episode: Codes, level: Floats) -> Flags:
    """Rows up to the first lowest `level` of their episode, its level at the start included; episodes ascend."""
    starts = np.flatnonzero(np.diff(episode, prepend=-1))
    if len(starts) == 0:
        return np.zeros(0, dtype=bool)
    run = np.cumsum(np.diff(episode, prepend=-1) != 0) - 1
    first = np.searchsorted(ledger.episode, episode[starts])
    side = np.sign(ledger.after[first])
    at_start = side * market.values[ledger.symbol[first], ledger.time[first]]
    worst = np.minimum.reduceat(level, starts)
    lowest = np.flatnonzero(level == worst[run])
    place = lowest[np.searchsorted(run[lowest], np.arange(len(starts)))]
    return np.asarray((np.arange(len(level)) <= place[run]) & (worst < at_start)[run])


def _funding(funding: pd.Series | None, ledger: Ledger, market: Market, episode: Codes) -> Bookings:
    """Funding, each amount in the episode that was held into its time, or from it on; of dust: in the one before."""
    if funding is None:
        nothing = np.zeros(0, dtype=np.intp)
        return Bookings(nothing, nothing, nothing, np.zeros(0))
    if list(funding.index.names) != ["time", "symbol"] or funding.index.has_duplicates:
        raise MetricError(f"funding needs the index (time, symbol), each once, got {list(funding.index.names)}")
    finite("funding", funding)
    funding = funding[funding != 0]
    time = market.times.get_indexer(funding.index.get_level_values("time"))
    symbol = market.symbols.get_indexer(funding.index.get_level_values("symbol"))
    into = np.where(time > 0, episode[symbol, time - 1], -1)
    number = np.where(into >= 0, into, episode[symbol, time])
    latest = np.maximum.accumulate(episode, axis=1)[symbol, time]
    is_dust = np.abs(funding.to_numpy(dtype=float)) <= ROUNDING * np.abs(ledger.qty * ledger.value).sum()
    number = np.where((number < 0) & is_dust, latest, number)
    if (bad := (time < 0) | (symbol < 0) | (number < 0)).any():
        raise MetricError(
            f"funding: {int(bad.sum())} rows where the vault holds nothing, or at times without marks "
            f"(first: {tuple(map(str, funding.index[bad][0]))})"
        )
    return Bookings(time, number, np.full(len(time), FUNDING), funding.to_numpy(dtype=float))


def _history(ledger: Ledger, market: Market, after: Floats, booked: Bookings, paid: Bookings) -> pd.DataFrame:
    """Cash, inventory and parts after each time."""
    count, is_trade = len(market.times), ledger.kind != OPENING
    spent = _spent(ledger)
    cash = np.bincount(ledger.time[is_trade], weights=spent[is_trade], minlength=count)
    cash = np.cumsum(cash + np.bincount(paid.time, weights=paid.amount, minlength=count))
    inventory = (after * market.values).sum(axis=0)
    table = pd.DataFrame(np.cumsum(booked.by(booked.time, count), axis=0), index=market.times, columns=PARTS)
    table.insert(0, "cash", cash)
    table.insert(1, "inventory", inventory)
    table.insert(2, "total", cash + inventory + spent[~is_trade].sum())
    return table.rename_axis("time")


def _by_symbol(ledger: Ledger, market: Market, after: Floats, booked: Bookings, paid: Bookings) -> pd.DataFrame:
    """Parts and total of each symbol."""
    count, symbol_of = len(market.symbols), _symbol_of_episode(ledger)
    traded = np.bincount(ledger.symbol, weights=_spent(ledger), minlength=count)
    funded = np.bincount(symbol_of[paid.episode], weights=paid.amount, minlength=count)
    total = traded + funded + after[:, -1] * market.values[:, -1]
    parts = booked.by(symbol_of[booked.episode], count)
    return pd.DataFrame(parts, index=market.symbols.rename("symbol"), columns=PARTS).assign(total=total)


def _by_episode(ledger: Ledger, market: Market, booked: Bookings, paid: Bookings) -> pd.DataFrame:
    """One row per episode: what it was, and its parts."""
    episode, symbol = ledger.episode, _symbol_of_episode(ledger)
    first, last, count = _ends(episode)
    parts, left = booked.by(booked.episode, count), ledger.after[last]
    mark = market.values[ledger.symbol, ledger.time]
    notional = np.where(ledger.kind == KINDS.index("takeover"), np.abs(ledger.qty * mark), 0.0)
    taken = np.bincount(episode, weights=notional, minlength=count)
    traded = np.bincount(episode, weights=_spent(ledger), minlength=count)
    funded = np.bincount(paid.episode, weights=paid.amount, minlength=count)
    columns = {
        "symbol": market.symbols.take(symbol),
        "side": np.array(["short", "none", "long"])[np.sign(ledger.after[first]).astype(int) + 1].astype("str"),
        "start": market.times[ledger.time[first]],
        "end": pd.Series(market.times[ledger.time[last]]).where(left == 0),
        "notional": taken,
        "discount_rate": np.divide(parts[:, DISCOUNT], taken, out=np.full(count, np.nan), where=taken > 0),
        "exit_price": _exit_price(ledger, market, count),
    }
    table = pd.DataFrame(columns).assign(**dict(zip(PARTS, parts.T, strict=True)))
    table = table.assign(total=traded + funded + left * market.values[symbol, -1])
    return table.sort_values("start", kind="stable", ignore_index=True).rename_axis("episode")


def _exit_price(ledger: Ledger, market: Market, count: int) -> Floats:
    """Average price of each episode's exits and relief."""
    is_exit = np.isin(ledger.kind, (KINDS.index("exit"), KINDS.index("relief")))
    episode, size = ledger.episode[is_exit], np.abs(ledger.qty[is_exit])
    contracts = np.bincount(episode, weights=size, minlength=count)
    worth = np.bincount(episode, weights=size * ledger.value[is_exit], minlength=count)
    value = np.divide(worth, contracts, out=np.full(count, np.nan), where=contracts > 0)
    return price_of(value, market.inverse[_symbol_of_episode(ledger)])


def _spent(ledger: Ledger) -> Floats:
    """Cash received by each trade [ccy]: minus what the contracts cost."""
    return -ledger.qty * ledger.value + ledger.cash - ledger.fee


def _symbol_of_episode(ledger: Ledger) -> Codes:
    return ledger.symbol[_ends(ledger.episode)[0]]


def _ends(episode: Codes) -> tuple[Codes, Codes, int]:
    """First and last trade of each episode, and how many there are."""
    first = np.flatnonzero(np.diff(episode, prepend=-1))
    return first, np.append(first[1:], len(episode))[: len(first)] - 1, len(first)
