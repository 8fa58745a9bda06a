"""What each account owes after moves of all symbols at once, for many scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, value_of
from adlkit.errors import CurveError
from adlkit.groups import account_groups, level_codes, level_labels
from adlkit.margin import unrealized_pnl
from adlkit.panel import mark_prices

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CELLS = 2e7
"""Accounts x scenarios that are worked on at a time."""


def account_deficits(panel: pd.DataFrame, moves: pd.DataFrame) -> csr_array:
    """Deficit of each account (in sorted order) in each scenario [ccy], sparse: most owe nothing.

    `moves` has one row per scenario and one column per symbol of the panel [1].
    """
    from scipy.sparse import coo_array, csr_array, hstack

    accounts, symbol = account_groups(panel), level_codes(panel.index, "symbol")
    labels = level_labels(panel.index, "symbol")
    marks, inverse = mark_prices(panel), is_inverse(panel)
    is_coin = None if inverse is None else np.isin(np.arange(len(labels)), symbol[inverse])[:, None]
    mark = marks.reindex(labels).fillna(1.0).to_numpy()[:, None]
    after = mark * (1.0 + moves.reindex(columns=labels).fillna(0.0).to_numpy(dtype=float).T)
    change = value_of(after, is_coin) - value_of(mark, is_coin)
    held = coo_array((panel["qty"].to_numpy(), (accounts.codes, symbol)), shape=(accounts.size, len(labels))).tocsr()
    own = accounts.total((panel["collateral"] + unrealized_pnl(panel)).to_numpy())[:, None]
    width = max(1, int(CELLS // accounts.size))
    parts = [
        csr_array(np.maximum(-(own + held @ change[:, start : start + width]), 0.0))
        for start in range(0, change.shape[1], width)
    ]
    return csr_array(hstack(parts, format="csr"))


def checked_moves(panel: pd.DataFrame, moves: pd.DataFrame, what: str) -> pd.DataFrame:
    """Moves of every symbol of the panel, or one CurveError."""
    known = panel.index.unique("symbol")
    if moves.columns.has_duplicates or len(known.difference(moves.columns)):
        raise CurveError(f"{what}: need one column for each of {list(known)}, found {list(moves.columns)}")
    if not len(moves):
        raise CurveError(f"{what}: no rows")
    own = moves[known]
    values: Floats = own.to_numpy(dtype=float)
    if not (np.isfinite(values) & (values > -1)).all():
        raise CurveError(f"{what}: moves must be finite and above -1, i.e. leave a price above zero")
    return own
