"""Tails of price moves: worst moves within periods, peaks over a threshold, and how sure one can be of them.

`worst_moves` turns bars into moves, `fit_tail` into a `TailFit`, whose `TailSample` carries its uncertainty on;
`mean_excess` and `threshold_stability` help to choose the threshold. Estimators: `maximum_likelihood` and
`probability_weighted_moments`.

>>> import pandas as pd
>>> from adlkit import tails
>>> tails.worst_moves(pd.Series([100.0, 90.0, 99.0], pd.date_range("2025-10-10", periods=3))).round(2).to_dict("list")
{'down': [0.1, 0.0], 'up': [0.0, 0.1]}
"""

from __future__ import annotations

from adlkit.tails.bootstrap import TailSample
from adlkit.tails.diagnostics import mean_excess, threshold_stability
from adlkit.tails.fit import TailFit, fit_tail
from adlkit.tails.moves import cluster_peaks, worst_moves
from adlkit.tails.pareto import maximum_likelihood, probability_weighted_moments

__all__ = [
    "TailFit",
    "TailSample",
    "cluster_peaks",
    "fit_tail",
    "maximum_likelihood",
    "mean_excess",
    "probability_weighted_moments",
    "threshold_stability",
    "worst_moves",
]
