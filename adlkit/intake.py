"""Frames from outside: brought to pandas, with typed columns, and told what is wrong with them."""

from __future__ import annotations

import difflib
from typing import Any, cast

import numpy as np
import pandas as pd

from adlkit.checks import FACTS, LEVELS, MAINTENANCE, NEEDED, OPTIONAL, rows_of
from adlkit.errors import PanelError

EXACT_INTEGERS = 2**53


def to_pandas(frame: Any) -> pd.DataFrame:
    """A pandas frame of what a user gives; Arrow data (polars, pyarrow) goes through its stream."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            return cast("pd.DataFrame", pd.DataFrame.from_arrow(frame))  # type: ignore[attr-defined]
        except ImportError as error:
            raise PanelError(["reading Arrow data needs pyarrow: pip install 'adlkit[data]'"]) from error
    raise PanelError([f"cannot read a {type(frame).__name__}; give a pandas, polars or pyarrow frame"])


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """All keys as columns, rows numbered from 0, columns of `frame` unchanged."""
    named = [name for name in frame.index.names if name is not None]
    if clash := [name for name in named if name in frame]:
        raise PanelError([f"{clash} are both index levels and columns; keep one of each"])
    if frame.columns.has_duplicates:
        raise PanelError([f"columns {list(frame.columns[frame.columns.duplicated()])} stand twice; keep one of each"])
    return frame.reset_index(drop=not named)


def column_problems(flat: pd.DataFrame, *, has_tiers: bool) -> list[str]:
    """Columns that are missing, given twice, or named almost like one we know."""
    problems = [] if len(flat) else ["the frame is empty; a panel needs at least one position"]
    if missing := [name for name in ("account", "symbol", *NEEDED) if name not in flat]:
        problems.append(f"missing columns {missing}; found {list(map(str, flat.columns))}")
    if has_tiers and (both := [name for name in MAINTENANCE if name in flat]):
        problems.append(f"{both} are given both as columns and by tiers; drop the columns or the tiers")
    known = (*LEVELS, *FACTS, *OPTIONAL, "contract_size")
    for name in (name for name in flat.columns if name not in known):
        if close := [other for other in difflib.get_close_matches(str(name), known, 1, 0.85) if other not in flat]:
            problems.append(f"unknown column {str(name)!r}; did you mean {close[0]!r}? rename or drop it")
    return problems


def typed_columns(flat: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
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
            problems.append(f"contract_size: {rows_of(typed, bad.to_numpy())} not above zero; correct it")
        typed["qty"] = typed["qty"] * typed.pop("contract_size")
    rest = [name for name in typed if name not in (*LEVELS, *FACTS, *OPTIONAL)]
    return typed[[name for name in (*LEVELS, *FACTS, *OPTIONAL, *rest) if name in typed]]


def _numbers(column: pd.Series, problems: list[str]) -> Any:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column) or column.dtype.kind == "c":
        problems.append(
            f"{column.name}: dtype is {column.dtype}, need numbers; convert the column, e.g. with pd.to_numeric"
        )
        return np.full(len(column), 0.5)  # in the range of every fact, so that no second fault is reported
    if column.dtype.kind in "iu" and (column.abs() > EXACT_INTEGERS).any():
        problems.append(f"{column.name}: integers beyond 2**53 cannot be held exactly; rescale the column")
    return column.to_numpy(dtype=float, na_value=np.nan)


def _text(column: pd.Series, problems: list[str]) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if (missing := column.isna()).any():
        problems.append(f"{column.name}: {rows_of(column, missing.to_numpy())} missing; name every one")
        return column
    if not pd.api.types.is_string_dtype(column):
        problems.append(f"{column.name}: dtype is {column.dtype}, need text; convert it with .astype('str')")
        return column
    if (empty := (column == "")).any():
        problems.append(f"{column.name}: {rows_of(column, empty.to_numpy())} empty; name every one")
    return column.astype("str")


def _times(column: pd.Series, problems: list[str]) -> pd.Series:
    """Times as datetime64[us, UTC]."""
    if (missing := column.isna()).any():
        problems.append(f"time: {rows_of(column, missing.to_numpy())} missing; drop them or fill them in")
        return column
    try:
        times = _aware(column)
    except (ValueError, TypeError) as error:
        problems.append(f"time: {error}")
        return column
    cut = times.dt.as_unit("us")
    if (lost := (cut != times).to_numpy()).any():
        problems.append(f"time: {rows_of(column, lost)} finer than a microsecond; round them with .dt.round('us')")
    return cast("pd.Series", cut.dt.tz_convert("UTC"))


def _aware(column: pd.Series) -> pd.Series:
    """Times with a zone, or a ValueError that says why not."""
    if pd.api.types.is_numeric_dtype(column):
        raise ValueError("numbers are not times; use pd.to_datetime(column, unit='ms', utc=True)")
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        raise ValueError("times have no zone; use .dt.tz_localize('UTC')")
    return _parsed(column)


def _parsed(column: pd.Series) -> pd.Series:
    """Text (ISO 8601) or time objects to times; refuses a mixture of zones and times without one."""
    if pd.api.types.is_string_dtype(column):
        try:
            parsed = pd.to_datetime(column, format="ISO8601", utc=True)
        except ValueError as error:
            raise ValueError("text that is not ISO 8601; write times like 2025-10-10T21:16:04Z") from error
        offsets = column.str.strip().str.extract(r"(Z|[+-]\d{2}:?\d{2})$", expand=False)
    else:
        parsed = pd.to_datetime(column, utc=True)
        offsets = pd.Series([getattr(time, "tzinfo", None) for time in column], dtype=object).map(
            str, na_action="ignore"
        )
    if offsets.isna().any():
        raise ValueError("times have no zone; add one, e.g. 2025-10-10T21:16:04Z")
    if offsets.nunique() > 1:
        raise ValueError(f"mixed time zones {sorted(offsets.unique())}; bring all times to UTC")
    return parsed
