"""Many refits of one tail, to carry its uncertainty into whatever is computed from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Floats
from adlkit.tails.asked import check_level, periods, sizes
from adlkit.tails.pareto import excess_at, hazard

if TYPE_CHECKING:
    from adlkit.tails.fit import TailFit


@dataclass(frozen=True, eq=False)
class TailSample:
    """Refits of a tail, one value of each parameter per resample.

    Parameters
    ----------
    fit : TailFit
        What was resampled.
    shape, scale : ndarray, shape (n,)
        Of the excesses.
    rate : ndarray, shape (n,)
        Events above the threshold a year.

    Notes
    -----
    Below the threshold all of the record's curve is scaled with the rate, which is more uncertainty than it has there.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> rng = np.random.default_rng(7)
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> moves = pd.Series(0.02 * rng.pareto(4.0, len(days)), days)
    >>> sample = adl.fit_tail(moves, threshold=0.02, gap=1).resample(400, rng=rng)
    >>> np.quantile(sample.exceedance(0.10), [0.025, 0.975]).round(2).tolist()
    [0.1, 0.58]
    """

    fit: TailFit
    shape: Floats
    scale: Floats
    rate: Floats

    def exceedance(self, move: npt.ArrayLike) -> Floats:
        """Expected number of events a year whose move beats a size, for each refit.

        Parameters
        ----------
        move : number or array
            Sizes of a move [1], >= 0; inf is beaten by none.

        Returns
        -------
        ndarray, shape (n, *shape of move)
            [events a year].

        Raises
        ------
        TailError
            If a move is NaN or below zero.
        """
        asked = sizes(move)
        shape, scale, rate = (self._column(values, asked.ndim) for values in (self.shape, self.scale, self.rate))
        below = self.fit.exceedance(np.minimum(asked, self.fit.threshold)) / self.fit.rate
        beyond = np.maximum(asked - self.fit.threshold, 0.0)
        return np.asarray(rate * below * np.exp(-hazard(beyond, shape, scale)))

    def return_level(self, years: npt.ArrayLike) -> Floats:
        """Smallest move that is beaten no more than once in so many years, for each refit.

        Parameters
        ----------
        years : number or array
            Return periods [years], > 0.

        Returns
        -------
        ndarray, shape (n, *shape of years)
            [1].

        Raises
        ------
        TailError
            If a return period is not finite and above zero.
        """
        asked = periods(years)
        shape, scale, rate = (self._column(values, asked.ndim) for values in (self.shape, self.scale, self.rate))
        expected = rate * asked
        above = self.fit.threshold + excess_at(np.log(np.maximum(expected, 1.0)), shape, scale)
        below = self.fit.return_level(np.minimum(expected, 1.0) / self.fit.rate)
        return np.where(expected >= 1.0, above, below)

    def shape_interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval of the shape.

        Parameters
        ----------
        level : float, default 0.95
            Confidence, in (0, 1).

        Returns
        -------
        tuple of float
            Ends [1].

        Raises
        ------
        TailError
            If the level does not lie within (0, 1).
        """
        check_level(level)
        low, high = np.quantile(self.shape, _tails(level))
        return float(low), float(high)

    def return_levels(self, years: npt.ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
        """Return levels with percentile intervals.

        Parameters
        ----------
        years : array
            Return periods [years], > 0.
        level : float, default 0.95
            Confidence, in (0, 1).

        Returns
        -------
        DataFrame, index ``years``
            ``estimate`` (of the fit), ``low``, ``high`` [1].

        Raises
        ------
        TailError
            As in `return_level` and `shape_interval`.
        """
        check_level(level)
        asked = np.atleast_1d(periods(years))
        low, high = np.quantile(self.return_level(asked), _tails(level), axis=0)
        table = {"estimate": self.fit.return_level(asked), "low": low, "high": high}
        return pd.DataFrame(table, index=pd.Index(asked, name="years"))

    @staticmethod
    def _column(values: Floats, n_axes: int) -> Floats:
        return values.reshape(-1, *(1,) * n_axes)


def _tails(level: float) -> list[float]:
    return [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
