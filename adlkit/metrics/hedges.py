"""Hedges that a deleveraging breaks: one leg is closed, the other stays open."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import is_inverse
from adlkit.errors import MetricError
from adlkit.metrics.inputs import by_symbol, closed_rows, one_currency, within


def hedge_break(
    panel: pd.DataFrame, closed: pd.Series, *, betas: pd.Series | None = None, tolerance: float = 0.1
) -> pd.DataFrame:
    """Exposure of each owner before and after some of its contracts are closed.

    Parameters
    ----------
    panel : DataFrame
        Checked positions, linear contracts of one settlement currency. Rows with one ``owner`` (that column, where
        there is one, else the account) are one portfolio, at each time.
    closed : Series
        Contracts closed >= 0 [contracts], on rows of the panel; of rows that it does not name nothing is closed.
    betas : Series, optional
        Exposure of one unit of money in each symbol to the common factor, by symbol; 1 for all without it.
    tolerance : float, default 0.1
        An owner is hedged where abs(net) <= tolerance x gross, and gross > 0.

    Returns
    -------
    DataFrame, index (owner,) or (account,), after time if the panel has it
        ``net_before``, ``gross_before``, ``net_after``, ``gross_after``: sums of beta x qty x mark, signed and
        absolute [ccy]; ``was_hedged``, ``is_hedged`` (before and after; nothing open is not a hedge); ``broken``: beta
        exposure of the contracts closed [ccy], for owners that were hedged and are left with an open position that
        is no hedge, else 0; ``net_change``: abs(net_after) - abs(net_before) [ccy].

    Raises
    ------
    MetricError
        If a contract is inverse, the panel settles in several currencies, a beta is missing, or more is closed than
        is open.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> frame = pd.DataFrame({"account": "ann", "symbol": ["BTC", "ETH"], "qty": [1.0, -20.0],
    ...                       "entry_price": [100.0, 5.0], "mark_price": [100.0, 5.0], "collateral": [50.0, 0.0]})
    >>> broken = adl.metrics.hedge_break(adl.build_panel(frame), pd.Series({("ann", "ETH"): 15.0}))
    >>> broken[["net_before", "net_after", "was_hedged", "broken", "net_change"]].to_dict("records")[0]
    {'net_before': 0.0, 'net_after': 75.0, 'was_hedged': True, 'broken': 75.0, 'net_change': 75.0}
    """
    if is_inverse(panel) is not None:
        raise MetricError("exposures are those of linear contracts; measure inverse contracts apart")
    one_currency(panel)
    within("tolerance", tolerance, 0.0, 1.0)
    beta = 1.0 if betas is None else by_symbol(panel, betas, "betas")
    qty, unit = panel["qty"].to_numpy(dtype=float), beta * panel["mark_price"].to_numpy()
    size = closed_rows(panel, closed)
    before, after = qty * unit, (qty - np.sign(qty) * size) * unit
    rows = {"net_before": before, "gross_before": np.abs(before), "net_after": after, "gross_after": np.abs(after)}
    table = pd.DataFrame(rows | {"broken": size * np.abs(unit)}, index=panel.index).groupby(_owners(panel)).sum()
    was_hedged = _is_hedged(table["net_before"], table["gross_before"], tolerance)
    is_hedged = _is_hedged(table["net_after"], table["gross_after"], tolerance)
    broken = table.pop("broken").where(was_hedged & ~is_hedged & (table["gross_after"] > 0), 0.0)
    change = table["net_after"].abs() - table["net_before"].abs()
    return table.assign(was_hedged=was_hedged, is_hedged=is_hedged, broken=broken, net_change=change)


def _owners(panel: pd.DataFrame) -> list[pd.Index | pd.Series]:
    """Keys of the portfolios: time, where there is one, and owner or account."""
    if "owner" in panel and panel["owner"].isna().any():
        raise MetricError(f"owner: {int(panel['owner'].isna().sum())} rows have none; give each account its own name")
    owner = panel["owner"] if "owner" in panel else panel.index.get_level_values("account")
    return [panel.index.get_level_values("time"), owner] if "time" in panel.index.names else [owner]


def _is_hedged(net: pd.Series, gross: pd.Series, tolerance: float) -> pd.Series:
    return (gross > 0) & (net.abs() <= tolerance * gross)
