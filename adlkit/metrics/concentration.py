"""Who pays how much of the whole: Gini, Lorenz, HHI, the largest payers, groups by size or leverage."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from adlkit.contracts import Floats
from adlkit.errors import MetricError
from adlkit.metrics.inputs import nonnegative, on_index

ROUNDING = 1e-9
"""Slack for shares such as 0.07 x 100 that floats do not hold exactly."""


def gini(amounts: pd.Series) -> float:
    """Gini coefficient: 0 where all give the same, up to 1 - 1/n where one gives all.

    Parameters
    ----------
    amounts : Series
        What each gives, >= 0, in one unit. Who gives nothing counts, if listed: choose the population first.

    Returns
    -------
    float
        [1]; NaN where nobody gives anything.

    Raises
    ------
    MetricError
        If an amount is NaN, infinite or below zero.

    References
    ----------
    .. [1] Gini = sum of (2 i - n - 1) x_i / (n sum x), x ascending; twice the area between the Lorenz curve and the
       diagonal.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.gini(pd.Series([0.0, 0.0, 0.0, 8.0]))
    0.75
    """
    values = np.sort(nonnegative("amounts", amounts))
    total = values.sum()
    place = 2.0 * np.arange(1, len(values) + 1) - len(values) - 1.0
    return float(place @ (values / total) / len(values)) if total > 0 else math.nan


def lorenz(amounts: pd.Series) -> pd.DataFrame:
    """Lorenz curve: the share of the total that the smallest payers bear.

    Parameters
    ----------
    amounts : Series
        As in `gini`.

    Returns
    -------
    DataFrame, n + 1 rows
        Cumulative shares ``payers`` and ``amount`` [1], smallest payer first, from (0, 0) to (1, 1); the amounts
        are NaN where nobody gives anything.

    Raises
    ------
    MetricError
        As in `gini`.

    References
    ----------
    .. [1] M. O. Lorenz, Methods of measuring the concentration of wealth, JASA 9 (1905).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.lorenz(pd.Series([6.0, 2.0])).to_dict("list")
    {'payers': [0.0, 0.5, 1.0], 'amount': [0.0, 0.25, 1.0]}
    """
    values = np.sort(nonnegative("amounts", amounts))
    running = np.cumsum(values)
    payers = np.arange(len(values) + 1) / max(len(values), 1)
    amount = _shares(running, running[-1] if len(running) else 0.0)
    return pd.DataFrame({"payers": payers, "amount": np.concatenate(([0.0], amount))})


def hhi(amounts: pd.Series) -> float:
    """Herfindahl-Hirschman index: the sum of squared shares, 1/n where all give the same and 1 where one gives all.

    Parameters
    ----------
    amounts : Series
        As in `gini`.

    Returns
    -------
    float
        [1]; NaN where nobody gives anything. Its inverse is the effective number of payers.

    Raises
    ------
    MetricError
        As in `gini`.

    References
    ----------
    .. [1] US Department of Justice, Herfindahl-Hirschman index (there in squared percent: times 10,000).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.hhi(pd.Series([1.0, 1.0, 2.0]))
    0.375
    """
    values = nonnegative("amounts", amounts)
    shares = _shares(values, values.sum())
    return float(shares @ shares) if values.sum() > 0 else math.nan


def top_share(amounts: pd.Series, *, share: float = 0.01) -> float:
    """Share of the total that the largest payers bear.

    Parameters
    ----------
    amounts : Series
        As in `gini`.
    share : float, default 0.01
        Which part of all n payers counts as the largest, in (0, 1]: ceil(share x n) of them.

    Returns
    -------
    float
        [1]; NaN where nobody gives anything.

    Raises
    ------
    MetricError
        As in `gini`, or if `share` is outside (0, 1].

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.metrics.top_share(pd.Series([6.0, 1.0, 1.0]), share=0.3)
    0.75
    """
    values = np.sort(nonnegative("amounts", amounts))
    if not 0 < share <= 1:
        raise MetricError(f"share must be within (0, 1], got {share!r}")
    count = max(math.ceil(share * len(values) - ROUNDING), 1)
    return float(values[len(values) - count :].sum() / values.sum()) if values.sum() > 0 else math.nan


def by_decile(amounts: pd.Series, key: pd.Series, *, n_groups: int = 10) -> pd.DataFrame:
    """Who pays, by decile of a key such as size, leverage or profit.

    Parameters
    ----------
    amounts : Series
        As in `gini`.
    key : Series
        On the index of `amounts`; no NaN (leverage is undefined for accounts without equity: drop them, or give
        them a value, before).
    n_groups : int, default 10
        Number of groups of equal size.

    Returns
    -------
    DataFrame, index ``group`` 1 (smallest key) .. `n_groups` (largest)
        ``n`` payers, ``amount`` [as given], ``share`` of the total [1, NaN where nobody gives anything]. Equal keys
        share the group of their average rank, so ties stay together and groups may be unequal or empty.

    Raises
    ------
    MetricError
        As in `gini`, or if the key has NaN or another index, or `n_groups` is below 1.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> size = pd.Series([1.0, 5.0, 2.0, 9.0])
    >>> adl.metrics.by_decile(pd.Series([0.0, 1.0, 1.0, 2.0]), size, n_groups=2).to_dict("list")
    {'n': [2, 2], 'amount': [1.0, 3.0], 'share': [0.25, 0.75]}
    """
    values = nonnegative("amounts", amounts)
    if on_index("key", key, "amounts", amounts.index).isna().any():
        raise MetricError(f"key: {int(key.isna().sum())} values are NaN; drop those payers or give them a value")
    if n_groups < 1 or n_groups != int(n_groups):
        raise MetricError(f"n_groups must be 1 or more and whole, got {n_groups!r}")
    middle = (key.rank(method="average").to_numpy(dtype=float) - 0.5) / max(len(key), 1)
    group = np.floor(middle * n_groups + ROUNDING).astype(np.intp)
    amount = np.bincount(group, weights=values, minlength=n_groups).astype(float)
    columns = {"n": np.bincount(group, minlength=n_groups), "amount": amount, "share": _shares(amount, values.sum())}
    return pd.DataFrame(columns, index=pd.RangeIndex(1, n_groups + 1, name="group"))


def _shares(values: Floats, total: float) -> Floats:
    """Parts of a total; NaN where the total, and so each part, is zero."""
    return values / total if total > 0 else np.full(len(values), np.nan)
