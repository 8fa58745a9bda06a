"""Metrics of the fills of an event: needed budget, markouts, profit forgone, reactions, shares.

A forced trade has a signed quantity, > 0 for a buy: closing a short buys, closing a long sells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import MetricError
from adlkit.metrics.inputs import aligned, finite, has_columns, nonnegative

TRIM = (0.03, 0.97)
"""Quantiles between which the trimmed mean of over-collateralisation is taken."""


def production_haircut(without_adl: pd.Series, with_adl: pd.Series) -> pd.Series:
    """What deleveraging took from each account, by replay of the same market with and without it.

    Parameters
    ----------
    without_adl, with_adl : Series by account
        Equity at the evaluation time in both replays [ccy], on one index.

    Returns
    -------
    Series by account
        (without - with)+ [ccy]; its sum is the budget that production took. Accounts that gained count zero.

    Raises
    ------
    MetricError
        If a number is not finite or the indices differ.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (two-pass replay), for arXiv 2512.01112. Published
       values mark at the last trade at the end of the wave, which in a wave of 44 s holds 44 s of price moves.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.production_haircut(pd.Series([10.0, 5.0]), pd.Series([7.0, 6.0])).tolist()
    [3.0, 0.0]
    """
    aligned(without_adl=without_adl, with_adl=with_adl)
    return (without_adl - with_adl).clip(lower=0.0).rename("production_haircut")


def needed_budget(qty: pd.Series, price: pd.Series, *, mark: pd.Series) -> pd.Series:
    """Distance between the mark and the fill of each forced trade, in money, without sign.

    Parameters
    ----------
    qty : Series by fill
        Signed contracts of the trade, linear.
    price, mark : Series by fill
        Fill price and mark price at the fill [quote/base]. With execution and bankruptcy price of the liquidated
        account instead it is the budget as arXiv 2602.15182 writes it.

    Returns
    -------
    Series by fill
        abs(mark - price) x abs(qty) [ccy]; its sum over a wave is the needed budget. Fills that were better than the
        mark for the deleveraged account count too: see `signed_needed_budget`.

    Raises
    ------
    MetricError
        If a number is not finite or the indices differ.

    References
    ----------
    .. [1] arXiv 2512.01112 and its code: ex post, so a benchmark and not a rule that a venue could follow.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> qty, price, mark = pd.Series([2.0, -1.0]), pd.Series([80.0, 80.0]), pd.Series([70.0, 70.0])
    >>> adl.metrics.needed_budget(qty, price, mark=mark).tolist()
    [20.0, 10.0]
    """
    return signed_needed_budget(qty, price, mark=mark).abs().rename("needed_budget")


def signed_needed_budget(qty: pd.Series, price: pd.Series, *, mark: pd.Series) -> pd.Series:
    """What the deleveraged account gives up against the mark in each forced trade; below zero it gains.

    Parameters
    ----------
    qty, price, mark
        As in `needed_budget`.

    Returns
    -------
    Series by fill
        qty x (price - mark) [ccy]: a short that buys above the mark gives up.

    Raises
    ------
    MetricError
        As in `needed_budget`.

    References
    ----------
    .. [1] As in `needed_budget`, whose sources drop the sign.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> qty, price, mark = pd.Series([2.0, -1.0]), pd.Series([80.0, 80.0]), pd.Series([70.0, 70.0])
    >>> adl.metrics.signed_needed_budget(qty, price, mark=mark).tolist()
    [20.0, -10.0]
    """
    return -markout_parts(qty, price, mark=mark, later=mark)["immediate"].rename("signed_needed_budget")


def markout_parts(qty: pd.Series, price: pd.Series, *, mark: pd.Series, later: pd.Series) -> pd.DataFrame:
    """What a trade earns at once against the mark, what it earns until later, and both together.

    Parameters
    ----------
    qty : Series by fill
        Signed contracts, linear.
    price, mark, later : Series by fill
        Fill price, mark at the fill, and mark at the horizon [quote/base].

    Returns
    -------
    DataFrame by fill
        ``immediate`` = qty x (mark - price), ``opportunity`` = qty x (later - mark), ``total`` = qty x (later - price)
        [ccy]; immediate + opportunity = total.

    Raises
    ------
    MetricError
        If a number is not finite or the indices differ.

    References
    ----------
    .. [1] arXiv 2512.01112, appendix; docs/FAQs.md of its code.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> one = pd.Series([1.0])
    >>> adl.metrics.markout_parts(2 * one, 80 * one, mark=70 * one, later=75 * one).to_dict("records")
    [{'immediate': -20.0, 'opportunity': 10.0, 'total': -10.0}]
    """
    aligned(qty=qty, price=price, mark=mark, later=later)
    parts = {"immediate": qty * (mark - price), "opportunity": qty * (later - mark), "total": qty * (later - price)}
    return pd.DataFrame(parts)


def forgone(fills: pd.DataFrame, prices: pd.DataFrame, *, horizons: Sequence[pd.Timedelta | str]) -> pd.DataFrame:
    """Profit that each forced trade cost its account by later prices.

    Parameters
    ----------
    fills : DataFrame by fill
        Columns ``time``, ``symbol``, ``qty`` (signed contracts of the trade, linear), ``price`` [quote/base].
    prices : DataFrame, times x symbols
        Later mark prices [quote/base], times ascending; NaN where there is none.
    horizons : sequence of Timedelta or str
        Times after the fill, e.g. ``["1min", "1h"]``.

    Returns
    -------
    DataFrame, fills x `horizons`
        qty x (price - price at the horizon) [ccy], the latest price at or before fill + horizon; above zero the
        account would be better off with its position, below zero it was spared a loss. NaN where the prices end
        before the horizon, start after it, or are NaN there: no price is carried over a gap of NaN.

    Raises
    ------
    MetricError
        If a column or a symbol is missing, a quantity or a fill price is not finite, or times do not ascend.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:00Z", "2025-10-10T22:00Z"])
    >>> fills = pd.DataFrame({"time": times[:1], "symbol": "BTC", "qty": [2.0], "price": [80.0]})
    >>> adl.metrics.forgone(fills, pd.DataFrame({"BTC": [80.0, 70.0]}, index=times), horizons=["1h"]).to_dict("list")
    {'1h': [20.0]}
    """
    has_columns("fills", fills, ["time", "symbol", "qty", "price"])
    if missing := sorted(set(fills["symbol"]) - set(prices.columns)):
        raise MetricError(f"prices misses the symbols {missing}")
    times = prices.index
    if not (len(times) and times.is_monotonic_increasing and times.is_unique and prices.columns.is_unique):
        raise MetricError("prices must have ascending times, one or more, and one column per symbol")
    qty, paid = finite("qty", fills["qty"]), finite("price", fills["price"])
    parts = {horizon: qty * (paid - _price_at(fills, prices, pd.Timedelta(horizon))) for horizon in horizons}
    return pd.DataFrame(parts, index=fills.index)


def overcollateralization(equity: pd.Series, profit: pd.Series) -> pd.Series:
    """How much more equity than unrealised profit deleveraged users had.

    Parameters
    ----------
    equity, profit : Series by user
        At the first appearance of each user [ccy], on one index. Only users with both above zero count.

    Returns
    -------
    Series
        ``n`` users counted, and of equity / profit [1] the ``mean``, ``median``, ``p10``, ``p90`` and
        ``trimmed_mean`` (of the values between their 3% and 97% quantiles); NaN if nobody counts. The mean is ruled
        by tiny profits: report the median.

    Raises
    ------
    MetricError
        If a number is not finite or the indices differ.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (over-collateralisation).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.overcollateralization(pd.Series([4.0, 9.0, 5.0]), pd.Series([2.0, 3.0, -1.0]))["median"].item()
    2.5
    """
    aligned(equity=equity, profit=profit)
    counts = (equity > 0) & (profit > 0)
    ratio = equity[counts] / profit[counts]
    low, high = ratio.quantile(list(TRIM))
    return pd.Series(
        {
            "n": float(len(ratio)),
            "mean": ratio.mean(),
            "median": ratio.median(),
            "p10": ratio.quantile(0.1),
            "p90": ratio.quantile(0.9),
            "trimmed_mean": ratio[ratio.between(low, high)].mean(),
        }
    )


def naive_profit(queue_overshoot: float, ratio: float, *, observed: float) -> pd.Series:
    """Profit that an overshoot of equity would imply, and how it compares with the observed overshoot.

    Parameters
    ----------
    queue_overshoot : float
        Overshoot of a queue in money of equity.
    ratio : float
        Equity / profit, > 0, e.g. ``trimmed_mean`` of `overcollateralization`.
    observed : float
        Overshoot that was measured in money of profit, not zero.

    Returns
    -------
    Series
        ``implied`` = queue_overshoot / ratio [ccy]; ``factor`` = implied / observed [1].

    Raises
    ------
    MetricError
        If a number is not finite, or the ratio or `observed` is zero or below.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis ("naive implied PnL").

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.metrics.naive_profit(12.0, 4.0, observed=2.0).to_dict()
    {'implied': 3.0, 'factor': 1.5}
    """
    aligned(queue_overshoot=queue_overshoot, ratio=ratio, observed=observed)
    if ratio <= 0 or observed <= 0:
        raise MetricError("ratio and observed must be above zero")
    return pd.Series({"implied": queue_overshoot / ratio, "factor": queue_overshoot / ratio / observed})


def undo_fraction(change: pd.Series, later: pd.Series) -> pd.Series:
    """Share of a forced change that the user's later trades of the opposite sign take back.

    Parameters
    ----------
    change : Series by event
        Signed contracts by which deleveraging changed the position, not zero; index unique.
    later : Series
        Signed contracts of the user's own later trades within the window, one or more rows per event: its index
        holds labels of `change`. Events without rows have no later trades.

    Returns
    -------
    Series by event
        min(abs(change), summed opposite trades) / abs(change) [1]; later trades that go with the change do not
        offset it, see `net_undo_fraction`.

    Raises
    ------
    MetricError
        If a number is not finite, a change is zero, events repeat, or a trade belongs to no event.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (two-time analysis, opposite volume).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.undo_fraction(pd.Series({"e1": -4.0}), pd.Series([3.0, -2.0], index=["e1", "e1"])).to_dict()
    {'e1': 0.75}
    """
    event, sign = _events(change, later)
    return _undone(change, event, np.maximum(-sign * later.to_numpy(dtype=float), 0.0))


def net_undo_fraction(change: pd.Series, later: pd.Series) -> pd.Series:
    """Share of a forced change that the user's later trades take back on balance.

    Parameters
    ----------
    change, later
        As in `undo_fraction`.

    Returns
    -------
    Series by event
        min(abs(change), (-sign(change) x sum of later trades)+) / abs(change) [1].

    Raises
    ------
    MetricError
        As in `undo_fraction`.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (two-time analysis, net variant).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.net_undo_fraction(pd.Series({"e1": -4.0}), pd.Series([3.0, -2.0], index=["e1", "e1"])).to_dict()
    {'e1': 0.25}
    """
    event, sign = _events(change, later)
    return _undone(change, event, -sign * later.to_numpy(dtype=float))


def classify_users(events: pd.DataFrame) -> pd.DataFrame:
    """Users who react to being deleveraged at once, and users who do nothing.

    Parameters
    ----------
    events : DataFrame by ADL event
        Columns ``user``, ``traded_60s`` and ``traded_300s`` (bool: another own fill within 60 s, 300 s), ``undo``
        (`undo_fraction`, 60 s).

    Returns
    -------
    DataFrame, index ``user``
        ``n`` events, the means of the three columns, ``score`` = traded_60s x undo, ``is_strategic`` (traded_60s >=
        0.5 and undo >= 0.25) and ``is_passive`` (traded_300s <= 0.05); both False for users with fewer than 5 events.

    Raises
    ------
    MetricError
        If a column is missing or a number is not finite.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis (two-time analysis); the thresholds are its own.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> events = pd.DataFrame({"user": "ann", "traded_60s": [True] * 5, "traded_300s": True, "undo": 0.5})
    >>> adl.metrics.classify_users(events)[["score", "is_strategic", "is_passive"]].to_dict("records")
    [{'score': 0.5, 'is_strategic': True, 'is_passive': False}]
    """
    measures = ["traded_60s", "traded_300s", "undo"]
    has_columns("events", events, ["user", *measures])
    for name in measures:
        finite(name, events[name])
    users = events[measures].astype(float).groupby(events["user"])
    table = users.mean().assign(n=users.size())[["n", *measures]]
    is_known = table["n"] >= 5
    return table.assign(
        score=table["traded_60s"] * table["undo"],
        is_strategic=is_known & (table["traded_60s"] >= 0.5) & (table["undo"] >= 0.25),
        is_passive=is_known & (table["traded_300s"] <= 0.05),
    )


def adl_share(adl: pd.DataFrame, liquidations: pd.DataFrame) -> pd.DataFrame:
    """Deleveraged against liquidated notional of each symbol, and how long after the first liquidation ADL began.

    Parameters
    ----------
    adl, liquidations : DataFrame by fill
        Columns ``time``, ``symbol``, ``notional`` (>= 0, one currency).

    Returns
    -------
    DataFrame, index ``symbol``
        All symbols of either: ``adl``, ``liquidated`` [ccy, 0 without fills], ``ratio`` = adl / liquidated [1, NaN
        without liquidations], ``lead`` = first ADL - first liquidation [NaT without either]. For the whole event:
        ``table["adl"].sum() / table["liquidated"].sum()``.

    Raises
    ------
    MetricError
        If a column is missing, or a notional is not finite or negative.

    References
    ----------
    .. [1] github.com/ConejoCapital/HyperMultiAssetedADL (event statistics).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:15Z", "2025-10-10T21:16Z"])
    >>> fills = pd.DataFrame({"time": times, "symbol": "BTC", "notional": [8.0, 2.0]})
    >>> adl.metrics.adl_share(fills[1:], fills[:1])[["adl", "liquidated", "ratio"]].to_dict("records")
    [{'adl': 2.0, 'liquidated': 8.0, 'ratio': 0.25}]
    """
    columns = {}
    for what, fills in {"adl": adl, "liquidated": liquidations}.items():
        has_columns(what, fills, ["time", "symbol", "notional"])
        nonnegative(f"notional of {what}", fills["notional"])
        columns[what] = fills.groupby("symbol")["notional"].sum()
        columns[f"first_{what}"] = fills.groupby("symbol")["time"].min()
    table = pd.DataFrame(columns).rename_axis("symbol")
    amounts = table[["adl", "liquidated"]].fillna(0.0)
    ratio = amounts["adl"] / amounts["liquidated"].where(amounts["liquidated"] > 0)
    return amounts.assign(ratio=ratio, lead=table["first_adl"] - table["first_liquidated"])


def full_closures(closed: pd.Series, qty: pd.Series) -> float:
    """Share of deleveraged positions that were closed completely.

    Parameters
    ----------
    closed, qty : Series by position
        Contracts closed, >= 0, and signed contracts open before, on one index.

    Returns
    -------
    float
        [1], to 1e-12 of the position; NaN if nothing was closed.

    Raises
    ------
    MetricError
        If a number is not finite, `closed` is negative, or the indices differ.

    References
    ----------
    .. [1] github.com/ConejoCapital/HyperMultiAssetedADL: 92.65% of the fills of 2025-10-10.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.full_closures(pd.Series([2.0, 1.0, 0.0]), pd.Series([-2.0, 4.0, 1.0]))
    0.5
    """
    aligned(closed=closed, qty=qty)
    size = nonnegative("closed", closed)
    is_full = size >= qty.abs().to_numpy() * (1 - 1e-12)
    return float(is_full[size > 0].mean()) if (size > 0).any() else math.nan


def jaccard(first: pd.Index, second: pd.Index) -> float:
    """Overlap of two sets of accounts: common / all.

    Parameters
    ----------
    first, second : Index
        Labels, e.g. the counterparties of two symbols; repeated labels count once.

    Returns
    -------
    float
        [1]; NaN if both are empty.

    References
    ----------
    .. [1] P. Jaccard (1912); used for counterparties in github.com/ConejoCapital/HyperMultiAssetedADL.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> round(adl.metrics.jaccard(pd.Index(["ann", "bob"]), pd.Index(["bob", "cat", "bob"])), 4)
    0.3333
    """
    every = first.union(second).unique()
    return len(first.intersection(second).unique()) / len(every) if len(every) else math.nan


def _price_at(fills: pd.DataFrame, prices: pd.DataFrame, horizon: pd.Timedelta) -> Floats:
    """Latest price of each fill's symbol at or before its time + horizon; NaN outside the times of `prices`."""
    wanted = pd.DatetimeIndex(fills["time"]) + horizon
    row = prices.index.get_indexer(wanted, method="ffill")
    column = prices.columns.get_indexer(pd.Index(fills["symbol"]))
    is_there = (row >= 0) & np.asarray(wanted <= prices.index[-1])
    return np.where(is_there, prices.to_numpy(dtype=float)[row, column], np.nan)


def _events(change: pd.Series, later: pd.Series) -> tuple[pd.Index, Floats]:
    """Event of each later trade, and the sign of its change."""
    finite("later", later)
    if change.index.has_duplicates or (finite("change", change) == 0).any():
        raise MetricError("change needs one row per event, none of them zero")
    if not later.index.isin(change.index).all():
        raise MetricError("later has trades of events that are not in change")
    return later.index, np.sign(change.reindex(later.index).to_numpy(dtype=float))


def _undone(change: pd.Series, event: pd.Index, amount: Floats) -> pd.Series:
    total = pd.Series(amount, index=event).groupby(level=list(range(event.nlevels))).sum()
    back = total.reindex(change.index).fillna(0.0).clip(lower=0.0)
    return pd.Series(back.clip(upper=change.abs()) / change.abs(), name="undo_fraction")
