"""Hyperliquid: the public per-fill table of the auto-deleveraging of 2025-10-10, 21:15 to 21:27 UTC.

The table (HyperReplay, ``data/canonical/adl_detailed_analysis_REALTIME.csv`` [1]_, and extracts of it) has
one row per ADL fill of a deleveraged account. Its columns are of three ages, and the names given here say
which is which:

- **at the fill**, as the venue reported it: time, account, symbol, price, closed quantity, closed PnL, the
  position just before the fill, the liquidated account;
- **from the snapshot** at 20:04:54 UTC, more than an hour before: the entry price. Accounts traded in
  between, so it is not the entry price of the position that was closed; `entry_price` derives that one from
  the venue's closed PnL;
- **end of window**, 21:27:00 UTC: the account columns. Cash is one number per account for the whole window
  and already holds what the fills realised. Unrealised PnL is taken at the last prices of the window, with
  snapshot entry prices, on the account's last positions, except that the symbol of the row has its position
  from before the fill. Equity, leverage and the flag follow from these two. None of them is the state of the
  account at the fill.

The table names only accounts that were deleveraged. The accounts that were passed over are unknown.

References
----------
.. [1] ConejoCapital, HyperReplay, ``scripts/replay_real_time_accounts.py`` (definitions) and ``data/canonical``,
   https://github.com/ConejoCapital/HyperReplay. Its own licence (non-commercial, with the notice "Powered by
   HyperReplay © ConejoCapital"): no row of it ships with adlkit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.errors import SourceError
from adlkit.files import read_table
from adlkit.groups import Codes
from adlkit.panel import build_panel

TEXT = {"user": "account", "coin": "symbol", "liquidated_user": "liquidated_account"}
NUMBERS = {
    "adl_price": "price",
    "adl_size": "closed_qty",
    "adl_notional": "notional",
    "closed_pnl": "closed_pnl",
    "position_size": "position_qty",
    "entry_price": "entry_price_snapshot",
    "position_unrealized_pnl": "position_pnl_from_snapshot",
    "pnl_percent": "pnl_percent_from_snapshot",
    "account_value_realtime": "cash_end_of_window",
    "total_unrealized_pnl": "unrealized_pnl_end_of_window",
    "total_equity": "equity_end_of_window",
    "leverage_realtime": "leverage_end_of_window",
}
FLAG = {"is_negative_equity": "is_negative_equity_end_of_window"}
NAMES = {"time": "time", **TEXT, **NUMBERS, **FLAG}
OPTIONAL = tuple(FLAG)
REDUNDANT = ("queue_row", "timestamp", "time_str")
POSITIVE = ("adl_price", "adl_size", "entry_price")
EPOCH_MS = (1_600_000_000_000, 4_102_444_800_000)  # 2020-09 to 2100: seconds or microseconds fall outside
POSITION = ["time", "account", "symbol"]
ACCOUNT_STATE = "end of window"
DUST = 1e-9


def read_adl_events(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Read the per-fill table of the auto-deleveraging of 2025-10-10, and check all of it.

    Parameters
    ----------
    path : str or path
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file with the columns of the source (``user``, ``coin``,
        ``time`` [epoch ms], ``adl_price``, ...). Parquet needs pyarrow: ``pip install 'adlkit[data]'``.

    Returns
    -------
    DataFrame, one row per fill, in the order of the file
        At the fill, as the venue reported it:

        - ``time`` datetime64[us, UTC], ``account``, ``symbol`` str;
        - ``price`` [quote/base]: ADL price; ``closed_qty`` [contracts, > 0]: closed by this fill;
        - ``notional`` [ccy]: closed_qty x price; ``closed_pnl`` [ccy]: realised by this fill, without fees;
        - ``position_qty`` [contracts, > 0 long]: position just before this fill;
        - ``liquidated_account`` str: whose loss it was. Missing where the source names none.

        From the snapshot of 20:04:54 UTC (see the module): ``entry_price_snapshot`` [quote/base],
        ``position_pnl_from_snapshot`` [ccy] and ``pnl_percent_from_snapshot`` [%], the last two at the ADL
        price.

        State at the end of the window, not at the fill (see the module): ``cash_end_of_window``,
        ``unrealized_pnl_end_of_window`` and ``equity_end_of_window`` [ccy], ``leverage_end_of_window`` [1]
        and, only where the file has it, ``is_negative_equity_end_of_window`` bool. `derived_columns` has the
        definitions.

        ``timestamp`` and ``time_str`` repeat ``time`` as text and ``queue_row`` counts the rows: they are
        left out. Any other column is carried along, untouched and unchecked.

    Raises
    ------
    SourceError
        If the file is absent, unreadable, empty or of an unknown kind; else one error that lists every fault:
        missing columns, wrong types, NaN or infinite numbers, prices or sizes not above zero, fills larger
        than the position, duplicated rows. Rows are counted from 1, without the header. Nothing is filled,
        dropped or coerced.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from adlkit.sources import hyperliquid
    >>> header = (
    ...     "user,coin,time,adl_price,adl_size,adl_notional,closed_pnl,position_size,entry_price,"
    ...     "account_value_realtime,total_unrealized_pnl,total_equity,leverage_realtime,"
    ...     "position_unrealized_pnl,pnl_percent,liquidated_user"
    ... )
    >>> row = "ann,BTC,1760130964831,100.0,2.0,200.0,40.0,-5.0,120.0,1000.0,50.0,1050.0,0.5,100.0,20.0,vault"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "events.csv")
    ...     _ = file.write_text(header + "\n" + row)
    ...     events = hyperliquid.read_adl_events(file)
    >>> events[["account", "symbol", "price", "closed_qty", "position_qty", "equity_end_of_window"]]
      account symbol  price  closed_qty  position_qty  equity_end_of_window
    0     ann    BTC  100.0         2.0          -5.0                1050.0
    """
    file = Path(path)
    frame = read_table(file, dtypes={**dict.fromkeys(TEXT, "str"), **dict.fromkeys(REDUNDANT, "category")})
    problems = _column_problems(frame)
    problems += [text for name in NAMES if name in frame for text in _type_problems(name, frame[name])]
    if not problems:
        problems = [text for name in ("time", *NUMBERS) for text in _value_problems(name, frame[name])]
        problems += _size_problems(frame) + _duplicate_problems(frame)
    if problems:
        raise SourceError(_told(f"in {file.name}", problems))
    return _events(frame)


def derived_columns(events: pd.DataFrame) -> pd.DataFrame:
    r"""Derived columns of the source, computed again from the others under the source's own definitions.

    They are a check of a file, not a recommendation: see Notes for what is odd about them.

    Parameters
    ----------
    events : DataFrame
        Fills, as `read_adl_events` returns them.

    Returns
    -------
    DataFrame, index of `events`
        ``notional`` [ccy], ``position_pnl_from_snapshot`` [ccy], ``pnl_percent_from_snapshot`` [%],
        ``equity_end_of_window`` [ccy], ``leverage_end_of_window`` [1], ``is_negative_equity_end_of_window``.

    Raises
    ------
    SourceError
        If columns are missing.

    Notes
    -----
    With position :math:`q` before the fill, ADL price :math:`p`, snapshot entry price :math:`e`:

    - notional: closed quantity times :math:`p`, of the fill and not of the position;
    - position PnL: :math:`q (p - e)`, of the whole position, closed or not;
    - PnL percent: :math:`100\, q (p - e) / (|q| p)`. It divides by the ADL price, not by the entry price, so
      a short may show more than 100;
    - equity: cash + unrealised PnL, both end of window; the flag is equity < 0;
    - leverage: :math:`|q| p` / cash. Cash is without unrealised PnL, so a profitable account with little cash
      shows millions; where cash is not above zero the source writes 0. Use medians, or notional over equity.

    Examples
    --------
    >>> import pandas as pd
    >>> from adlkit.sources import hyperliquid
    >>> events = pd.DataFrame({"price": [100.0], "closed_qty": 2.0, "position_qty": -5.0, "entry_price_snapshot": 120.0,
    ...                        "cash_end_of_window": 1000.0, "unrealized_pnl_end_of_window": 50.0})
    >>> hyperliquid.derived_columns(events).iloc[0].to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'notional': 200.0, 'position_pnl_from_snapshot': 100.0, 'pnl_percent_from_snapshot': 20.0,
     'equity_end_of_window': 1050.0, 'leverage_end_of_window': 0.5, 'is_negative_equity_end_of_window': False}
    """
    _need(events, ["price", "closed_qty", "position_qty", "entry_price_snapshot"])
    _need(events, ["cash_end_of_window", "unrealized_pnl_end_of_window"])
    price, cash = events["price"], events["cash_end_of_window"]
    size = events["position_qty"].abs() * price
    pnl = events["position_qty"] * (price - events["entry_price_snapshot"])
    equity = cash + events["unrealized_pnl_end_of_window"]
    return pd.DataFrame(
        {
            "notional": events["closed_qty"] * price,
            "position_pnl_from_snapshot": pnl,
            "pnl_percent_from_snapshot": 100 * pnl / size,
            "equity_end_of_window": equity,
            "leverage_end_of_window": (size / cash.where(cash > 0)).where(cash > 0, 0.0),
            "is_negative_equity_end_of_window": equity < 0,
        }
    )


def entry_price(events: pd.DataFrame) -> pd.Series:
    r"""Entry price of the position that each fill closed, from the venue's own closed PnL.

    Parameters
    ----------
    events : DataFrame
        Fills, as `read_adl_events` returns them.

    Returns
    -------
    Series, index of `events`
        [quote/base]. A value <= 0 means that the closed PnL contradicts the price.

    Raises
    ------
    SourceError
        If columns are missing.

    Notes
    -----
    .. math:: e = p - \operatorname{sign}(q)\, \mathrm{closed\ PnL} / \mathrm{closed\ quantity}

    Closed PnL is written to a millionth of a dollar, so the relative error is about 5e-7 ccy / notional. The
    column ``entry_price_snapshot`` agrees where the account did not trade the symbol since 20:04:54 UTC, and
    is off by up to tens of percent where it did.

    Examples
    --------
    >>> import pandas as pd
    >>> from adlkit.sources import hyperliquid
    >>> events = pd.DataFrame({"price": [100.0], "closed_qty": 2.0, "position_qty": -5.0, "closed_pnl": 30.0})
    >>> hyperliquid.entry_price(events).tolist()
    [115.0]
    """
    _need(events, ["price", "closed_qty", "position_qty", "closed_pnl"])
    side = np.sign(events["position_qty"].to_numpy())
    entry: pd.Series = events["price"] - side * events["closed_pnl"] / events["closed_qty"]
    return entry.rename("entry_price")


def events_to_panel(events: pd.DataFrame) -> pd.DataFrame:
    """Panel of the deleveraged positions just before their fills; money of the accounts is from the end of the window.

    Fills of one account in one symbol at one time (milliseconds are the finest clock of the source) become
    one row: the position before the first of them, which is the largest, and the sum of what they closed.

    Parameters
    ----------
    events : DataFrame
        Fills, as `read_adl_events` returns them, or a selection of their rows.

    Returns
    -------
    DataFrame
        A checked panel indexed by (time, account, symbol), in order of first appearance. ``qty`` is the
        position before the fill, ``mark_price`` the ADL price, ``entry_price`` as in `entry_price`;
        maintenance is 0, because the source has none. ``collateral`` is set so that the account's equity in
        the panel is its ``equity_end_of_window``; the rows of an account share that equity in proportion to
        their notional. Carried along: ``closed_qty`` [contracts], ``closed_pnl`` [ccy], ``n_fills``,
        ``equity_end_of_window`` [ccy] of the account, ``equity_spread`` [ccy] and ``account_state``, always
        "end of window".

    Raises
    ------
    SourceError
        Listing every fault: missing columns, no rows, several prices of one symbol at one time, fills that
        contradict each other about the position, closed PnL that no entry price explains.
    PanelError
        If `events` was changed into something that is no panel.

    Notes
    -----
    What may be concluded: whatever rests on position, entry price and ADL price alone, i.e. notional,
    unrealised PnL, its share of notional, what was closed and what it realised.

    What may not: anything that needs the account's money at the fill, i.e. equity, leverage, margin,
    bankruptcy and close-out prices, and any score that uses them. ``equity_end_of_window`` comes minutes
    later, its cash already holds what the fills realised, and it values the closed position once more at the
    last price of the window. Nothing can be concluded about the order of the queue either: accounts that were
    passed over are not in the table.

    Where an account has several symbols at one time, its rows state different equities: each takes its own
    position from before the fill and the others from the end of the window. The row of the largest notional
    is used, which leaves out least, and ``equity_spread`` is the difference between the highest and the
    lowest; 0 for one symbol.

    Examples
    --------
    >>> import pandas as pd
    >>> from adlkit.sources import hyperliquid
    >>> events = pd.DataFrame({"time": pd.Timestamp("2025-10-10 21:16:04.831", tz="UTC"), "account": ["ann", "ann"],
    ...     "symbol": "BTC", "price": 100.0, "closed_qty": [2.0, 3.0], "closed_pnl": [30.0, 45.0],
    ...     "position_qty": [-5.0, -3.0], "equity_end_of_window": [1050.0, 990.0]})
    >>> panel = hyperliquid.events_to_panel(events)
    >>> panel[["qty", "entry_price", "mark_price", "collateral", "closed_qty"]].iloc[0].to_dict()
    {'qty': -5.0, 'entry_price': 115.0, 'mark_price': 100.0, 'collateral': 975.0, 'closed_qty': 5.0}
    """
    _need(events, [*POSITION, "price", "closed_qty", "closed_pnl", "position_qty", "equity_end_of_window"])
    fills = _fills(events)
    facts = _position_facts(events, fills)
    problems = _fill_problems(events, fills) + _price_problems(events) + _entry_problems(facts)
    if problems:
        raise SourceError(_told("in the events", problems))
    money = _account_money(facts, fills.account)
    return build_panel(facts.assign(**money, account_state=_constant(ACCOUNT_STATE, len(facts))))


def positions_after(events: pd.DataFrame) -> pd.Series:
    """Signed quantity that each account has left in a symbol after its fills of one time.

    Parameters
    ----------
    events : DataFrame
        Fills, as `read_adl_events` returns them, or a selection of their rows.

    Returns
    -------
    Series, index (time, account, symbol), in order of first appearance
        ``qty`` [contracts, > 0 long]: the position before the last fill, less what it closed. Less than 1e-9
        of the position is rounding of the subtraction and becomes exactly 0. In a selection, the last fill
        that was selected; orders of the account between its fills are in it.

    Raises
    ------
    SourceError
        If columns are missing, there are no rows, or fills contradict each other about the position.

    Examples
    --------
    >>> import pandas as pd
    >>> from adlkit.sources import hyperliquid
    >>> events = pd.DataFrame({"time": pd.Timestamp("2025-10-10 21:16:04.831", tz="UTC"), "account": ["ann", "bob"],
    ...     "symbol": "BTC", "closed_qty": [2.0, 3.0], "position_qty": [-5.0, -3.0]})
    >>> hyperliquid.positions_after(events).tolist()
    [-3.0, 0.0]
    """
    _need(events, [*POSITION, "closed_qty", "position_qty"])
    fills = _fills(events)
    if problems := _fill_problems(events, fills):
        raise SourceError(_told("in the events", problems))
    last = events[[*POSITION, "closed_qty", "position_qty"]].iloc[fills.last]
    before = last["position_qty"].to_numpy()
    left = before - np.sign(before) * last["closed_qty"].to_numpy()
    left[np.abs(left) <= DUST * np.abs(before)] = 0.0
    return pd.Series(left, index=pd.MultiIndex.from_frame(last[POSITION]), name="qty")


# From the names of the source to ours


def _events(frame: pd.DataFrame) -> pd.DataFrame:
    """Checked columns under their new names and types; no column is copied twice."""
    known = {new: _converted(old, frame[old]) for old, new in NAMES.items() if old in frame}
    others = {str(name): frame[name] for name in frame if name not in NAMES and name not in REDUNDANT}
    return pd.DataFrame({**known, **others}, index=pd.RangeIndex(len(frame)), copy=False)


def _converted(name: str, column: pd.Series) -> pd.Series:
    if name == "time":
        times = column.to_numpy().astype("datetime64[ms]").astype("datetime64[us]")
        return pd.Series(times).dt.tz_localize("UTC")
    if name in NUMBERS:
        return column.astype("float64")
    return column.astype("str") if name in TEXT else column


# What can be wrong with a file


def _column_problems(frame: pd.DataFrame) -> list[str]:
    if twice := frame.columns[frame.columns.duplicated()].tolist():
        raise SourceError(f"columns {twice} stand twice; keep one of each")
    new = set(NAMES.values()) - set(NAMES)
    problems = [] if len(frame) else ["there are no rows below the header"]
    if missing := [name for name in NAMES if name not in frame and name not in OPTIONAL]:
        problems.append(f"missing columns {missing}; found {list(map(str, frame.columns))[:25]}")
    if clash := [name for name in frame if name in new]:
        problems.append(f"columns {clash} have names that the reader gives itself; rename or drop them")
    return problems


def _type_problems(name: str, column: pd.Series) -> list[str]:
    """Cells that are not of the type that the column must have."""
    if not len(column):
        return []
    if name in TEXT:
        return _text_problems(name, column)
    wanted, kinds = {
        "time": ("whole epoch milliseconds", "i"),
        "is_negative_equity": ("True or False", "b"),
    }.get(name, ("numbers", "iuf"))
    if column.dtype.kind in kinds and (isinstance(column.dtype, np.dtype) or not column.isna().any()):
        return []
    bad = _unreadable(column, kinds)
    where = _rows(bad) if bad.any() else f"all rows ({column.dtype})"
    return [f"{name}: {where} not {wanted}; correct or drop them"]


def _text_problems(name: str, column: pd.Series) -> list[str]:
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.dropna()
    if not pd.api.types.is_string_dtype(values):
        return [f"{name}: all rows ({column.dtype}) not text; correct or drop them"]
    bad = column.isna().to_numpy() & (name != "liquidated_user")
    return [f"{name}: {_rows(bad)} empty; correct or drop them"] if bad.any() else []


def _unreadable(column: pd.Series, kinds: str) -> Flags:
    """Cells that made the column something else than numbers of `kinds`."""
    if kinds == "b":
        return ~column.astype(str).str.lower().isin(["true", "false"]).to_numpy(dtype=bool)
    if column.dtype.kind == "b":
        return np.ones(len(column), dtype=bool)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)  # only to name the cells
    return np.asarray(np.isnan(numbers) | ((kinds == "i") & (numbers != np.round(numbers))))


def _value_problems(name: str, column: pd.Series) -> list[str]:
    """Numbers that are NaN, infinite, or out of their range."""
    values = column.to_numpy()
    if name == "time":
        low, high = EPOCH_MS
        checks = {"not epoch milliseconds (seconds? microseconds?)": (values < low) | (values > high)}
    else:
        checks = {"NaN or empty": np.isnan(values), "infinite": np.isinf(values)}
    if name in POSITIVE:
        checks["not above zero"] = np.isfinite(values) & (values <= 0)
    if name == "position_size":
        checks["zero, so there was nothing to close"] = values == 0
    return [f"{name}: {_rows(bad)} {text}; correct or drop them" for text, bad in checks.items() if bad.any()]


def _size_problems(frame: pd.DataFrame) -> list[str]:
    closed, position = frame["adl_size"].to_numpy(), frame["position_size"].abs().to_numpy()
    bad = (closed > (1 + DUST) * position) & (position > 0)
    if not bad.any():
        return []
    return [f"adl_size: {_rows(bad)} larger than the position before the fill; correct or drop them"]


def _duplicate_problems(frame: pd.DataFrame) -> list[str]:
    """Rows that stand twice; whole rows are compared only where time, price and sizes agree."""
    likely = frame.duplicated(["time", "position_size", "adl_size", "closed_pnl"], keep=False).to_numpy()
    bad = np.zeros(len(frame), dtype=bool)
    known = [name for name in frame if name not in REDUNDANT]
    bad[likely] = frame.loc[likely, known].duplicated().to_numpy()
    return [f"{_rows(bad)} stand twice; drop the copies"] if bad.any() else []


def _rows(bad: Flags) -> str:
    """Count and first offenders, e.g. ``3 rows (first: 1, 4, 9)``, counted from 1 without the header."""
    first = ", ".join(str(row + 1) for row in np.flatnonzero(bad)[:3])
    return f"{_count(int(bad.sum()))} (first: {first})"


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _told(where: str, problems: list[str]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n- ".join([f"{count} {where}:", *problems])


def _need(events: pd.DataFrame, names: Iterable[str]) -> None:
    if missing := [name for name in names if name not in events]:
        raise SourceError(
            f"missing columns {missing}; use read_adl_events, found {list(map(str, events.columns))[:25]}"
        )
    if events.empty:
        raise SourceError("there are no events")


# From fills to positions


class _Fills(NamedTuple):
    """Fills ordered by position (first appearance first) and, within one, from the first fill to the last."""

    order: Codes  # places in the events
    starts: Codes  # places in `order` where a position begins
    account: Codes  # number of the account (at a time) that each position belongs to

    @property
    def first(self) -> Codes:
        """First fill of each position."""
        return self.order[self.starts]

    @property
    def last(self) -> Codes:
        """Last fill of each position."""
        return self.order[np.roll(self.starts, -1) - 1]

    def total(self, column: pd.Series) -> Floats:
        """Sum of `column` over the fills of each position."""
        return np.asarray(np.add.reduceat(column.to_numpy()[self.order], self.starts), dtype=np.float64)


def _fills(events: pd.DataFrame) -> _Fills:
    """Every fill shrinks its position, so the largest position is the one before the first fill."""
    account = _codes(events, ["time", "account"])
    position = _codes(events, ["symbol"], within=account)
    order = np.argsort(position, kind="stable")
    several = np.flatnonzero(np.bincount(position)[position[order]] > 1)  # few, so sort no others
    fills = order[several]
    size = np.abs(events["position_qty"].to_numpy()[fills])
    order[several] = fills[np.lexsort((-size, position[fills]))]
    starts = _starts(position[order])
    return _Fills(order, starts, account[order[starts]])


def _codes(frame: pd.DataFrame, names: list[str], *, within: Codes | None = None) -> Codes:
    """Group number of each row, groups counted in order of first appearance."""
    codes = np.zeros(len(frame), dtype=np.intp) if within is None else within
    for name in names:
        own, values = pd.factorize(frame[name], use_na_sentinel=False)
        codes = pd.factorize(codes * len(values) + own)[0]
    return codes


def _starts(sorted_codes: Codes) -> Codes:
    return np.asarray(np.flatnonzero(np.diff(sorted_codes, prepend=-1)), dtype=np.intp)


def _position_facts(events: pd.DataFrame, fills: _Fills) -> pd.DataFrame:
    """One row per position: what the first fill found, and what all of them closed."""
    columns = [*POSITION, "price", "position_qty", "equity_end_of_window"]
    first = events[columns].iloc[fills.first].reset_index(drop=True)
    facts = first.rename(columns={"price": "mark_price", "position_qty": "qty"})
    closed, pnl = fills.total(events["closed_qty"]), fills.total(events["closed_pnl"])
    facts["entry_price"] = facts["mark_price"] - np.sign(facts["qty"].to_numpy()) * pnl / closed
    return facts.assign(
        maintenance_rate=0.0,
        maintenance_deduction=0.0,
        closed_qty=closed,
        closed_pnl=pnl,
        n_fills=np.diff(fills.starts, append=len(fills.order)),
    )


def _account_money(facts: pd.DataFrame, account: Codes) -> dict[str, Floats]:
    """Collateral of each row, equity of its account, and how far the rows of the account disagree about it."""
    notional = (facts["qty"].abs() * facts["mark_price"]).to_numpy()
    pnl = (facts["qty"] * (facts["mark_price"] - facts["entry_price"])).to_numpy()
    equity = facts["equity_end_of_window"].to_numpy(copy=True)
    share, spread = np.ones(len(facts)), np.zeros(len(facts))
    several = np.bincount(account)[account] > 1
    if several.any():
        symbol = pd.factorize(facts.loc[several, "symbol"], sort=True)[0]
        equity[several], share[several], spread[several] = _shared_money(
            pd.factorize(account[several])[0], symbol, notional[several], equity[several]
        )
    return {"collateral": equity * share - pnl, "equity_end_of_window": equity, "equity_spread": spread}


def _shared_money(account: Codes, symbol: Codes, notional: Floats, stated: Floats) -> tuple[Floats, Floats, Floats]:
    """Equity of the account, share of each row in it, and spread of what its rows state."""
    order = np.lexsort((symbol, -notional, account))  # the largest row of each account first
    starts = _starts(account[order])
    equity = stated[order][starts]
    spread = np.maximum.reduceat(stated[order], starts) - np.minimum.reduceat(stated[order], starts)
    return equity[account], notional / np.add.reduceat(notional[order], starts)[account], spread[account]


def _constant(text: str, count: int) -> pd.Categorical:
    return pd.Categorical.from_codes(np.zeros(count, dtype=np.int8), categories=pd.Index([text], dtype="str"))


def _fill_problems(events: pd.DataFrame, fills: _Fills) -> list[str]:
    """Fills of one position that cannot follow each other: two signs, or the same position before each."""
    qty = events["position_qty"].to_numpy()[fills.order]
    follows = np.ones(len(qty), dtype=bool)
    follows[fills.starts] = False
    before = np.roll(qty, 1)
    checks = {
        "long and short at one time": follows & (np.sign(qty) != np.sign(before)),
        "two fills with the same position before": follows & (qty == before),
    }
    faults = {text: fills.order[bad] for text, bad in checks.items() if bad.any()}
    return [f"position_qty: {_keys(events, rows)} {text}; correct or drop them" for text, rows in faults.items()]


def _price_problems(events: pd.DataFrame) -> list[str]:
    market, price = _codes(events, ["time", "symbol"]), events["price"].to_numpy()
    _, first = np.unique(market, return_index=True)
    bad = np.flatnonzero(price != price[first][market])
    if not len(bad):
        return []
    return [f"price: {_keys(events, bad)} other than the first of their time and symbol; make one panel per price"]


def _entry_problems(facts: pd.DataFrame) -> list[str]:
    bad = np.flatnonzero(facts["entry_price"].to_numpy() <= 0)
    if not len(bad):
        return []
    return [f"closed_pnl: {_keys(facts, bad)} that no entry price above zero explains; correct or drop them"]


def _keys(frame: pd.DataFrame, rows: Codes) -> str:
    """Count and first offenders by time, account and symbol."""
    first = [tuple(map(str, key)) for key in frame[POSITION].iloc[np.sort(rows)[:3]].itertuples(index=False)]
    return f"{_count(len(rows))} (first: {', '.join(map(str, first))})"
