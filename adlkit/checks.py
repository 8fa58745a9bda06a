"""Faults of a panel, as sentences: values out of range, rows that contradict each other, margins below zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import INVERSE, KINDS, Flags, notional_of
from adlkit.groups import Groups, account_groups, level_codes, level_groups, level_labels, market_levels

LEVELS = ("time", "account", "symbol")
NEEDED = ("qty", "entry_price", "mark_price", "collateral")
MAINTENANCE = ("maintenance_rate", "maintenance_deduction")
FACTS = (*NEEDED, *MAINTENANCE)
OPTIONAL = ("contract", "settlement", "owner")
TIME = "datetime64[us, UTC]"


def value_problems(panel: pd.DataFrame) -> list[str]:
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
            f"{name}: {rows_of(panel, bad)} {text}; correct or drop them" for text, bad in checks.items() if bad.any()
        ]
    if "contract" in panel and (unknown := ~panel["contract"].isin(KINDS).to_numpy()).any():
        problems.append(f"contract: {rows_of(panel, unknown)} none of {list(KINDS)}; correct them")
    return problems


def index_problems(index: pd.Index) -> list[str]:
    """Keys that are missing, or not of the types that `build_panel` gives them."""
    problems = [] if len(index) else ["the panel is empty"]
    for name in map(str, index.names):
        labels = level_labels(index, name)
        is_right = str(labels.dtype) == TIME if name == "time" else pd.api.types.is_string_dtype(labels)
        if not is_right:
            problems.append(
                f"{name}: dtype is {labels.dtype}, need {TIME if name == 'time' else 'text'}; use build_panel"
            )
        if (missing := int((level_codes(index, name) < 0).sum())) > 0:
            problems.append(f"{name}: {missing} rows without one; use build_panel")
    return problems


def group_problems(panel: pd.DataFrame) -> list[str]:
    """Rows that contradict each other: duplicates, several marks or contracts of a symbol, mixed currencies."""
    problems = []
    if (twice := panel.index.duplicated(keep=False)).any():
        problems.append(f"duplicated positions: {rows_of(panel, twice)}; add them up, or name a sub-account for each")
    market = level_groups(panel.index, market_levels(panel))
    symbol, account = level_groups(panel.index, ["symbol"]), account_groups(panel)
    if (differ := _differs(panel["mark_price"].to_numpy(), market)).any():
        problems.append(
            f"mark_price: {rows_of(panel, differ)} other than the first mark of their symbol; give one mark per symbol"
        )
    for name, groups, whole in (
        ("contract", symbol, "symbol"),
        ("settlement", symbol, "symbol"),
        ("settlement", account, "account"),
        ("owner", account, "account"),
    ):
        if name in panel and (differ := _differs(pd.factorize(panel[name])[0], groups)).any():
            problems.append(f"{name}: {rows_of(panel, differ)} other than the first of their {whole}; one per {whole}")
    if "contract" in panel and "settlement" not in panel:
        mixed = _differs(pd.factorize(panel["contract"])[0], account)
        if mixed.any():
            problems.append(
                f"contract: {rows_of(panel, mixed)} mix linear and inverse in one account; add the 'settlement' "
                "currency, for balances of different coins are never added"
            )
        inverse = (panel["contract"] == INVERSE).to_numpy()
        coins = np.where(inverse, symbol.codes, -1)
        first = account.first(np.where(inverse, symbol.codes, -1))[account.codes]
        if not mixed.any() and (several := inverse & (coins != first)).any():
            problems.append(
                f"contract: {rows_of(panel, several)} are inverse contracts on another symbol than the first of their "
                "account, so margined in another coin; add the 'settlement' currency if it is one, or split the account"
            )
    return problems


def _differs(values: npt.NDArray[Any], groups: Groups) -> Flags:
    """Rows whose value is not that of the first row of their group."""
    return np.asarray(values != groups.first(values)[groups.codes])


def margin_problems(panel: pd.DataFrame) -> list[str]:
    """Rows whose deduction exceeds notional x rate, which no tier does."""
    notional = notional_of(panel)
    margin = notional * panel["maintenance_rate"].to_numpy() - panel["maintenance_deduction"].to_numpy()
    negative = margin < -1e-9 * notional
    if not negative.any():
        return []
    return [
        f"maintenance_deduction: {rows_of(panel, negative)} larger than notional x rate, so the margin would be "
        "negative; pass tiers, or correct rate and deduction"
    ]


def rows_of(panel: pd.DataFrame | pd.Series, bad: Flags) -> str:
    """Count and first offenders of the rows that are `bad`, e.g. ``2 rows (first: ('ann', 'BTC'), ...)``."""
    first = [tuple(map(str, key)) if isinstance(key, tuple) else f"row {key}" for key in panel.index[bad][:3]]
    return f"{int(bad.sum())} row{'s' if bad.sum() > 1 else ''} (first: {', '.join(map(str, first))})"
