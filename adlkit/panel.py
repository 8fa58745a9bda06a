"""The position frame: build, check, re-mark.

One row is one position, indexed by (account, symbol) or (time, account, symbol). Facts are columns; nothing derived
is stored. `build_panel` is the one door: everything after it may trust the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from adlkit.checks import FACTS, LEVELS, group_problems, index_problems, margin_problems, value_problems
from adlkit.contracts import INVERSE, Floats, notional_of
from adlkit.errors import PanelError
from adlkit.groups import Codes, labelled_groups, level_codes, level_groups, level_keys, level_labels, market_levels
from adlkit.intake import column_problems, flat, to_pandas, typed_columns
from adlkit.tiers import TierLines, tier_lines, tier_problems, tier_terms


def build_panel(frame: Any, *, tiers: pd.DataFrame | None = None) -> pd.DataFrame:
    """Check a frame of positions and bring it to the shape that every adlkit function reads.

    Parameters
    ----------
    frame : DataFrame of pandas, polars or pyarrow, or any object with the Arrow PyCapsule interface
        One row per position. ``account``, ``symbol`` and optionally ``time`` are columns or index levels. Needs
        ``qty`` [contracts, > 0 long], ``entry_price`` and ``mark_price`` [quote/base], ``collateral`` [ccy, the rows
        of an account sum to its cash]. Optional: ``maintenance_rate`` [1] and ``maintenance_deduction`` [ccy], both 0
        if absent; ``contract`` ("linear", the default, or "inverse"), ``settlement`` (currency), ``owner``, and
        ``contract_size``, by which ``qty`` is multiplied. Any other column is carried along untouched.
    tiers : DataFrame, optional
        Margin tiers (symbol, floor, rate, deduction) that give the maintenance columns; see `adlkit.tiers`. Without
        them each row's own rate and deduction hold at every price.

    Returns
    -------
    DataFrame
        A new frame indexed by (account, symbol) or (time, account, symbol), rows in the order of `frame`; facts as
        float64, times as datetime64[us, UTC]. A row with ``qty`` 0 is an account's cash without a position.

    Raises
    ------
    PanelError
        Listing every fault: missing columns, wrong types, NaN, infinite or non-positive prices, duplicated
        positions, several marks for one symbol, mixed settlement currencies, times without a zone, faulty tiers...

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> frame = pd.DataFrame({"account": ["ann", "bob"], "symbol": "BTC", "qty": [2.0, -2.0],
    ...                       "entry_price": 100.0, "mark_price": 90.0, "collateral": [40.0, 60.0]})
    >>> adl.build_panel(frame)["maintenance_rate"].tolist()
    [0.0, 0.0]
    """
    rows = flat(to_pandas(frame))
    problems = column_problems(rows, has_tiers=tiers is not None)
    typed = typed_columns(rows, problems)
    keys = [name for name in LEVELS if name in typed]
    if problems or not {"account", "symbol"} <= set(keys):
        raise PanelError(problems + value_problems(typed))
    panel = typed.set_index(keys)
    if tiers is not None:
        problems += tier_problems(tiers, panel.index.unique("symbol"))
    problems += value_problems(panel) + group_problems(panel)
    if problems:
        raise PanelError(problems)
    if tiers is not None:
        panel = with_tiers(panel, tiers)
    return _raise_if(panel, margin_problems(panel))


def check_panel(panel: pd.DataFrame) -> pd.DataFrame:
    """Return `panel` unchanged, or raise one error that lists every breach.

    Parameters
    ----------
    panel : DataFrame
        A frame that is said to be a panel; see `build_panel`.

    Returns
    -------
    DataFrame
        The same object.

    Raises
    ------
    PanelError
        If index, columns, types or values are not those that `build_panel` returns.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.check_panel(panel) is panel
    True
    """
    names = list(panel.index.names)
    if names not in (["account", "symbol"], ["time", "account", "symbol"]):
        raise PanelError(
            [f"index levels are {names}, need ['account', 'symbol'] or 'time' before them; use build_panel"]
        )
    problems = index_problems(panel.index)
    problems += [f"missing column {name!r}; use build_panel" for name in FACTS if name not in panel]
    problems += [
        f"{name} is {panel[name].dtype}, need float64; use build_panel"
        for name in FACTS
        if name in panel and panel[name].dtype != np.float64
    ]
    if not problems:
        problems = value_problems(panel) + group_problems(panel)
    return _raise_if(panel, problems or margin_problems(panel))


def mark_to(
    panel: pd.DataFrame, marks: pd.Series | Mapping[str, float], *, tiers: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Copy of `panel` at other mark prices.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    marks : Series or mapping
        New mark price [quote/base] of every symbol of the panel; a Series may also be indexed by (time, symbol).
    tiers : DataFrame, optional
        Margin tiers that give the maintenance columns at the new marks. Without them each row keeps its rate and
        deduction, and a panel whose maintenance margin would turn negative is refused.

    Returns
    -------
    DataFrame
        Same index and columns; `panel` is not changed.

    Raises
    ------
    PanelError
        If marks are missing, unknown, not finite or not above zero, or if the tiers are faulty.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.mark_to(panel, {"BTC": 90.0})["mark_price"].unique().tolist()
    [90.0]
    """
    problems = [] if tiers is None else tier_problems(tiers, panel.index.unique("symbol"))
    marked = panel.assign(mark_price=_broadcast(panel, marks, "marks", problems))
    if problems:
        raise PanelError(problems)
    if tiers is not None:
        marked = with_tiers(marked, tiers)
    return _raise_if(marked, margin_problems(marked))


def mark_prices(panel: pd.DataFrame) -> pd.Series:
    """Mark price of each symbol (at each time).

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index (symbol,) or (time, symbol)
        [quote/base]. Multiply it to shock a market: ``mark_to(panel, 0.8 * mark_prices(panel))``.

    Examples
    --------
    >>> import adlkit as adl
    >>> (0.8 * adl.mark_prices(adl.load_dataset("four_accounts"))).to_dict()
    {'BTC': 56.0}
    """
    markets, labels = labelled_groups(panel.index, market_levels(panel))
    return pd.Series(markets.first(panel["mark_price"].to_numpy()), index=labels, name="mark_price")


def open_interest_gap(panel: pd.DataFrame) -> pd.Series:
    """Longs minus shorts of each symbol: zero where the panel holds a whole market.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index (symbol,) or (time, symbol)
        [contracts]. Real snapshots are partial, so a gap is reported and never an error.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.open_interest_gap(adl.load_dataset("four_accounts")).to_dict()
    {'BTC': 0.0}
    """
    markets, labels = labelled_groups(panel.index, market_levels(panel))
    return pd.Series(markets.total(panel["qty"].to_numpy()), index=labels, name="open_interest_gap")


def currencies(panel: pd.DataFrame) -> list[str]:
    """Settlement currencies of a panel; without that column each inverse symbol has its own, linear ones share."""
    if "settlement" in panel:
        return sorted(panel["settlement"].unique())
    if "contract" not in panel:
        return []
    inverse = panel["contract"] == INVERSE
    return [*panel["contract"][~inverse].unique(), *map(str, panel.index[inverse].unique("symbol"))]


def with_tiers(panel: pd.DataFrame, tiers: pd.DataFrame) -> pd.DataFrame:
    """Copy of `panel` with the maintenance columns of checked `tiers` at its present marks."""
    symbol, lines = panel_tiers(panel, tiers)
    rate, deduction = tier_terms(lines, symbol, notional_of(panel))
    return panel.assign(maintenance_rate=rate, maintenance_deduction=deduction)


def panel_tiers(panel: pd.DataFrame, tiers: pd.DataFrame) -> tuple[Codes, TierLines]:
    """Symbol code of each row, and the tier lines in the order of those codes; unused symbols need no tiers."""
    return level_codes(panel.index, "symbol"), tier_lines(tiers, level_labels(panel.index, "symbol"))


def per_row(panel: pd.DataFrame, prices: pd.Series | Mapping[str, float], what: str) -> Floats:
    """Prices by symbol, or by (time, symbol), brought to the rows of `panel`, or one PanelError."""
    problems: list[str] = []
    rows = _broadcast(panel, prices, what, problems)
    if problems:
        raise PanelError(problems)
    return rows


def _broadcast(panel: pd.DataFrame, prices: pd.Series | Mapping[str, float], what: str, problems: list[str]) -> Floats:
    """As `per_row`; faults are appended to `problems`."""
    if not isinstance(prices, pd.Series | Mapping):
        problems.append(f"{what}: give a Series or a mapping of symbol to price, not a {type(prices).__name__}")
        return np.ones(len(panel))
    given = prices if isinstance(prices, pd.Series) else pd.Series(dict(prices), dtype=None if prices else float)
    if given.index.has_duplicates or given.dtype.kind not in "iuf":
        fault = "a symbol stands twice" if given.index.has_duplicates else f"dtype is {given.dtype}, need numbers"
        problems.append(f"{what}: {fault}; give one price per symbol")
        return np.ones(len(panel))
    levels = ["symbol"] if given.index.nlevels == 1 else market_levels(panel)
    groups = level_groups(panel.index, levels)
    first = groups.first(np.arange(len(panel)))
    keys = level_keys(panel.index[first], levels)
    symbols = given.index.unique(given.index.nlevels - 1)
    if extra := sorted(map(str, set(symbols) - set(panel.index.unique("symbol")))):
        problems.append(f"{what}: symbols {extra[:5]} are not in the panel; drop them")
    values = given.reindex(keys).to_numpy(dtype=float)
    absent = ~keys.isin(given.index)
    bad = ~absent & ~(np.isfinite(values) & (values > 0))
    for text, faulty in (("nothing given", absent), ("not finite or not above zero", bad)):
        if faulty.any():
            problems.append(f"{what}: {text} for {list(map(str, keys[faulty].unique()[:5]))}; see mark_prices(panel)")
    return np.asarray(values[groups.codes], dtype=np.float64)


def _raise_if(panel: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    if problems:
        raise PanelError(problems)
    return panel
