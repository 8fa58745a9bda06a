"""What scores are made of: returns, leverage, and the branch between profits and losses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, value_of
from adlkit.margin import equity, notional, unrealized_pnl


def branch(gain: Floats, leverage: Floats) -> Floats:
    """Gains times leverage, losses over leverage; NaN where leverage is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(gain > 0, gain * leverage, gain / leverage)
    return np.where(np.isfinite(score), score, np.nan)


def return_on_entry(panel: pd.DataFrame) -> Floats:
    """Signed return on entry value."""
    entry = value_of(panel["entry_price"].to_numpy(), is_inverse(panel))
    return profit_over(panel, (panel["qty"] * entry).abs())


def price_return(panel: pd.DataFrame) -> Floats:
    """Signed return on the entry price: that on entry value for linear contracts."""
    gain = panel["mark_price"].to_numpy() / panel["entry_price"].to_numpy() - 1.0
    return np.asarray(np.sign(panel["qty"].to_numpy()) * gain)


def profit_over(panel: pd.DataFrame, base: pd.Series) -> Floats:
    """Unrealised profit over `base`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(unrealized_pnl(panel).to_numpy() / base.to_numpy(), dtype=np.float64)


def position_leverage(panel: pd.DataFrame) -> Floats:
    """Notional of the position over the equity of its account; NaN where equity <= 0."""
    owned = equity(panel).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(owned > 0, notional(panel).to_numpy() / owned, np.nan)


def named(name: str, panel: pd.DataFrame, score: Floats) -> pd.Series:
    """Score on the index of `panel`, undefined where there is no position."""
    return pd.Series(np.where(panel["qty"].to_numpy() == 0, np.nan, score), index=panel.index, name=name)
