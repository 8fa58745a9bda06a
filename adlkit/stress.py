"""The same accounts with more or less leverage: for sensitivities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.errors import PanelError
from adlkit.groups import account_groups
from adlkit.margin import equity
from adlkit.panel import check_panel


def scale_leverage(panel: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Copy of `panel` in which every account has `factor` times its effective leverage.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    factor : float
        Above zero; 2 halves the equity of each account.

    Returns
    -------
    DataFrame
        Same index and columns; the equity of each account is divided by `factor` by changing the collateral of its
        positions, in equal parts. Positions, entries and marks stay. Accounts without equity are as they were.

    Raises
    ------
    PanelError
        If the factor is not finite or not above zero.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.equity(panel).tolist(), adl.equity(adl.scale_leverage(panel, 2.0)).tolist()
    ([-20.0, 120.0, 50.0, 90.0], [-20.0, 60.0, 25.0, 45.0])
    """
    check_panel(panel)
    if not 0 < factor < np.inf:
        raise PanelError([f"factor must be finite and above zero, got {factor!r}"])
    accounts = account_groups(panel)
    owned = np.maximum(equity(panel).to_numpy(), 0.0)
    rows = accounts.spread(np.ones(len(panel)))
    return panel.assign(collateral=panel["collateral"] + owned * (1.0 / factor - 1.0) / rows)
