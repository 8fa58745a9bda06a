"""Every measure of a million rows, cross margin included, against the same arithmetic on bare arrays."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from markets import market

import adlkit as adl

N = 1_000_000


@cache
def panel(n: int = N) -> Any:
    return market(n)


@cache
def arrays() -> dict[str, np.ndarray]:
    """The panel's columns, and the account of each row as an integer."""
    columns = {name: panel()[name].to_numpy() for name in panel().columns}
    return columns | {"account": np.asarray(panel().index.codes[0], dtype=np.intp)}


def bare(name: str) -> Any:
    """What the formula of a measure costs when everything else is given."""
    a = arrays()
    q, e, p, c = a["qty"], a["entry_price"], a["mark_price"], a["collateral"]
    r, d, k = a["maintenance_rate"], a["maintenance_deduction"], a["account"]
    size = int(k.max()) + 1

    def total(x: np.ndarray) -> np.ndarray:
        return np.bincount(k, weights=x, minlength=size)

    def equity() -> np.ndarray:
        return total(c + q * (p - e))

    def margin() -> np.ndarray:
        return np.abs(q * p) * r - d

    def over_equity(x: np.ndarray) -> np.ndarray:
        owned = equity()
        return np.where(owned > 0, total(x) / owned, np.nan)[k]

    def liquidation() -> np.ndarray:
        mm, owned = margin(), equity()
        others = total(mm)[k] - mm
        return np.maximum((q * p - owned[k] + others - d) / (q - np.abs(q) * r), 0.0)

    def close_out() -> np.ndarray:
        mm, notional = margin(), np.abs(q * p)
        share = np.where(total(mm)[k] > 0, mm / total(mm)[k], notional / total(notional)[k])
        return p - share * equity()[k] / q

    formulas = {
        "notional": lambda: np.abs(q * p),
        "unrealized_pnl": lambda: q * (p - e),
        "equity": lambda: equity()[k],
        "effective_leverage": lambda: over_equity(np.abs(q * p)),
        "maintenance_margin": margin,
        "margin_ratio": lambda: over_equity(margin()),
        "bankruptcy_price": lambda: np.maximum(p - equity()[k] / q, 0.0),
        "liquidation_price": liquidation,
        "margin_neutral_price": lambda: p - np.sign(q) * r * p * (equity() / total(margin()))[k],
        "close_out_price": close_out,
        "shortfall": lambda: np.maximum(-equity(), 0.0),
    }
    return formulas[name]


MEASURES = (
    *("notional", "unrealized_pnl", "equity", "effective_leverage", "maintenance_margin", "margin_ratio"),
    *("bankruptcy_price", "liquidation_price", "margin_neutral_price", "close_out_price", "shortfall"),
)


@pytest.mark.parametrize("name", MEASURES)
def test_measure_of_1e6_rows_against_bare_arrays(claim, name):
    measure = getattr(adl, name)
    small = panel(N // 10)
    claim(lambda: measure(panel()), bare(name), budget=4.0, panel=panel(), small=lambda: measure(small), rounds=9)
