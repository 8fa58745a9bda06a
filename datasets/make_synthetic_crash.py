"""Make the synthetic pre-crash snapshot, its margin tiers and its book depth: the same bytes at every run.

Run ``python make_synthetic_crash.py`` to write the three files beside this script and to see their checksums
for registry.txt. Every account, size and price here is invented; no market data goes in. Random numbers come
from ``Generator.random`` alone and are shaped by inverse distribution functions: that keeps the bytes stable.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

SEED = 20_251_010

MARKETS = pd.DataFrame(
    {
        "symbol": ["BTC", "ETH", "SOL", "DOGE"],
        "mark": [100_000.0, 4_000.0, 200.0, 0.2],
        "lots_per_unit": [1_000, 100, 10, 1],
        "price_decimals": [1, 2, 3, 6],
        "popularity": [0.42, 0.30, 0.18, 0.10],
        "depth": [4.0, 70.0, 500.0, 250_000.0],
        "exponent": [1.0, 1.0, 0.9, 0.8],
    }
)
TIER_FLOORS = {
    "BTC": [0, 500_000, 2_000_000, 10_000_000, 50_000_000],
    "ETH": [0, 250_000, 1_000_000, 5_000_000, 25_000_000],
    "SOL": [0, 100_000, 500_000, 2_500_000],
    "DOGE": [0, 50_000, 250_000, 1_000_000, 5_000_000],
}
TIER_RATES = {
    "BTC": [0.004, 0.005, 0.01, 0.025, 0.05],
    "ETH": [0.005, 0.0075, 0.0125, 0.025, 0.05],
    "SOL": [0.01, 0.015, 0.025, 0.05],
    "DOGE": [0.01, 0.015, 0.025, 0.05, 0.1],
}
MIN_EQUITY_RATE = 0.02
"""Nobody starts with less equity than this part of notional: effective leverage stays below about 50."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Weights = Mapping[float, float]


class Group(NamedTuple):
    """A kind of trader: how many, with what margin [USD], leverage and number of symbols, how often long."""

    traders: int
    margin: tuple[float, float, float]  # smallest, largest, Pareto tail index
    leverage: Weights
    symbols: Weights
    long_share: float = 0.5
    isolated_share: float = 0.0


RETAIL = Group(
    traders=3_650,
    margin=(60.0, 60_000.0, 1.05),
    leverage={1: 3, 2: 12, 3: 16, 5: 24, 8: 12, 10: 17, 15: 5, 20: 6, 25: 2, 40: 1, 50: 2},
    symbols={1: 75, 2: 18, 3: 7},
    long_share=0.8,
    isolated_share=0.6,
)
SWING = Group(
    traders=700,
    margin=(3_000.0, 800_000.0, 1.0),
    leverage={1: 20, 2: 35, 3: 25, 5: 12, 8: 8},
    symbols={1: 60, 2: 30, 3: 10},
    long_share=0.65,
    isolated_share=0.3,
)
WHALES = Group(
    traders=50,
    margin=(500_000.0, 6_000_000.0, 1.1),
    leverage={1: 30, 1.5: 25, 2: 25, 3: 15, 4: 5},
    symbols={1: 50, 2: 30, 3: 20},
    long_share=0.7,
)
HEDGED = Group(
    traders=150,
    margin=(20_000.0, 2_000_000.0, 0.9),
    leverage={2: 25, 3: 35, 4: 25, 6: 15},
    symbols={2: 60, 3: 25, 4: 15},
)
CARRY = Group(
    traders=220,
    margin=(5_000.0, 500_000.0, 0.9),
    leverage={1: 25, 2: 50, 3: 25},
    symbols={1: 100},
)
N_MAKERS = 6
MAKER_LEVERAGE = {2: 50, 2.5: 30, 3: 20}


def choose(rng: np.random.Generator, n: int, weights: Weights) -> Floats:
    """Draw `n` of the keys of `weights`."""
    share = np.cumsum(list(weights.values())) / sum(weights.values())
    return np.array(list(weights), dtype=float)[np.searchsorted(share, rng.random(n), side="right")]


def bounded_pareto(rng: np.random.Generator, n: int, low: float, high: float, tail: float) -> Floats:
    """Draw `n` sizes with a Pareto tail between `low` and `high`."""
    kept = 1 - (low / high) ** tail
    return np.asarray(low * (1 - kept * rng.random(n)) ** (-1 / tail))


def logistic_above(rng: np.random.Generator, low: Floats, scale: Floats) -> Floats:
    """Draw fat-tailed numbers around zero, none below `low`."""
    below = 1 / (1 + np.exp(-low / scale))
    u = below + (1 - below) * rng.random(len(low))
    return np.asarray(scale * np.log(u / (1 - u)))


def pick_symbols(rng: np.random.Generator, counts: Integers) -> tuple[Integers, Integers, Integers]:
    """For each trader as many different symbols as it counts: trader, place of the symbol, its code."""
    keys = -np.log1p(-rng.random((len(counts), len(MARKETS)))) / MARKETS["popularity"].to_numpy()
    order = np.argsort(keys, axis=1)
    trader, place = np.nonzero(np.arange(len(MARKETS)) < counts[:, None])
    return trader, place, order[trader, place]


def draw_legs(rng: np.random.Generator, group: Group) -> pd.DataFrame:
    """One row per position of `group`; traders and wallets are numbered from 0."""
    counts = choose(rng, group.traders, group.symbols).astype(int)
    trader, place, symbol = pick_symbols(rng, counts)
    leverage = choose(rng, group.traders, group.leverage)[trader]
    margin = bounded_pareto(rng, group.traders, *group.margin)[trader] / counts[trader]
    return pd.DataFrame(
        {
            "trader": trader,
            "wallet": trader,
            "place": place,
            "symbol": symbol,
            "side": np.where(rng.random(len(trader)) < group.long_share, 1, -1),
            "is_isolated": rng.random(len(trader)) < group.isolated_share,
            "notional": margin * leverage,
            "leverage": leverage,
        }
    )


def draw_hedged(rng: np.random.Generator) -> pd.DataFrame:
    """Cross accounts long one symbol and short another, on balance up to a quarter short."""
    legs = draw_legs(rng, HEDGED)
    legs["side"] = np.where(legs["place"] % 2 == 0, 1, -1)
    tilt = 1 + 0.25 * rng.random(HEDGED.traders)[legs["trader"]]
    side_total = legs.groupby(["trader", "side"])["notional"].transform("sum")
    half = legs.groupby("trader")["notional"].transform("sum") / 2
    legs["notional"] *= half / side_total * np.where(legs["side"] < 0, tilt, 1.0)
    return legs


def draw_carry(rng: np.random.Generator) -> pd.DataFrame:
    """Owners with two wallets: long a symbol in one, short as much of it in the other."""
    long = draw_legs(rng, CARRY).assign(side=1, is_isolated=True)
    short = long.assign(side=-1, wallet=long["wallet"] + CARRY.traders)
    return pd.concat([long, short])


def stack_groups(groups: list[pd.DataFrame]) -> pd.DataFrame:
    """All legs in one frame, traders and wallets numbered through."""
    stacked, trader, wallet = [], 0, 0
    for legs in groups:
        stacked.append(legs.assign(trader=legs["trader"] + trader, wallet=legs["wallet"] + wallet))
        trader += int(legs["trader"].max()) + 1
        wallet += int(legs["wallet"].max()) + 1
    return pd.concat(stacked, ignore_index=True)


def make_tiers() -> pd.DataFrame:
    """Margin tiers whose margin does not jump at a floor."""
    rows: list[dict[str, Any]] = []
    for symbol, floors in TIER_FLOORS.items():
        deduction, before = 0.0, TIER_RATES[symbol][0]
        for floor, rate in zip(floors, TIER_RATES[symbol], strict=True):
            deduction += floor * (rate - before)
            rows.append({"symbol": symbol, "floor": floor, "rate": rate, "deduction": round(deduction, 6)})
            before = rate
    return pd.DataFrame(rows)


def tier_rate(symbol: Integers, notional: Floats) -> Floats:
    """Maintenance rate of the tier that each `notional` lies in."""
    rate = np.zeros(len(notional))
    for code, name in enumerate(MARKETS["symbol"]):
        step = np.searchsorted(TIER_FLOORS[name], notional, side="right") - 1
        rate = np.where(symbol == code, np.array(TIER_RATES[name])[step], rate)
    return rate


def limit_leverage(legs: pd.DataFrame) -> pd.DataFrame:
    """Keep leverage within the initial margin, which is twice the maintenance margin."""
    most = 0.5 / tier_rate(legs["symbol"].to_numpy(), legs["notional"].to_numpy())
    leverage = np.minimum(legs["leverage"], most)
    return legs.assign(leverage=leverage, notional=legs["notional"] * leverage / legs["leverage"])


def round_to_lots(legs: pd.DataFrame) -> pd.DataFrame:
    """Signed whole lots, at least one."""
    lot_value = (MARKETS["mark"] / MARKETS["lots_per_unit"]).to_numpy()[legs["symbol"]]
    lots = np.maximum(np.rint(legs["notional"] / lot_value), 1).astype(int)
    return legs.assign(lots=legs["side"] * lots)


def draw_makers(rng: np.random.Generator, legs: pd.DataFrame) -> pd.DataFrame:
    """Cross accounts that take the other side of everyone else, to the last lot."""
    net = legs.groupby("symbol")["lots"].sum().to_numpy()
    weights = 0.5 + rng.random((N_MAKERS, len(MARKETS)))
    upto = np.rint(np.cumsum(weights, axis=0) / weights.sum(axis=0) * -net).astype(int)
    lots = np.diff(upto, axis=0, prepend=0)
    trader, symbol = np.nonzero(lots)
    return pd.DataFrame(
        {
            "trader": trader,
            "wallet": trader,
            "symbol": symbol,
            "is_isolated": False,
            "leverage": choose(rng, N_MAKERS, MAKER_LEVERAGE)[trader],
            "lots": lots[trader, symbol],
        }
    )


def add_prices(rng: np.random.Generator, legs: pd.DataFrame) -> pd.DataFrame:
    """Quantity, entry price around the mark, margin posted at entry; nobody starts near liquidation."""
    market = MARKETS.iloc[legs["symbol"]].reset_index(drop=True)
    qty = legs["lots"].to_numpy() / market["lots_per_unit"].to_numpy()
    mark, leverage, side = market["mark"].to_numpy(), legs["leverage"].to_numpy(), np.sign(qty)
    rate = tier_rate(legs["symbol"].to_numpy(), np.abs(qty) * mark)
    worst = -0.9 * (1 / leverage - np.maximum(MIN_EQUITY_RATE, 1.5 * rate))
    move = np.minimum(logistic_above(rng, worst, 0.07 / np.sqrt(leverage)), 0.45)
    decimals = 10.0 ** market["price_decimals"].to_numpy()
    entry = np.rint(mark / (1 + side * move) * decimals) / decimals
    collateral = np.rint(np.abs(qty) * entry / leverage * 100) / 100
    return legs.assign(qty=qty, entry_price=entry, mark_price=mark, collateral=collateral)


def add_names(rng: np.random.Generator, legs: pd.DataFrame) -> pd.DataFrame:
    """Names in random order: wallet a00001, its isolated position a00001/BTC, its trader t0001."""
    wallets = np.argsort(rng.random(legs["wallet"].max() + 1)) + 1
    traders = np.argsort(rng.random(legs["trader"].max() + 1)) + 1
    symbol = MARKETS["symbol"].iloc[legs["symbol"]].tolist()
    wallet = [f"a{number:05d}" for number in wallets[legs["wallet"]]]
    pairs = zip(wallet, symbol, legs["is_isolated"], strict=True)
    account = [f"{name}/{market}" if isolated else name for name, market, isolated in pairs]
    owner = [f"t{number:04d}" for number in traders[legs["trader"]]]
    return legs.assign(account=account, symbol=symbol, owner=owner)


def make_snapshot() -> pd.DataFrame:
    """One row per position, sorted by account and symbol; longs equal shorts in every symbol."""
    rng = np.random.default_rng(SEED)
    groups = [draw_legs(rng, group) for group in (RETAIL, SWING, WHALES)]
    legs = stack_groups([*groups, draw_hedged(rng), draw_carry(rng)])
    legs = round_to_lots(limit_leverage(legs))
    legs = stack_groups([legs, draw_makers(rng, legs)])
    frame = add_names(rng, add_prices(rng, legs))
    columns = ["account", "symbol", "owner", "qty", "entry_price", "mark_price", "collateral"]
    return frame.sort_values(["account", "symbol"], ignore_index=True)[columns]


def make_files() -> dict[str, bytes]:
    """Bytes of the three files by dataset name."""
    frames = {
        "synthetic_crash": make_snapshot(),
        "synthetic_crash_depth": MARKETS[["symbol", "depth", "exponent"]],
        "synthetic_crash_tiers": make_tiers(),
    }
    return {name: _to_csv(frame) for name, frame in frames.items()}


def write_files(folder: Path) -> None:
    """Write the three files into `folder`."""
    for name, content in make_files().items():
        (folder / f"{name}.csv").write_bytes(content)
        sys.stdout.write(f"{name} {hashlib.sha256(content).hexdigest()}\n")


def _to_csv(frame: pd.DataFrame) -> bytes:
    """Plain decimals, whole numbers without a point."""
    numbers = frame.select_dtypes("number").columns
    text = frame.assign(**{name: [_plain(value) for value in frame[name]] for name in numbers})
    return str(text.to_csv(index=False, lineterminator="\n")).encode()


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    write_files(Path(__file__).parent)
