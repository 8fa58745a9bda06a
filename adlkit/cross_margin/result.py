"""What is closed, and how close to the best this is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr

OPTIMAL, LEVELLED, NOT_CONVERGED, INFEASIBLE = "optimal", "levelled", "not converged", "infeasible"


@dataclass(frozen=True, eq=False, repr=False)
class CrossMarginResult(SummaryRepr):
    """What is closed in each account and asset, and how close to the best this is.

    Parameters
    ----------
    closed : DataFrame, accounts x assets
        Signed contracts closed: > 0 of a long, < 0 of a short.
    need, residual : Series, index by asset
        Contracts asked for, and what no account could give; signed.
    level : Series, index by asset
        Factor leverage to which the most levered are brought (`factor_water_fill`), infinite where only accounts
        without equity give; NaN where nothing is needed, and for other models.
    shadow_price : Series, index by asset
        Expected shortfall that one more contract of the need would save [ccy per contract]; NaN where nothing is
        needed.
    leverage : DataFrame, accounts x (before, after)
        The model's deviation over equity [1]: signed factor leverage under `OneFactor`; NaN where equity <= 0.
    expected_shortfall : float
        Of all accounts together, afterwards [ccy].
    gap : float
        No allocation that closes as much has an expected shortfall smaller by more than this [ccy].
    iterations : int
        Of the solver.
    status : str
        "optimal": within the tolerance of the function that was asked. "levelled": the levels are, but accounts without
        equity leave a larger `gap` (`factor_water_fill`). "not converged": the
        solver ended before that, at its most iterations or for want of digits; each need is met, and `gap` holds.
        "infeasible": a need is beyond what accounts hold; all that they hold is closed, the rest is `residual`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> quantity, equity = pd.DataFrame({"BTC": [10.0, 6.0, 4.0]}), pd.Series([20.0, 30.0, 40.0])
    >>> result = adl.factor_water_fill(quantity, equity, pd.Series({"BTC": 8.0}), loading=pd.Series({"BTC": 10.0}))
    >>> result.closed["BTC"].round(6).tolist(), result.status
    ([6.8, 1.2, 0.0], 'optimal')
    >>> result.taken.round(6).to_dict()
    {(0, 'BTC'): 6.8, (1, 'BTC'): 1.2}
    """

    closed: pd.DataFrame
    need: pd.Series
    residual: pd.Series
    level: pd.Series
    shadow_price: pd.Series
    leverage: pd.DataFrame
    expected_shortfall: float
    gap: float
    iterations: int
    status: str

    @property
    def relative_gap(self) -> float:
        """`gap` over the expected shortfall [1]; 0 where both are zero, inf where only the shortfall is."""
        if self.gap == 0:
            return 0.0
        return self.gap / self.expected_shortfall if self.expected_shortfall > 0 else float("inf")

    @property
    def taken(self) -> pd.Series:
        """Contracts that each position gives, > 0, by (account, symbol) as in a panel; without those that give none."""
        closed = np.abs(self.closed.to_numpy())
        row, column = np.nonzero(closed)
        labels = [self.closed.index[row], self.closed.columns[column]]
        index = pd.MultiIndex.from_arrays(labels, names=["account", "symbol"])
        return pd.Series(closed[row, column], index=index, name="taken")

    def summary(self) -> pd.Series:
        """Accounts and how many of them close something, assets needed and unmet, shortfall, gap, iterations."""
        return pd.Series(
            {
                "accounts": float(len(self.closed)),
                "giving": float((self.closed != 0).any(axis=1).sum()),
                "assets needed": float((self.need != 0).sum()),
                "assets unmet": float((self.residual != 0).sum()),
                "expected shortfall": self.expected_shortfall,
                "gap": self.gap,
                "iterations": float(self.iterations),
                "optimal": float(self.status == OPTIMAL),
            }
        )
