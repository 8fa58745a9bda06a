"""The position frame: build, check, re-mark.

One row is one position, indexed by (account, symbol) or (time, account, symbol). Facts are columns; nothing derived
is stored. `build_panel` is the one door: everything after it may trust the frame.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import KINDS, Flags, Floats, is_inverse, value_of
from adlkit.errors import PanelError
from adlkit.tiers import TierLines, tier_lines, tier_problems, tier_terms

LEVELS = ("time", "account", "symbol")
NEEDED = ("qty", "entry_price", "mark_price", "collateral")
MAINTENANCE = ("maintenance_rate", "maintenance_deduction")
FACTS = (*NEEDED, *MAINTENANCE)
OPTIONAL = ("contract", "settlement", "owner")
EXACT_INTEGERS = 2**53


class Groups(NamedTuple):
    """Integer codes of a grouping, one per row, each below `count`; unused codes are allowed."""

    codes: npt.NDArray[np.intp]
    count: int

    def total(self, values: Floats) -> Floats:
        """Sum of `values` per group, shape (count,)."""
        return np.bincount(self.codes, weights=values, minlength=self.count)

    def spread(self, values: Floats) -> Floats:
        """Sum of `values` over the group of each row, shape of the rows."""
        return self.total(values)[self.codes]


def level_groups(index: pd.Index, names: Iterable[str]) -> Groups:
    """Groups by index levels, from the codes of the index and never from its labels."""
    codes, count = np.zeros(len(index), dtype=np.intp), 1
    assert isinstance(index, pd.MultiIndex)
    for name in names:
        place = index.names.index(name)
        size = max(len(index.levels[place]), 1)
        codes = codes * size + np.asarray(index.codes[place], dtype=np.intp)
        count *= size
    if count > max(4 * len(index), 1024):
        codes, uniques = pd.factorize(codes, sort=True)
        count = len(uniques)
    return Groups(codes, count)


def account_levels(panel: pd.DataFrame) -> list[str]:
    """Index levels that name an account: all but `symbol`, so that nothing is ever summed over time."""
    return [str(name) for name in panel.index.names if name != "symbol"]


def account_groups(panel: pd.DataFrame) -> Groups:
    """Groups of rows that share one account (at one time)."""
    return level_groups(panel.index, account_levels(panel))


def market_levels(panel: pd.DataFrame) -> list[str]:
    """Index levels that name a market: all but `account`."""
    return [str(name) for name in panel.index.names if name != "account"]


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
    flat = _flat(_to_pandas(frame))
    problems = _column_problems(flat, has_tiers=tiers is not None)
    typed = _typed(flat, problems)
    keys = [name for name in LEVELS if name in typed]
    if problems or not {"account", "symbol"} <= set(keys):
        raise PanelError(problems + _value_problems(typed))
    panel = typed.set_index(keys)
    if tiers is not None:
        problems += tier_problems(tiers, panel.index.unique("symbol"))
    problems += _value_problems(panel) + _group_problems(panel)
    if problems:
        raise PanelError(problems)
    if tiers is not None:
        panel = with_tiers(panel, tiers)
    return _raise_if(panel, _margin_problems(panel))


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
            [
                f"index levels are {names}, need ['account', 'symbol'], with 'time' first if there is one; use build_panel"
            ]
        )
    problems = [f"missing column {name!r}; use build_panel" for name in FACTS if name not in panel]
    problems += [
        f"{name} is {panel[name].dtype}, need float64; use build_panel"
        for name in FACTS
        if name in panel and panel[name].dtype != np.float64
    ]
    if not problems:
        problems = _value_problems(panel) + _group_problems(panel)
    return _raise_if(panel, problems or _margin_problems(panel))


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
    return _raise_if(marked, _margin_problems(marked))


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
    levels = market_levels(panel)
    return panel.groupby(level=levels if len(levels) > 1 else levels[0], observed=True)["mark_price"].first()


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
    levels = market_levels(panel)
    grouped = panel.groupby(level=levels if len(levels) > 1 else levels[0], observed=True)
    return grouped["qty"].sum().rename("open_interest_gap")


def with_tiers(panel: pd.DataFrame, tiers: pd.DataFrame) -> pd.DataFrame:
    """Copy of `panel` with the maintenance columns of checked `tiers` at its present marks."""
    symbol, lines = panel_tiers(panel, tiers)
    rate, deduction = tier_terms(lines, symbol, _notional(panel))
    return panel.assign(maintenance_rate=rate, maintenance_deduction=deduction)


def panel_tiers(panel: pd.DataFrame, tiers: pd.DataFrame) -> tuple[npt.NDArray[np.intp], TierLines]:
    """Symbol code of each row, and the tier lines in the order of those codes."""
    index = panel.index.remove_unused_levels()
    place = index.names.index("symbol")
    return np.asarray(index.codes[place], dtype=np.intp), tier_lines(tiers, index.levels[place])


def per_row(panel: pd.DataFrame, values: pd.Series | Mapping[str, float], what: str) -> Floats:
    """Positive numbers by symbol (or time and symbol), brought to the rows of `panel`, or one PanelError."""
    problems: list[str] = []
    rows = _broadcast(panel, values, what, problems)
    if problems:
        raise PanelError(problems)
    return rows


def _broadcast(
    panel: pd.DataFrame, values: pd.Series | Mapping[str, float], what: str, problems: list[str]
) -> Floats:
    given = values if isinstance(values, pd.Series) else pd.Series(dict(values), dtype=float)
    if given.index.has_duplicates:
        problems.append(f"{what}: a symbol stands twice; give one price per symbol")
        return np.ones(len(panel))
    if given.dtype.kind not in "iuf":
        problems.append(f"{what}: dtype is {given.dtype}, need numbers")
        return np.ones(len(panel))
    index = (
        panel.index.droplevel("account")
        if given.index.nlevels > 1
        else panel.index.get_level_values("symbol")
    )
    known = given.index.unique(given.index.names[-1]) if given.index.nlevels > 1 else given.index
    if extra := sorted(map(str, set(known) - set(panel.index.unique("symbol")))):
        problems.append(f"{what}: symbols {extra[:5]} are not in the panel; drop them")
    rows = given.reindex(index).to_numpy(dtype=float)
    if (absent := ~index.isin(given.index)).any():
        problems.append(f"{what}: nothing given for {list(map(str, index[absent].unique()[:5]))}")
    if (bad := ~absent & ~(np.isfinite(rows) & (rows > 0))).any():
        problems.append(f"{what}: not finite or not above zero for {list(map(str, index[bad].unique()[:5]))}")
    return rows


def _to_pandas(frame: Any) -> pd.DataFrame:
    if isinstance(frame, pd.DataFrame):
        return frame
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            return pd.DataFrame.from_arrow(frame)
        except ImportError as error:
            raise PanelError(["reading Arrow data needs pyarrow: pip install 'adlkit[data]'"]) from error
    raise PanelError([f"cannot read a {type(frame).__name__}; give a pandas, polars or pyarrow frame"])


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """All keys as columns, rows numbered from 0, columns of `frame` unchanged."""
    named = [name for name in frame.index.names if name is not None]
    if clash := [name for name in named if name in frame]:
        raise PanelError([f"{clash} are both index levels and columns; keep one of each"])
    if frame.columns.has_duplicates:
        raise PanelError(
            [f"columns {list(frame.columns[frame.columns.duplicated()])} stand twice; keep one of each"]
        )
    return frame.reset_index(drop=not named)


def _column_problems(flat: pd.DataFrame, *, has_tiers: bool) -> list[str]:
    problems = [] if len(flat) else ["the frame is empty; a panel needs at least one position"]
    if missing := [name for name in ("account", "symbol", *NEEDED) if name not in flat]:
        problems.append(f"missing columns {missing}; found {list(map(str, flat.columns))}")
    if has_tiers and (both := [name for name in MAINTENANCE if name in flat]):
        problems.append(f"{both} are given both as columns and by tiers; drop the columns or the tiers")
    known = (*LEVELS, *FACTS, *OPTIONAL, "contract_size")
    for name in flat.columns.difference(list(known)):
        if close := [
            other for other in difflib.get_close_matches(str(name), known, 1, 0.85) if other not in flat
        ]:
            problems.append(f"unknown column {str(name)!r}; did you mean {close[0]!r}? rename or drop it")
    return problems


def _typed(flat: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """Facts as float64, keys as text and UTC times, maintenance filled with its default; faults are appended."""
    columns: dict[str, Any] = {}
    for name in flat.columns:
        if name == "time":
            columns[name] = _times(flat[name], problems)
        elif name in ("account", "symbol", *OPTIONAL):
            columns[name] = _text(flat[name], problems)
        elif name in (*FACTS, "contract_size"):
            columns[name] = _numbers(flat[name], problems)
        else:
            columns[str(name)] = flat[name]
    for name in MAINTENANCE:
        columns.setdefault(name, 0.0)
    typed = pd.DataFrame(columns, index=flat.index)
    if "contract_size" in typed and "qty" in typed:
        if (bad := ~(typed["contract_size"] > 0)).any():
            problems.append(f"contract_size: {_rows(typed, bad.to_numpy())} not above zero")
        typed["qty"] = typed["qty"] * typed.pop("contract_size")
    rest = [name for name in typed if name not in (*LEVELS, *FACTS, *OPTIONAL)]
    return typed[[name for name in (*LEVELS, *FACTS, *OPTIONAL, *rest) if name in typed]]


def _numbers(column: pd.Series, problems: list[str]) -> Any:
    if (
        not pd.api.types.is_numeric_dtype(column)
        or pd.api.types.is_bool_dtype(column)
        or column.dtype.kind == "c"
    ):
        problems.append(
            f"{column.name}: dtype is {column.dtype}, need numbers; convert the column, e.g. with pd.to_numeric"
        )
        return np.ones(len(column))
    if column.dtype.kind in "iu" and (column.abs() > EXACT_INTEGERS).any():
        problems.append(f"{column.name}: integers beyond 2**53 cannot be held exactly; rescale the column")
    return column.to_numpy(dtype=float, na_value=np.nan)


def _text(column: pd.Series, problems: list[str]) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if (missing := column.isna()).any():
        problems.append(f"{column.name}: {_count(missing.to_numpy())} missing; name every one")
        return column
    if not pd.api.types.is_string_dtype(column):
        problems.append(f"{column.name}: dtype is {column.dtype}, need text; convert it with .astype('str')")
        return column
    if (empty := (column == "")).any():
        problems.append(f"{column.name}: {_count(empty.to_numpy())} empty; name every one")
    return column.astype("str")


def _times(column: pd.Series, problems: list[str]) -> pd.Series:
    try:
        times = _aware(column)
    except (ValueError, TypeError) as error:
        problems.append(f"time: {str(error).splitlines()[0]}; give times of one time zone, best UTC")
        return column
    if (missing := times.isna()).any():
        problems.append(f"time: {_count(missing.to_numpy())} missing")
        return times
    cut = times.dt.as_unit("us")
    if (lost := (cut != times).to_numpy()).any():
        problems.append(f"time: {_count(lost)} finer than a microsecond; round them with .dt.round('us')")
    return cut.dt.tz_convert("UTC")


def _aware(column: pd.Series) -> pd.Series:
    """Times with a zone, or a ValueError that says why not."""
    if pd.api.types.is_numeric_dtype(column):
        raise ValueError("numbers are not times; use pd.to_datetime(column, unit='ms', utc=True)")
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
            raise ValueError("times have no zone; use .dt.tz_localize('UTC')")
        column = _parsed(column)
    return column


def _parsed(column: pd.Series) -> pd.Series:
    """Text (ISO 8601) or time objects to times; refuses a mixture of zones and times without one."""
    if pd.api.types.is_string_dtype(column):
        parsed = pd.to_datetime(column, format="ISO8601", utc=True)
        offsets = column.str.strip().str.extract(r"(Z|[+-]\d{2}:?\d{2})$", expand=False)
    else:
        parsed = pd.to_datetime(column, utc=True)
        offsets = pd.Series([getattr(time, "tzinfo", None) for time in column], dtype=object).map(
            str, na_action="ignore"
        )
    if offsets.isna().any():
        raise ValueError("times have no zone; add one, e.g. 2025-10-10T21:16:04Z")
    if offsets.nunique() > 1:
        raise ValueError(f"mixed time zones {sorted(offsets.unique())}")
    return parsed


def _value_problems(panel: pd.DataFrame) -> list[str]:
    """Facts that are NaN, infinite, or out of their range."""
    limits: dict[str, tuple[str, Any]] = {
        "entry_price": ("not above zero", lambda x: x <= 0),
        "mark_price": ("not above zero", lambda x: x <= 0),
        "maintenance_rate": ("outside [0, 1)", lambda x: (x < 0) | (x >= 1)),
        "maintenance_deduction": ("below zero", lambda x: x < 0),
    }
    problems = []
    for name in (name for name in FACTS if name in panel):
        values = panel[name].to_numpy()
        checks = {"NaN": np.isnan(values), "infinite": np.isinf(values)}
        if name in limits:
            text, is_bad = limits[name]
            checks[text] = is_bad(values) & np.isfinite(values)
        problems += [
            f"{name}: {_rows(panel, bad)} {text}; correct or drop them"
            for text, bad in checks.items()
            if bad.any()
        ]
    if "contract" in panel and (unknown := ~panel["contract"].isin(KINDS).to_numpy()).any():
        problems.append(f"contract: {_rows(panel, unknown)} none of {list(KINDS)}")
    return problems


def _group_problems(panel: pd.DataFrame) -> list[str]:
    """Rows that contradict each other: duplicates, several marks or contracts of a symbol, mixed currencies."""
    problems = []
    if (twice := panel.index.duplicated(keep=False)).any():
        problems.append(
            f"duplicated positions: {_rows(panel, twice)}; add them up, or name a sub-account per position"
        )
    market, account = level_groups(panel.index, market_levels(panel)), account_groups(panel)
    symbol = level_groups(panel.index, ["symbol"])
    if (differ := _differs(panel["mark_price"].to_numpy(), market)).any():
        problems.append(
            f"mark_price: {_rows(panel, differ)} other than the first mark of their symbol; give one mark per symbol"
        )
    for name, groups, whole in (
        ("contract", symbol, "symbol"),
        ("settlement", symbol, "symbol"),
        ("settlement", account, "account"),
        ("owner", account, "account"),
    ):
        if name in panel and (differ := _differs(pd.factorize(panel[name])[0], groups)).any():
            problems.append(
                f"{name}: {_rows(panel, differ)} other than the first of their {whole}; one per {whole}"
            )
    if (
        "contract" in panel
        and "settlement" not in panel
        and (mixed := _differs(pd.factorize(panel["contract"])[0], account)).any()
    ):
        problems.append(
            f"contract: {_rows(panel, mixed)} mix linear and inverse in one account; add the 'settlement' currency, balances of different coins are never added"
        )
    return problems


def _differs(values: npt.NDArray[Any], groups: Groups) -> Flags:
    """Rows whose value is not that of the first row of their group."""
    first = np.zeros(groups.count, dtype=np.intp)
    first[groups.codes[::-1]] = np.arange(len(values))[::-1]
    return np.asarray(values != values[first[groups.codes]])


def _margin_problems(panel: pd.DataFrame) -> list[str]:
    notional = _notional(panel)
    margin = notional * panel["maintenance_rate"].to_numpy() - panel["maintenance_deduction"].to_numpy()
    negative = margin < -1e-9 * notional
    if not negative.any():
        return []
    return [
        f"maintenance_deduction: {_rows(panel, negative)} larger than notional x rate, so maintenance margin would be "
        "negative; pass tiers, or correct rate and deduction"
    ]


def _notional(panel: pd.DataFrame) -> Floats:
    return np.abs(panel["qty"].to_numpy() * value_of(panel["mark_price"].to_numpy(), is_inverse(panel)))


def _count(bad: Flags) -> str:
    return f"{int(bad.sum())} row{'s' if bad.sum() > 1 else ''}"


def _rows(panel: pd.DataFrame, bad: Flags) -> str:
    """Count and first offenders of the rows that are `bad`, e.g. ``2 rows (first: ('ann', 'BTC'), ...)``."""
    first = [tuple(map(str, key)) if isinstance(key, tuple) else f"row {key}" for key in panel.index[bad][:3]]
    return f"{_count(bad)} (first: {', '.join(map(str, first))})"


def _raise_if(panel: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    if problems:
        raise PanelError(problems)
    return panel
