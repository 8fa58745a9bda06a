"""Random events: small markets, shocks, books, buffers and venue rules, all from one seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import adlkit as adl

SYMBOLS = ("BTC", "ETH", "SOL")
SCORES = (
    adl.scores.bitmex,
    adl.scores.binance_2019,
    adl.scores.hyperliquid_reconstructed,
    adl.scores.return_only,
    adl.scores.blend(size=0.5),
    adl.scores.random_start(3),
)
RULES = (
    (adl.rules.queue, None),
    (adl.rules.pro_rata, None),
    (adl.rules.pro_rata, adl.notional),
    (adl.rules.water_fill, adl.equity),
)
FILLS = (
    adl.venues.at_close_out,
    adl.venues.at_close_out,
    adl.venues.at_mark,
    adl.venues.at_previous_mark,
    adl.venues.at_oracle,
    adl.venues.at_capped_oracle,
)


def random_panel(rng: np.random.Generator, *, n_accounts: int | None = None) -> pd.DataFrame:
    """Isolated and cross accounts, most near their maintenance margin, of one contract kind."""
    n = n_accounts or int(rng.integers(2, 25))
    inverse = rng.random() < 0.4
    marks = dict(zip(SYMBOLS, 10.0 ** rng.uniform(-1, 4, size=3), strict=True))
    rows = []
    for number in range(n):
        held = rng.choice(SYMBOLS, size=rng.choice([1, 1, 2, 3]), replace=False)
        leverage = 10.0 ** rng.uniform(0, 1.6)
        for symbol in held:
            mark = marks[symbol]
            size = 10.0 ** rng.uniform(1, 5)
            qty = rng.choice([-1.0, 1.0]) * (size if inverse else size / mark) * (rng.random() > 0.05)
            entry = mark * np.exp(rng.normal(0, 0.1))
            worth = size / (mark if inverse else 1.0)
            rate = rng.choice([0.0, 0.005, 0.02])
            rows.append(
                {
                    "account": f"a{number:03d}",
                    "symbol": symbol,
                    "qty": qty,
                    "entry_price": entry,
                    "mark_price": mark,
                    "collateral": worth / leverage * rng.uniform(0, 1.5) * (rng.random() > 0.1),
                    "maintenance_rate": rate,
                    "maintenance_deduction": rate * worth * 0.2 * (rng.random() < 0.3) * (qty != 0),
                    "contract": "inverse" if inverse else "linear",
                    "settlement": "COIN" if inverse else "USD",
                }
            )
    return adl.build_panel(pd.DataFrame(rows))


def random_event(seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A panel, and the other arguments of `run_event`."""
    rng = np.random.default_rng(seed)
    panel = random_panel(rng)
    marks = adl.mark_prices(panel)
    shocked = marks * np.exp(rng.normal(0, 0.15, size=len(marks)))
    gross = float(adl.notional(panel).sum()) + 1e-9
    policy = adl.Policy(SCORES[rng.integers(len(SCORES))], *RULES[rng.integers(len(RULES))])
    buffers = random_buffers(rng, gross)
    funds = [buffer.name for buffer in buffers if isinstance(buffer, adl.InsuranceFund)]
    venue = adl.VenueRules(
        name="random",
        valid_from="",
        source="seed",
        policy=policy,
        fill_price=FILLS[rng.integers(len(FILLS))],
        limit=adl.venues.without_limit if rng.random() < 0.3 else adl.venues.at_close_out,
        buffers=buffers,
        surplus_to=funds[0] if funds and rng.random() < 0.5 else "account",
        fee_rate=0.01 if funds and rng.random() < 0.5 else 0.0,
        fee_to=funds[0] if funds else "",
        partial=adl.venues.PartialLiquidation(above=gross / 20, fraction=0.2) if rng.random() < 0.3 else None,
        protects_winners=bool(rng.random() < 0.7),
        deleverages_solvent=bool(rng.random() < 0.5),
    )
    return panel, {
        "marks": shocked,
        "venue": venue,
        "books": random_books(rng, panel, shocked),
        "previous_marks": shocked * np.exp(rng.normal(0, 0.02, size=len(marks))),
        "oracles": shocked * np.exp(rng.normal(0, 0.02, size=len(marks))),
    }


def random_buffers(rng: np.random.Generator, gross: float) -> tuple[Any, ...]:
    size = gross * 10.0 ** rng.uniform(-4, 0, size=4)
    takes_accounts = bool(rng.random() < 0.4)
    made = [
        adl.ProgrammaticLiquidity(capacity=size[0], discount=float(rng.choice([0.0, 0.005, 0.05]))),
        adl.InsuranceFund(balance=size[1] / 10, max_use=float(rng.choice([0.3, 1.0]))),
        adl.BackstopVault(
            equity=size[2] / 5,
            max_leverage=float(rng.choice([1.0, 5.0])),
            max_loss=float(rng.choice([np.inf, size[3] / 20])),
            threshold=float(rng.choice([2 / 3, 1.0])),
            takes_accounts=takes_accounts,
            is_netting=bool(not takes_accounts and rng.random() < 0.5),
        ),
    ]
    return tuple(made[place] for place in rng.permutation(3)[: rng.integers(0, 4)])


def random_books(rng: np.random.Generator, panel: pd.DataFrame, marks: pd.Series) -> dict[str, adl.OrderBook]:
    books = {}
    for symbol, mark in marks.items():
        depth = float(panel["qty"].abs().mean() + 1e-6) * 10.0 ** rng.uniform(-2, 1)
        kind = rng.integers(3)
        if kind == 1:
            books[str(symbol)] = adl.OrderBook.power_law(depth, float(rng.uniform(0.5, 2.0)))
        if kind == 2:
            steps = np.sort(rng.uniform(0.001, 0.3, size=(2, 5)), axis=1)
            qty = depth * rng.uniform(0.1, 1.0, size=(2, 5))
            books[str(symbol)] = adl.OrderBook(
                pd.DataFrame({"price": mark * (1 - steps[0]), "qty": qty[0]}),
                pd.DataFrame({"price": mark * (1 + steps[1]), "qty": qty[1]}),
            )
    return books
