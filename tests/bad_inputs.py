"""Malformed panels, tiers, marks, books, venues and files, and the message that each must get.

python tests/bad_inputs.py        prints the whole list
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import adlkit as adl
from adlkit.sources import hyperliquid

FRAME = pd.DataFrame(
    {
        "account": ["ann", "bob", "cat"],
        "symbol": ["BTC", "BTC", "ETH"],
        "qty": [2.0, -2.0, 5.0],
        "entry_price": [100.0, 100.0, 10.0],
        "mark_price": [90.0, 90.0, 11.0],
        "collateral": [40.0, 60.0, 20.0],
    }
)
TIERS = pd.DataFrame(
    {
        "symbol": ["BTC", "BTC", "ETH"],
        "floor": [0.0, 100.0, 0.0],
        "rate": [0.01, 0.02, 0.05],
        "deduction": [0.0, 1.0, 0.0],
    }
)
LEVELS = pd.DataFrame({"price": [89.0, 88.0], "qty": [1.0, 2.0]})
ASKS = pd.DataFrame({"price": [91.0], "qty": [1.0]})
NOON = "2025-10-10T21:16:04"


def frame(**columns: Any) -> pd.DataFrame:
    return FRAME.assign(**columns)


def built(**columns: Any) -> Callable[[], Any]:
    return lambda: adl.build_panel(frame(**columns))


def tiered(**columns: Any) -> Callable[[], Any]:
    return lambda: adl.build_panel(FRAME, tiers=TIERS.assign(**columns))


def marked(marks: Any) -> Callable[[], Any]:
    return lambda: adl.mark_to(adl.build_panel(FRAME), marks)


def book(bids: Any = LEVELS, asks: Any = ASKS) -> Callable[[], Any]:
    return lambda: adl.OrderBook(bids, asks)


def event(**inputs: Any) -> Callable[[], Any]:
    def run() -> Any:
        panel = adl.build_panel(inputs.pop("frame", FRAME))
        venue = inputs.pop("venue", adl.venues.bitmex)
        return adl.run_event(panel, inputs.pop("marks", {"BTC": 70.0, "ETH": 11.0}), venue=venue, **inputs)

    return run


def file(name: str, content: bytes | None) -> Callable[[], Any]:
    """Read a file of ADL events that has this content, or does not exist."""

    def read() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            if content is not None:
                path.write_bytes(content)
            return hyperliquid.read_adl_events(path)

    return read


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    # panels
    "no rows": (lambda: adl.build_panel(FRAME.head(0)), "the frame is empty"),
    "not a frame": (lambda: adl.build_panel([1, 2]), "cannot read a list"),
    "missing columns": (lambda: adl.build_panel(FRAME.drop(columns=["qty", "account"])), "missing columns"),
    "misspelt optional column": (built(maintenence_rate=0.01), "did you mean 'maintenance_rate'"),
    "a column twice": (lambda: adl.build_panel(pd.concat([FRAME, FRAME["qty"]], axis=1)), "stand twice"),
    "NaN quantity": (built(qty=[np.nan, -2, 5]), "qty: 1 row .* NaN"),
    "infinite quantity": (built(qty=[np.inf, -2, 5]), "qty: 1 row .* infinite"),
    "zero price": (built(entry_price=[0.0, 100, 10]), "entry_price: 1 row .* not above zero"),
    "negative mark": (built(mark_price=[-90.0, -90, 11]), "mark_price: 2 rows .* not above zero"),
    "NaN collateral": (built(collateral=np.nan), "collateral: 3 rows .* NaN"),
    "text quantity": (built(qty=["2", "-2", "5"]), "qty: dtype is str"),
    "boolean price": (built(entry_price=True), "entry_price: dtype is bool"),
    "complex collateral": (built(collateral=1j), "collateral: dtype is complex128"),
    "huge integers": (built(qty=[2**60, -(2**60), 5]), "beyond 2\\*\\*53"),
    "account missing": (built(account=["ann", None, "cat"]), "account: 1 row .* missing"),
    "account empty": (built(account=["ann", "", "cat"]), "account: 1 row .* empty"),
    "account a number": (built(account=[1, 2, 3]), "account: dtype is int64"),
    "duplicated position": (built(account="ann", symbol="BTC", mark_price=90.0), "duplicated positions: 3 rows"),
    "two marks of a symbol": (built(mark_price=[90.0, 91.0, 11.0]), "other than the first mark"),
    "rate of 100%": (built(maintenance_rate=1.0), "maintenance_rate: 3 rows .* outside \\[0, 1\\)"),
    "negative deduction": (built(maintenance_deduction=-1.0), "maintenance_deduction: 3 rows .* below zero"),
    "deduction above margin": (built(maintenance_rate=0.01, maintenance_deduction=50.0), "would be negative"),
    "unknown contract": (built(contract="quanto"), "none of \\['linear', 'inverse'\\]"),
    "linear and inverse in one account": (
        built(account="ann", symbol=["A", "B", "C"], contract=["linear", "inverse", "linear"]),
        "mix linear and inverse",
    ),
    "inverse contracts on two symbols": (
        built(account="ann", symbol=["A", "B", "C"], contract="inverse"),
        "margined in another coin",
    ),
    "two coins in one account": (
        built(account="ann", symbol=["A", "B", "C"], settlement=["USD", "BTC", "USD"]),
        "settlement: 1 row .* one per account",
    ),
    "two owners of one account": (
        built(account="ann", symbol=["A", "B", "C"], owner=["x", "y", "x"]),
        "owner: 1 row .* one per account",
    ),
    "contract size of zero": (built(contract_size=0.0), "contract_size: 3 rows"),
    "times without a zone": (built(time=pd.Timestamp(NOON)), "times have no zone"),
    "mixed time zones": (built(time=[f"{NOON}Z", f"{NOON}+02:00", f"{NOON}Z"]), "mixed time zones"),
    "epoch times": (built(time=1760130964831), "numbers are not times"),
    "times that are words": (built(time="yesterday"), "time: "),
    "nanoseconds": (built(time=pd.Timestamp(f"{NOON}.000000001Z")), "finer than a microsecond"),
    "keys of a panel missing": (
        lambda: adl.check_panel(adl.build_panel(FRAME).rename(index={"ann": None}, level="account")),
        "account: 1 rows without one",
    ),
    "keys of a panel that are numbers": (
        lambda: adl.check_panel(adl.build_panel(FRAME).rename(index={"ann": 1, "bob": 2, "cat": 3}, level="account")),
        "account: dtype is",
    ),
    "marks of text": (marked({"BTC": "90", "ETH": "1"}), "marks: dtype is"),
    "marks that are one number": (marked(5.0), "mapping of symbol to price"),
    "not built": (lambda: adl.check_panel(FRAME), "index levels are \\[None\\]"),
    # tiers
    "tiers and rates": (lambda: adl.build_panel(frame(maintenance_rate=0.1), tiers=TIERS), "both as columns and by"),
    "tiers without a symbol": (lambda: adl.build_panel(FRAME, tiers=TIERS.iloc[:2]), "no rows for symbols \\['ETH'\\]"),
    "tiers with a gap": (tiered(floor=[10.0, 100.0, 0.0]), "gap: the first floor"),
    "tiers with an overlap": (tiered(floor=0.0, deduction=0.0), "overlap: the same floor twice"),
    "caps with a gap": (tiered(cap=[90.0, np.inf, np.inf]), "gap between a cap"),
    "rates that fall": (tiered(rate=[0.02, 0.01, 0.05]), "the rate falls"),
    "margin that jumps": (tiered(deduction=0.0), "the margin jumps"),
    "tiers in percent": (tiered(rate=[1.0, 2.0, 5.0]), "fractions, 0.01 is one percent"),
    "tiers of text": (tiered(floor="0"), "are not numbers"),
    # marks
    "mark missing": (marked({"BTC": 90.0}), "nothing given for \\['ETH'\\]"),
    "mark unknown": (marked({"BTC": 90.0, "ETH": 1.0, "SOL": 1.0}), "\\['SOL'\\] are not in the panel"),
    "mark zero": (marked({"BTC": 0.0, "ETH": 1.0}), "not above zero for \\['BTC'\\]"),
    "mark twice": (marked(pd.Series([1.0, 2.0], index=["BTC", "BTC"])), "a symbol stands twice"),
    # books
    "book crossed": (book(asks=LEVELS), "crossed: best bid 89"),
    "book empty": (book(LEVELS.head(0), ASKS.head(0)), "both sides are empty"),
    "book with NaN": (book(LEVELS.assign(qty=np.nan)), "2 levels with qty not finite"),
    "book with zero price": (book(LEVELS.assign(price=0.0)), "price not finite and above zero"),
    "book of text": (book(LEVELS.assign(price="89")), "price has dtype"),
    "book without quantities": (book(LEVELS[["price"]]), "misses columns \\['qty'\\]"),
    "book that is a list": (book([(89.0, 1.0)]), "must be a DataFrame"),
    "power law without depth": (lambda: adl.OrderBook.power_law(0.0, 1.0), "depth and exponent"),
    # events and venues
    "mark outside the book": (event(books={"BTC": adl.OrderBook(LEVELS, ASKS)}), "lies outside the book's levels"),
    "book of no symbol": (event(books={"SOL": adl.OrderBook(LEVELS, ASKS)}), "\\['SOL'\\] that are not in the panel"),
    "previous marks missing": (event(venue=adl.venues.hyperliquid), "pass previous_marks"),
    "two settlement coins": (event(frame=frame(settlement=["USD", "USD", "ETH"])), "one settlement currency"),
    "several times": (event(frame=frame(time=f"{NOON}Z")), "an event takes one moment"),
    "unknown venue": (lambda: adl.venues.by_name("bitmx"), "unknown venue 'bitmx'; known: "),
    "fund without money": (lambda: adl.InsuranceFund(-1.0), "balance must be finite"),
    "receiver missing": (lambda: adl.venues.bitmex.with_buffers(), "none of its buffers"),
    # rules and scores
    "NaN capacity": (lambda: adl.allocate(1.0, pd.Series([1.0, np.nan])), "capacity: 1 values are NaN"),
    "a position closed twice": (
        lambda: adl.haircut(
            adl.build_panel(FRAME),
            pd.Series([2.0, 2.0], index=pd.MultiIndex.from_tuples([("ann", "BTC")] * 2)),
            price=80.0,
        ),
        "closed has a position twice",
    ),
    "negative target": (lambda: adl.allocate(-1.0, pd.Series([1.0])), "target: 1 values"),
    "score that is a name": (lambda: adl.rank(adl.build_panel(FRAME), score="bitmex"), "must be a function"),
    "score of one number": (lambda: adl.rank(adl.build_panel(FRAME), score=lambda _: 1.0), "must be a Series"),
    # files and datasets
    "unknown dataset": (lambda: adl.load_dataset("crash"), "known"),
    "file missing": (file("events.csv", None), "events.csv"),
    "file empty": (file("events.csv", b""), "events.csv"),
    "file of another kind": (file("events.xlsx", b"PK"), "xlsx"),
    "file with other columns": (file("events.csv", b"a,b\n1,2\n"), "missing"),
    "parquet that is none": (file("events.parquet", b"nothing"), "events.parquet"),
}


def message(name: str) -> str:
    """What the user is told in this case."""
    run, _ = CASES[name]
    try:
        run()
    except adl.errors.AdlkitError as error:
        return f"{type(error).__name__}: " + " ".join(str(error).split())
    return "no error"


if __name__ == "__main__":
    for number, case in enumerate(CASES, start=1):
        sys.stdout.write(f"{number:3}. {case}: {message(case)}\n")
