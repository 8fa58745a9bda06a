"""Golden cases: how they are read, which panel they describe, and how close is close enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import adlkit as adl

GOLDEN = Path(__file__).parent / "golden"
POSITION = ["account", "symbol", "qty", "entry_price", "mark_price", "collateral"]
POSITION += ["maintenance_rate", "maintenance_deduction", "contract", "settlement"]
FLOATING_POINT = 1e-12


def golden(name: str) -> pd.DataFrame:
    """All rows of one golden file."""
    return pd.read_csv(GOLDEN / f"{name}.csv")


def golden_ids(name: str) -> list[str]:
    """Ids of one golden file, each once."""
    return golden(name)["id"].unique().tolist()


def golden_rows(name: str, case: str) -> pd.DataFrame:
    """Rows of one case."""
    cases = golden(name)
    return cases[cases["id"] == case].reset_index(drop=True)


def golden_panel(rows: pd.DataFrame) -> pd.DataFrame:
    """Panel of the positions in `rows`, in their order; a given score is carried along."""
    return adl.build_panel(rows[[name for name in (*POSITION, "score") if name in rows]])


def numbers(text: str) -> list[float]:
    """Numbers of a list cell; an empty cell is an empty list."""
    return [float(word) for word in str(text).split()]


def close_to(expected: float | list[float], row: pd.Series) -> object:
    """`expected`, within the tolerance that its golden row states."""
    if row["tolerance"] == 0:
        return pytest.approx(expected, rel=FLOATING_POINT, abs=FLOATING_POINT)
    if row["is_relative"]:
        return pytest.approx(expected, rel=row["tolerance"], abs=0)
    return pytest.approx(expected, rel=0, abs=row["tolerance"])


def assert_golden(measured: pd.Series, rows: pd.DataFrame, column: str) -> None:
    """As `assert_stated`, where at least one cell of `column` is stated."""
    assert rows[column].notna().any()
    assert_stated(measured, rows, column)


def assert_stated(measured: pd.Series, rows: pd.DataFrame, column: str) -> None:
    """Each measured value is that of `column`, after the rounding that its row asks for; empty cells assert nothing."""
    for value, (_, row) in zip(measured.tolist(), rows.iterrows(), strict=True):
        step = row.get("rounded_up_to", np.nan)
        rounded = value if np.isnan(step) else np.ceil(value / step) * step
        if not np.isnan(row[column]):
            assert rounded == close_to(row[column], row), f"{row['id']} {row['symbol']}"
