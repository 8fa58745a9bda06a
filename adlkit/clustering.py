"""Episodes of auto-deleveraging: fills that follow one another closely, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
import pandas as pd

from adlkit.errors import MetricError
from adlkit.metrics.inputs import finite, has_columns, nonnegative

GAPS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Gaps of the published sweep [s]."""


def episodes(events: pd.DataFrame, *, gap: float | str | pd.Timedelta, by: str | None = None) -> pd.DataFrame:
    """Episodes of ADL: fills of which each follows the one before within a gap.

    Parameters
    ----------
    events : DataFrame by fill, in any order
        Columns ``time`` (datetime), ``symbol``, ``account`` (whose position was closed), ``bankrupt`` (for whom;
        missing where the source names none), ``qty`` [contracts, without or with sign], ``price`` [quote/base].
        Optional: ``notional`` [ccy], else abs(qty) x price, which holds for linear contracts; ``deficit``: what the
        bankrupt account is short of at that time in all its positions together [ccy], a stock, >= 0 and NaN where not
        known; ``is_backstop`` (bool): the bankrupt account is a vault or fund of the venue, not a trader.
    gap : float, str or Timedelta
        Longest time between two fills of one episode; a float in seconds.
    by : str, optional
        Column whose values have episodes of their own, e.g. ``"symbol"`` or ``"venue"``; without it all fills make
        global ones.

    Returns
    -------
    DataFrame, index ``episode`` or (`by`, ``episode``)
        In order of time, numbered from 1. ``start``, ``end``, ``duration`` [s], ``fills``, ``symbols``, ``accounts``
        and ``bankrupts`` (how many different ones), ``notional`` [ccy]. Of traders: ``deficit_stock``, the worst of
        each account within the episode, summed, and ``deficit``, the part of it that is new: above the account's
        worst in the episode before in which it was seen. Of accounts with `is_backstop`: ``backstop_stock`` and
        ``backstop_deficit``. All four are in ccy, 0 where nobody of that kind is short, NaN where no deficit is known.
        Without a column `is_backstop` every account counts as a trader.

        Add up ``deficit``, never ``deficit_stock``: a hole that stays open is in the stock of each episode.

    Raises
    ------
    MetricError
        If a column is missing or not of its type, a number is not finite, a price or deficit is negative, a
        deficit has no bankrupt account, or the gap is negative.

    See Also
    --------
    adlkit.metrics.deficit_flow : the same flow, from a table of rounds x accounts.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis, for arXiv 2512.01112: global waves and clusters by
       coin with a gap of 5 s. Its deficit of 100.1M for 2025-10-10 is a sum of stocks: one balance of 10.9M,
       most likely that of the venue's own liquidator vault, is in nine of sixteen waves.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> fills = pd.DataFrame({
    ...     "time": pd.to_datetime(["2025-10-10T21:16:00Z", "2025-10-10T21:16:04Z", "2025-10-10T21:17:00Z"]),
    ...     "symbol": ["AVAX", "BTC", "BTC"], "account": ["ann", "bob", "bob"], "bankrupt": "cat",
    ...     "qty": [10.0, 1.0, 1.0], "price": [20.0, 100.0, 90.0], "deficit": [5.0, 7.0, 8.0],
    ... })
    >>> adl.episodes(fills, gap="5s")[["duration", "fills", "notional", "deficit_stock", "deficit"]]
             duration  fills  notional  deficit_stock  deficit
    episode
    1             4.0      2     300.0            7.0      7.0
    2             0.0      1      90.0            8.0      1.0
    """
    fills = _checked(events, by)
    keys = ["episode"] if by is None else [by, "episode"]
    fills = fills.assign(episode=_numbered(fills, _timedelta(gap), by))
    groups = fills.groupby(keys, observed=True)
    table = groups.agg(
        start=("time", "min"),
        end=("time", "max"),
        fills=("time", "size"),
        symbols=("symbol", "nunique"),
        accounts=("account", "nunique"),
        bankrupts=("bankrupt", "nunique"),
        notional=("notional", "sum"),
    )
    table.insert(2, "duration", (table["end"] - table["start"]).dt.total_seconds())
    return table.join(_deficits(fills, keys, table["start"])).sort_values("start", kind="stable")


def episode_sweep(
    events: pd.DataFrame, gaps: Sequence[float | str | pd.Timedelta] = GAPS, *, by: str | None = None
) -> pd.DataFrame:
    """How many episodes there are, how long and with which deficit, by the gap that parts them.

    Parameters
    ----------
    events, by
        As in `episodes`.
    gaps : sequence of float, str or Timedelta
        As in `episodes`; by default the published ones, 0.25 to 10 seconds.

    Returns
    -------
    DataFrame, index ``gap`` [s]
        ``episodes``, ``longest`` [s], ``largest`` (notional [ccy]), and summed over episodes ``deficit_stock``,
        ``deficit``, ``backstop_stock`` and ``backstop_deficit`` [ccy; NaN where none is known]. What moves with the gap
        is the choice of the analyst, not the market.

    Raises
    ------
    MetricError
        As in `episodes`.

    References
    ----------
    .. [1] github.com/pluriholonomic/autodeleveraging-analysis offers the sweep 250 to 10,000 ms.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.to_datetime(["2025-10-10T21:16:00Z", "2025-10-10T21:16:04Z", "2025-10-10T21:17:00Z"])
    >>> fills = pd.DataFrame({"time": times, "symbol": "BTC", "account": "ann", "bankrupt": "bob", "qty": 1.0})
    >>> adl.episode_sweep(fills.assign(price=100.0), [1, 5, 60])["episodes"].to_dict()
    {1.0: 3, 5.0: 2, 60.0: 1}
    """
    sums = ["deficit_stock", "deficit", "backstop_stock", "backstop_deficit"]
    rows = {}
    for gap in gaps:
        table = episodes(events, gap=gap, by=by)
        facts = {"episodes": len(table), "longest": table["duration"].max(), "largest": table["notional"].max()}
        rows[_timedelta(gap).total_seconds()] = facts | table[sums].sum(min_count=1).to_dict()
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("gap")


def _checked(events: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Fills in order of time with all columns that are read; or one MetricError."""
    has_columns("events", events, ["time", "symbol", "account", "qty", "price", *([] if by is None else [by])])
    if "bankrupt" not in events:
        raise MetricError(f"events misses columns ['bankrupt']; it has {list(events.columns)}")
    if not len(events) or not pd.api.types.is_datetime64_any_dtype(events["time"].dtype):
        raise MetricError(f"events needs one fill or more, with times as datetime; time is {events['time'].dtype}")
    notional = finite("qty", events["qty"]) * nonnegative("price", events["price"])
    given = nonnegative("notional", events["notional"]) if "notional" in events else np.abs(notional)
    deficit = events["deficit"] if "deficit" in events else pd.Series(np.nan, index=events.index)
    nonnegative("deficit", deficit.dropna())
    if (deficit.notna() & events["bankrupt"].isna()).any():
        raise MetricError("events has deficits without a bankrupt account, which cannot be told from repeats")
    backstop = events["is_backstop"] if "is_backstop" in events else pd.Series(data=False, index=events.index)
    if backstop.dtype.kind != "b":
        raise MetricError(f"is_backstop must be true or false, got dtype {backstop.dtype}")
    return events.assign(notional=given, deficit=deficit, is_backstop=backstop).sort_values("time", kind="stable")


def _timedelta(gap: float | str | pd.Timedelta) -> pd.Timedelta:
    """A gap that is not negative; a number counts seconds."""
    span = pd.Timedelta(float(gap), unit="s") if isinstance(gap, Real) else pd.Timedelta(gap)
    if not span >= pd.Timedelta(0):
        raise MetricError(f"gap must be a time of zero or more, got {gap!r}")
    return span


def _numbered(fills: pd.DataFrame, gap: pd.Timedelta, by: str | None) -> pd.Series:
    """Number of the episode of each fill, from 1, within its group."""
    if by is None:
        return (fills["time"].diff() > gap).cumsum() + 1
    is_new = fills.groupby(by, observed=True)["time"].diff() > gap
    return is_new.groupby(fills[by], observed=True).cumsum() + 1


def _deficits(fills: pd.DataFrame, keys: list[str], start: pd.Series) -> pd.DataFrame:
    """Stock and flow of each episode, of traders and of backstop accounts."""
    known = fills.dropna(subset="deficit")
    debtor = ["venue", "bankrupt"] if "venue" in known else ["bankrupt"]
    worst = known.groupby([*dict.fromkeys([*keys, *debtor])], observed=True).agg(
        stock=("deficit", "max"), is_backstop=("is_backstop", "any")
    )
    worst = worst.join(start).sort_values("start", kind="stable")
    before = worst.groupby(debtor, observed=True)["stock"].shift(fill_value=0.0)
    worst["flow"] = (worst["stock"] - before).clip(lower=0.0)
    has_any = start.index.isin(known.set_index(keys).index)
    columns: dict[str, pd.Series] = {}
    for stock, flow, rows in (
        ("deficit_stock", "deficit", worst[~worst["is_backstop"]]),
        ("backstop_stock", "backstop_deficit", worst[worst["is_backstop"]]),
    ):
        sums = rows.groupby(keys, observed=True)[["stock", "flow"]].sum().reindex(start.index, fill_value=0.0)
        columns |= {stock: sums["stock"].where(has_any), flow: sums["flow"].where(has_any)}
    return pd.DataFrame(columns, index=start.index)
