"""What drives a vault's result across crashes: least squares over the paths of ensembles, with robust errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.errors import PathError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class OutcomeRegression(SummaryRepr):
    """A linear model of an outcome; see `outcome_regression`.

    Parameters
    ----------
    formula : str
        As given.
    table : DataFrame, index term
        ``coefficient``, ``error`` (robust), ``low`` and ``high`` (ends of the interval), in units of the outcome per
        unit of the term; ``p_value`` [1] of no effect; ``effect``, ``effect_low`` and ``effect_high``: the same of one
        standard deviation of the term.
    fitted, residuals : Series, index of the outcomes
        In units of the outcome.
    n_clusters : int
        Paths, within which errors may be alike.
    r_squared : float
        Share of the variance that is explained [1].
    level : float
        Of the intervals.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> rng = np.random.default_rng(7)
    >>> data = pd.DataFrame({"depth": rng.uniform(0.1, 0.5, 200)}, index=pd.RangeIndex(200, name="path"))
    >>> data["vault_return"] = 0.1 - 0.5 * data["depth"] + rng.normal(0, 0.01, 200)
    >>> adl.outcome_regression(data, "vault_return ~ depth").table["coefficient"].round(2).tolist()
    [0.1, -0.5]
    """

    formula: str
    table: pd.DataFrame
    fitted: pd.Series
    residuals: pd.Series
    n_clusters: int
    r_squared: float
    level: float

    def summary(self) -> pd.Series:
        """Coefficients, and how much they explain."""
        fit = {"r_squared": self.r_squared, "rows": float(len(self.fitted)), "clusters": float(self.n_clusters)}
        coefficients = {str(term): float(value) for term, value in self.table["coefficient"].items()}
        return pd.Series({**coefficients, **fit})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect of one standard deviation of each term; see `adlkit.plotting.plot_outcome_regression`."""
        from adlkit.plotting import plot_outcome_regression

        return plot_outcome_regression(self, ax=ax)


def outcome_regression(outcomes: pd.DataFrame, formula: str, *, level: float = 0.95) -> OutcomeRegression:
    """Regress an outcome of simulated paths on what the paths and markets were.

    Parameters
    ----------
    outcomes : DataFrame
        `EnsembleResult.outcomes`, of one ensemble or of several under one another, with columns added for what differs
        between them (depth of book, leverage of the panel, ...). Rows that share the index level ``path`` are one
        cluster: the same path in several markets is not several observations.
    formula : str
        E.g. ``"vault_return ~ depth * rebound + np.log(book)"``.
    level : float, default 0.95
        Of the intervals.

    Returns
    -------
    OutcomeRegression

    Raises
    ------
    PathError
        If the index has no level ``path``, there are fewer than 20 paths, or `level` is not within (0, 1).

    Notes
    -----
    Ordinary least squares with errors that are robust to heteroskedasticity and clustered by path (Liang and Zeger
    1986, Biometrika 73, 13-22, with the small-sample factor of statsmodels), and normal intervals. A linear description
    of a function with kinks: coefficients are averages over the paths that were drawn.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> rng = np.random.default_rng(7)
    >>> data = pd.DataFrame({"depth": rng.uniform(0.1, 0.5, 50)}, index=pd.RangeIndex(50, name="path"))
    >>> data["vault_return"] = 0.1 - 0.5 * data["depth"]
    >>> adl.outcome_regression(data, "vault_return ~ depth").n_clusters
    50
    """
    if "path" not in outcomes.index.names:
        raise PathError("outcomes: the index needs a level 'path', as EnsembleResult.outcomes has it")
    paths = outcomes.index.get_level_values("path")
    if paths.nunique() < 20:
        raise PathError(f"outcomes: {paths.nunique()} paths are too few for clustered errors; simulate 20 or more")
    if not 0 < level < 1:
        raise PathError(f"level must be within (0, 1), got {level!r}")
    unknown = [name for name in outcomes if str(name) in formula and outcomes[name].isna().any()]
    if unknown:
        raise PathError(f"outcomes: {unknown} hold NaN; drop those rows first and say so, it selects on the outcome")
    from statsmodels.formula.api import ols

    model = ols(formula, outcomes.reset_index(drop=True))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": paths.factorize()[0]})
    ends = fit.conf_int(alpha=1.0 - level).to_numpy()
    spread = pd.Series(np.std(model.exog, axis=0, ddof=1), index=model.exog_names)
    table = pd.DataFrame(
        {
            "coefficient": fit.params,
            "error": fit.bse,
            "low": ends[:, 0],
            "high": ends[:, 1],
            "p_value": fit.pvalues,
            "effect": fit.params * spread,
            "effect_low": ends[:, 0] * spread,
            "effect_high": ends[:, 1] * spread,
        }
    ).rename_axis("term")
    fitted, residuals = (pd.Series(np.asarray(part), index=outcomes.index) for part in (fit.fittedvalues, fit.resid))
    return OutcomeRegression(formula, table, fitted, residuals, int(paths.nunique()), float(fit.rsquared), level)
