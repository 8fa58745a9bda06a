"""Random inputs for laws, one strategy per noun: panels, tiers, capacities, money.

Facts are small whole numbers over round ones: ties, zeros and flat rows happen often, and a failure is readable.
"""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pandas as pd
from hypothesis import settings

LINEAR, INVERSE, BOTH = "linear", "inverse", "both"
CONTRACTS = {
    LINEAR: {"BTC": LINEAR, "ETH": LINEAR, "SOL": LINEAR},
    INVERSE: {"BTC": INVERSE, "ETH": INVERSE, "SOL": INVERSE},
    BOTH: {"BTC": INVERSE, "ETH": LINEAR, "SOL": LINEAR},
}
SETTLEMENT = {"BTC": "BTC", "ETH": "USDT", "SOL": "BTC"}  # of panels with both contracts
TIMES = pd.to_datetime(["2025-10-10T20:00:00Z", "2025-10-10T21:00:00Z", "2025-10-10T22:00:00Z"])
ACCOUNTS = ("ann", "bob", "cat", "dee", "eve", "fay")
INVERSE_SIZE = 1000.0  # contracts of 1 USD come in thousands

few = settings(max_examples=15)
"""For laws that look at many measures of each panel."""

money = st.just(0.0) | st.floats(1e-6, 1e7)
amounts = st.just(0.0) | st.floats(1e-6, 1e6)


def holdings(kind: str) -> list[tuple[str, ...]]:
    """What one account may hold: one symbol (isolated) or several of one settlement currency (cross)."""
    symbols = tuple(SETTLEMENT)
    sets = [held for size in (1, 2, 3) for held in itertools.combinations(symbols, size)]
    return [held for held in sets if kind != BOTH or len({SETTLEMENT[name] for name in held}) == 1]


@st.composite
def panels(
    draw: st.DrawFn,
    *,
    kind: str | None = None,
    has_time: bool | None = None,
    has_deductions: bool = True,
    min_rate: int = 0,
    max_accounts: int = 4,
) -> pd.DataFrame:
    """Cross and isolated accounts: winners, losers, bankrupt ones, flat rows, zero collateral; rows in any order."""
    kind = draw(st.sampled_from([LINEAR, INVERSE, BOTH])) if kind is None else kind
    is_timed = draw(st.booleans()) if has_time is None else has_time
    times = range(draw(st.integers(1, len(TIMES)))) if is_timed else [0]
    held = draw(st.lists(st.sampled_from(holdings(kind)), min_size=1, max_size=max_accounts))
    keys = [(t, a, s) for t in times for a, symbols in zip(ACCOUNTS, held, strict=False) for s in symbols]
    facts = st.tuples(
        st.integers(-8, 8),  # quarters of a contract
        st.integers(50, 150),  # entry, in % of the mark
        st.just(0) | st.integers(-40, 160),  # collateral, in % of notional
        st.integers(min_rate, 10),  # maintenance rate, in %
        st.integers(0, 9) if has_deductions else st.just(0),  # deduction, in tenths of notional x rate
    )
    rows = draw(st.lists(facts, min_size=len(keys), max_size=len(keys)))
    size = st.lists(st.integers(20, 400), min_size=len(times) * 3, max_size=len(times) * 3)
    marks = dict(zip(itertools.product(times, SETTLEMENT), draw(size), strict=True))
    order = draw(st.permutations(range(len(keys))))
    frame = pd.DataFrame([_position(keys[i], rows[i], marks, kind) for i in order])
    labels = [keys[i] for i in order]
    index = {
        "time": TIMES[[time for time, _, _ in labels]],
        "account": pd.array([account for _, account, _ in labels], dtype="str"),
        "symbol": pd.array([symbol for _, _, symbol in labels], dtype="str"),
    }
    levels = list(index) if is_timed else ["account", "symbol"]
    frame.index = pd.MultiIndex.from_arrays([index[name] for name in levels], names=levels)
    return frame  # the panel that `adl.build_panel` returns, as test_panel.py proves, at a fraction of its time


def _position(
    key: tuple[int, str, str],
    facts: tuple[int, ...],
    marks: dict[tuple[int, str], int],
    kind: str,
) -> dict[str, object]:
    (time, _, symbol), (quarters, entry, cash, rate, deduction) = key, facts
    mark, contract = float(marks[time, symbol]), CONTRACTS[kind][symbol]
    qty = quarters / 4 * (INVERSE_SIZE if contract == INVERSE else 1.0)
    one = INVERSE_SIZE / mark if contract == INVERSE else mark  # money of one lot, where the row is flat
    notional = abs(qty / mark if contract == INVERSE else qty * mark)
    row: dict[str, object] = {"qty": qty, "entry_price": mark * entry / 100, "mark_price": mark}
    row |= {"collateral": (notional or one) * cash / 100, "maintenance_rate": rate / 100}
    row |= {"maintenance_deduction": notional * rate / 100 * deduction / 10}
    if kind != LINEAR:
        row |= {"contract": contract}
    if kind != LINEAR:
        row |= {"settlement": SETTLEMENT[symbol] if kind == BOTH else "BTC"}
    return row


@st.composite
def tiers(draw: st.DrawFn, *, max_tiers: int = 4) -> pd.DataFrame:
    """Tier tables of all symbols: rising floors and rates, deductions that join the tiers, rows in any order."""
    steps = st.lists(st.tuples(st.integers(1, 300), st.integers(0, 8)), max_size=max_tiers - 1)
    rows = []
    for symbol in SETTLEMENT:
        floor, rate, deduction = 0.0, draw(st.integers(0, 5)) / 100, 0.0
        rows.append((symbol, floor, rate, deduction))
        for width, rise in draw(steps):
            floor += width
            deduction += floor * rise / 100
            rate += rise / 100
            rows.append((symbol, floor, rate, deduction))
    order = draw(st.permutations(range(len(rows))))
    return pd.DataFrame([rows[i] for i in order], columns=["symbol", "floor", "rate", "deduction"])


@st.composite
def capacities(draw: st.DrawFn, *, min_size: int = 1, max_size: int = 8) -> pd.Series:
    """What each account can give, in queue order; zeros included."""
    values = draw(st.lists(amounts, min_size=min_size, max_size=max_size))
    return pd.Series(values, index=pd.Index([f"a{i}" for i in range(len(values))], name="account"), dtype=float)


def weights_of(capacity: pd.Series) -> st.SearchStrategy[pd.Series]:
    """A weight for each account: equity that may be zero or negative."""
    values = st.just(0.0) | st.floats(1e-3, 1e6) | st.floats(-1e6, -1e-3)
    drawn = st.lists(values, min_size=len(capacity), max_size=len(capacity))
    return drawn.map(lambda weights: pd.Series(np.array(weights, dtype=float), index=capacity.index))
