"""The rebound at which a vault earns nothing, read off simulated paths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import PathError

FEWEST = 10
"""Paths that a line is drawn through."""


def simulated_break_even(
    outcomes: pd.DataFrame,
    depths: Sequence[float],
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    rng: int | np.random.Generator,
) -> pd.DataFrame:
    """Rebound at which the vaults' profit is zero, by depth of the crash, from the paths of an ensemble.

    Parameters
    ----------
    outcomes : DataFrame
        `EnsembleResult.outcomes`; reads ``depth``, ``rebound`` and ``vault_pnl``.
    depths : sequence of float
        Edges of the classes of depth [1], rising.
    level : float, default 0.95
        Of the interval.
    n_resamples : int, default 1000
        Draws of paths with replacement that the interval rests on.
    rng : int or Generator
        Seed.

    Returns
    -------
    DataFrame, index ``depth`` (class)
        ``paths``; ``rebound`` [1, share of the fall in logs] at which a straight line of profit on rebound is zero,
        with ``low`` and ``high``. NaN where fewer than 10 paths lie in the class or the line does not rise.

    Raises
    ------
    PathError
        If a column is missing, edges do not rise, or `level` is not within (0, 1).

    Notes
    -----
    Percentile bootstrap over paths. The profit of a vault that holds is nearly linear in the end of the path; one that
    sells on the way, or is relieved, is not, and the line is its description only.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> rebound = np.linspace(0, 1, 21)
    >>> outcomes = pd.DataFrame({"depth": 0.2, "rebound": rebound, "vault_pnl": 10 * rebound - 4})
    >>> adl.simulated_break_even(outcomes, [0.1, 0.3], rng=7)["rebound"].round(6).tolist()
    [0.4]
    """
    if missing := [name for name in ("depth", "rebound", "vault_pnl") if name not in outcomes]:
        raise PathError(f"outcomes: missing columns {missing}")
    edges = [float(edge) for edge in depths]
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise PathError(f"depths must be two or more rising edges, got {depths!r}")
    if not 0 < level < 1:
        raise PathError(f"level must be within (0, 1), got {level!r}")
    generator = np.random.default_rng(rng)
    classes = pd.cut(outcomes["depth"], edges)
    rows = {}
    for depth in classes.cat.categories:
        own = outcomes[(classes == depth).to_numpy()]
        x, y = own["rebound"].to_numpy(dtype=float), own["vault_pnl"].to_numpy(dtype=float)
        found = {"rebound": np.nan, "low": np.nan, "high": np.nan}
        if len(own) >= FEWEST:
            draws = generator.integers(len(own), size=(n_resamples, len(own)))
            ends = np.nanquantile(_crossing(x[draws], y[draws]), [(1 - level) / 2, (1 + level) / 2])
            found = {"rebound": float(_crossing(x[None], y[None])[0]), "low": ends[0], "high": ends[1]}
        rows[depth] = {"paths": float(len(own)), **found}
    return pd.DataFrame(rows).T.rename_axis("depth")


def _crossing(x: Floats, y: Floats) -> Floats:
    """Where the least-squares line of each row crosses zero; NaN where it does not rise."""
    x_mean, y_mean = x.mean(axis=1), y.mean(axis=1)
    moved = x - x_mean[:, None]
    slope = (moved * y).sum(axis=1) / np.maximum((moved**2).sum(axis=1), 1e-300)
    return np.where(slope > 0, x_mean - y_mean / np.where(slope > 0, slope, 1.0), np.nan)
