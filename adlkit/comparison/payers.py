"""Who pays: concentration, deciles, leverage and hedges of those from whom something is taken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from adlkit import metrics
from adlkit.contracts import Flags, Floats, is_inverse, value_of
from adlkit.errors import MetricError
from adlkit.groups import account_levels
from adlkit.margin import effective_leverage, notional, unrealized_pnl
from adlkit.metrics.inputs import one_currency

KEYS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "size": notional,
    "leverage": lambda panel: effective_leverage(panel).fillna(np.inf),
    "profit": unrealized_pnl,
}
"""What payers are grouped by; an account without equity counts as the most levered."""


def unit(panel: pd.DataFrame) -> Floats:
    """Money of one contract at the mark, whichever way it is held."""
    one_currency(panel)
    return np.abs(value_of(panel["mark_price"].to_numpy(), is_inverse(panel)))


def by_account(panel: pd.DataFrame, money: pd.DataFrame) -> pd.DataFrame:
    """What accounts give."""
    return money.groupby(level=account_levels(panel)).sum()


def payers(panel: pd.DataFrame, money: pd.DataFrame, asked: Flags) -> pd.DataFrame:
    """Accounts that give, how concentrated it is, and the leverage and return of what is closed; a row per column."""
    leverage = effective_leverage(panel).fillna(np.inf).to_numpy()[asked]
    profit = unrealized_pnl(panel).to_numpy()[asked]
    entry = np.abs(panel["qty"].to_numpy() * value_of(panel["entry_price"].to_numpy(), is_inverse(panel)))[asked]
    gain = np.divide(profit, entry, out=np.zeros(len(entry)), where=entry > 0)
    rows = {}
    for name, given in by_account(panel, money[asked]).items():
        paid = money[name].to_numpy()[asked]
        rows[name] = {
            "accounts": int((given > 0).sum()),
            "gini": metrics.gini(given),
            "top_1_percent": metrics.top_share(given),
            "median_leverage": weighted_median(leverage, paid),
            "median_return": weighted_median(gain, paid),
            "losers": float(paid[profit < 0].sum() / paid.sum()) if paid.sum() > 0 else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").astype({"accounts": int})


def deciles(panel: pd.DataFrame, money: pd.DataFrame, asked: Flags, key: str) -> pd.DataFrame:
    """Share of each column that each decile of the positions that are asked bears."""
    if key not in KEYS:
        raise MetricError(f"unknown key {key!r}; known: {list(KEYS)}")
    values = KEYS[key](panel)[asked]
    return pd.DataFrame({name: metrics.by_decile(each[asked], values)["share"] for name, each in money.items()})


def hedges(panel: pd.DataFrame, closed: pd.DataFrame) -> pd.DataFrame:
    """Hedged owners whom each column of closed contracts leaves with one leg."""
    rows = {}
    for name, contracts in closed.items():
        table = metrics.hedge_break(panel, contracts)
        hedged = table[table["was_hedged"]]
        rows[name] = {
            "hedged": len(hedged),
            "broken": int((hedged["broken"] > 0).sum()),
            "broken_money": float(hedged["broken"].sum()),
            "net_change": float(hedged["net_change"].sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").astype({"hedged": int, "broken": int})


def weighted_median(values: Floats, weight: Floats) -> float:
    """Value below which half of the weight lies; NaN without weight."""
    there = weight > 0
    if not there.any():
        return float("nan")
    order = np.argsort(values[there], kind="stable")
    running = np.cumsum(weight[there][order])
    return float(values[there][order][np.searchsorted(running, 0.5 * running[-1])])
