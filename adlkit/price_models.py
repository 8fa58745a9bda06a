"""How prices may move until the next chance to act, and the shortfall that is expected then.

A model is a frozen value with the same words: `assets`, `on`, `deviation`, `expected_shortfall`, `gradient`. An
exposure is what an account holds, signed, one column per asset in the order of `assets`; its equity after a move dp is
equity + exposure . dp, and its shortfall the part of that below zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss

from adlkit.contracts import Floats
from adlkit.errors import AllocationError

ROUNDING = 1e-9
FAR = 50.0
"""Deviations from the mean at which the normal density is nothing: squares beyond it need not overflow."""


class PriceModel(Protocol):
    """What an allocation asks of a model of price moves."""

    @property
    def assets(self) -> pd.Index:
        """Labels of the assets, in the order of an exposure's columns."""
        ...

    def on(self, assets: pd.Index) -> PriceModel:
        """The same model with its assets in another order."""
        ...

    def deviation(self, exposure: Floats) -> Floats:
        """Size of an account's usual profit or loss [ccy], shape (n_accounts,)."""
        ...

    def expected_shortfall(self, exposure: Floats, equity: Floats) -> Floats:
        """Expected money below zero of each account [ccy], shape (n_accounts,)."""
        ...

    def gradient(self, exposure: Floats, equity: Floats) -> Floats:
        """Its derivative by each exposure [ccy per contract], shape (n_accounts, n_assets)."""
        ...


@dataclass(frozen=True, eq=False)
class OneFactor:
    """All prices move with one standard normal factor: dp = loading x eps.

    Parameters
    ----------
    loading : Series, index by asset
        Move of each price for one standard deviation of the factor [quote/base].

    Raises
    ------
    AllocationError
        If a loading is not finite, or an asset is named twice.

    References
    ----------
    .. [1] arXiv 2603.15963, one-factor cross margin; code nataschahey/adl-solver, where a positive quantity is a
       short: turn its signs around.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> model = adl.price_models.OneFactor(pd.Series({"BTC": 2.0, "ETH": 1.0}))
    >>> model.deviation([[3.0, -2.0]]).tolist()
    [4.0]
    >>> model.expected_shortfall([[3.0, -2.0]], [4.0]).round(4).tolist()
    [0.3333]
    """

    loading: pd.Series

    def __post_init__(self) -> None:
        _check_labels("loading", self.loading.index)
        _check_finite("loading", self.loading)

    @classmethod
    def from_covariance(cls, covariance: pd.DataFrame) -> OneFactor:
        """Keep the largest factor of a covariance: sqrt(largest eigenvalue) x its eigenvector, of positive sum.

        Parameters
        ----------
        covariance : DataFrame, assets x assets
            Of price moves [(quote/base)^2].

        Returns
        -------
        OneFactor

        Examples
        --------
        >>> import pandas as pd, adlkit as adl
        >>> assets = ["BTC", "ETH"]
        >>> covariance = pd.DataFrame([[5.0, 4.0], [4.0, 5.0]], index=assets, columns=assets)
        >>> adl.price_models.OneFactor.from_covariance(covariance).loading.round(4).to_dict()
        {'BTC': 2.1213, 'ETH': 2.1213}
        """
        _check_covariance(covariance)
        values, vectors = np.linalg.eigh(covariance.to_numpy(dtype=float))
        side = np.where(vectors[:, -1].sum() < 0, -1.0, 1.0)
        return cls(pd.Series(np.sqrt(values[-1]) * side * vectors[:, -1], index=covariance.index, name="loading"))

    @property
    def assets(self) -> pd.Index:
        """Labels of the assets."""
        return self.loading.index

    def on(self, assets: pd.Index) -> OneFactor:
        """The same model with its assets in another order."""
        return OneFactor(self.loading.loc[assets])

    def deviation(self, exposure: npt.ArrayLike) -> Floats:
        """Profit for one standard deviation of the factor [ccy], signed: loading . exposure."""
        return np.asarray(np.asarray(exposure, dtype=float) @ self.loading.to_numpy(dtype=float))

    def expected_shortfall(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        """Expected money below zero of each account [ccy]: s phi(E / s) - E Phi(-E / s), s = abs(deviation)."""
        return _normal_shortfall(self.deviation(exposure), equity)

    def gradient(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        """Derivative of the expected shortfall by each exposure [ccy per contract]; 0 where nothing can be lost."""
        spread = self.deviation(exposure)
        slope = np.sign(spread) * _normal_density(spread, equity)
        return np.asarray(slope[:, None] * self.loading.to_numpy(dtype=float))


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Prices move by jointly normal amounts with mean zero: dp ~ N(0, covariance).

    Parameters
    ----------
    covariance : DataFrame, assets x assets
        Of price moves [(quote/base)^2]; symmetric, no negative eigenvalue.

    Raises
    ------
    AllocationError
        If it is not a covariance.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> assets = ["BTC", "ETH"]
    >>> model = adl.price_models.Gaussian(pd.DataFrame([[5.0, 4.0], [4.0, 5.0]], index=assets, columns=assets))
    >>> model.deviation([[1.0, -1.0]]).round(4).tolist()
    [1.4142]
    """

    covariance: pd.DataFrame

    def __post_init__(self) -> None:
        _check_covariance(self.covariance)

    @property
    def assets(self) -> pd.Index:
        """Labels of the assets."""
        return self.covariance.index

    def on(self, assets: pd.Index) -> Gaussian:
        """The same model with its assets in another order."""
        return Gaussian(self.covariance.loc[assets, assets])

    def deviation(self, exposure: npt.ArrayLike) -> Floats:
        """Standard deviation of the profit [ccy]: sqrt(c' covariance c)."""
        held = np.asarray(exposure, dtype=float)
        return self._deviation(held, held @ self.covariance.to_numpy(dtype=float))

    def expected_shortfall(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        """Expected money below zero of each account [ccy]: s phi(E / s) - E Phi(-E / s), s = deviation."""
        return _normal_shortfall(self.deviation(exposure), equity)

    def gradient(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        """Derivative of the expected shortfall by each exposure [ccy per contract]; 0 where nothing can be lost."""
        held = np.asarray(exposure, dtype=float)
        pull = held @ self.covariance.to_numpy(dtype=float)
        spread = self._deviation(held, pull)
        slope = _normal_density(spread, equity)
        return np.asarray(pull * np.divide(slope, spread, out=np.zeros_like(spread), where=spread > 0)[:, None])

    @staticmethod
    def _deviation(held: Floats, pull: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum(np.sum(held * pull, axis=1), 0.0)))  # rounding may leave -1e-18


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Prices move by one of a list of moves, each with its probability.

    Parameters
    ----------
    moves : DataFrame, scenarios x assets
        dp [quote/base].
    probability : Series, index of `moves`
        Not negative, sum 1.

    Raises
    ------
    AllocationError
        If a number is not finite or the probabilities are none.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> model = adl.price_models.Scenarios(pd.DataFrame({"BTC": [-10.0, 10.0]}), pd.Series([0.25, 0.75]))
    >>> model.expected_shortfall([[2.0]], [8.0]).tolist()
    [3.0]
    """

    moves: pd.DataFrame
    probability: pd.Series

    def __post_init__(self) -> None:
        _check_labels("moves", self.moves.columns)
        _check_finite("moves", self.moves)
        _check_finite("probability", self.probability)
        if not self.probability.index.equals(self.moves.index):
            raise AllocationError("probability must be a Series on the index of moves")
        if (self.probability < 0).any() or abs(float(self.probability.sum()) - 1.0) > ROUNDING:
            raise AllocationError("probability must be 0 or more and sum to 1")

    @property
    def assets(self) -> pd.Index:
        """Labels of the assets."""
        return self.moves.columns

    def on(self, assets: pd.Index) -> Scenarios:
        """The same model with its assets in another order."""
        return Scenarios(self.moves[assets], self.probability)

    def deviation(self, exposure: npt.ArrayLike) -> Floats:
        """Root mean square of the profit [ccy]."""
        profit = np.asarray(exposure, dtype=float) @ self.moves.to_numpy(dtype=float).T
        return np.asarray(np.sqrt(profit**2 @ self.probability.to_numpy(dtype=float)))

    def expected_shortfall(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        """Expected money below zero of each account [ccy]."""
        return np.asarray(
            np.maximum(-self._equity_after(exposure, equity), 0.0) @ self.probability.to_numpy(dtype=float)
        )

    def gradient(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        """Derivative of the expected shortfall by each exposure; at a kink that of the side where money is left."""
        is_short = self._equity_after(exposure, equity) < 0
        moves, probability = self.moves.to_numpy(dtype=float), self.probability.to_numpy(dtype=float)
        return np.asarray(-(is_short * probability) @ moves)

    def _equity_after(self, exposure: npt.ArrayLike, equity: npt.ArrayLike) -> Floats:
        profit = np.asarray(exposure, dtype=float) @ self.moves.to_numpy(dtype=float).T
        return np.asarray(np.asarray(equity, dtype=float)[:, None] + profit)


def gauss_hermite(
    mark_price: pd.Series, *, volatility: pd.Series, correlation: float, horizon: float, n_nodes: int = 20
) -> Scenarios:
    """Scenarios of two lognormal prices without drift of the price, on a grid of Gauss-Hermite nodes.

    Parameters
    ----------
    mark_price : Series of two, index by asset
        Prices now [quote/base].
    volatility : Series, same index
        Annual standard deviation of log prices [1].
    correlation : float
        Of the two log prices, within [-1, 1].
    horizon : float
        Time until the next chance to act [years].
    n_nodes : int, default 20
        Nodes per price; n_nodes^2 scenarios.

    Returns
    -------
    Scenarios
        dp = p (exp(-vol^2 horizon / 2 + vol sqrt(horizon) z) - 1), the second z = correlation x the first node +
        sqrt(1 - correlation^2) x the second.

    Raises
    ------
    AllocationError
        If there are not two assets, or a number is out of range.

    References
    ----------
    .. [1] nataschahey/adl-solver, adl/expectations.py, expected_shortfall_gbm.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> mark, volatility = pd.Series({"BTC": 67000.0, "ETH": 1900.0}), pd.Series({"BTC": 0.6, "ETH": 0.75})
    >>> model = adl.price_models.gauss_hermite(mark, volatility=volatility, correlation=0.85, horizon=10 / 365)
    >>> model.moves.shape
    (400, 2)
    """
    if len(mark_price) != 2 or not volatility.index.equals(mark_price.index):
        raise AllocationError("mark_price and volatility must be Series on the same two assets")
    _check_finite("mark_price", mark_price)
    _check_finite("volatility", volatility)
    if not (abs(correlation) <= 1 and 0 < horizon < np.inf and n_nodes >= 1):
        raise AllocationError("correlation must be within [-1, 1], horizon above zero and n_nodes at least 1")
    nodes, mass = hermegauss(n_nodes)
    first, second = np.repeat(nodes, n_nodes), np.tile(nodes, n_nodes)
    normal = np.column_stack([first, correlation * first + np.sqrt(1 - correlation**2) * second])
    spread = volatility.to_numpy(dtype=float) * np.sqrt(horizon)
    moves = mark_price.to_numpy(dtype=float) * np.expm1(spread * normal - spread**2 / 2)
    probability = np.multiply.outer(mass, mass).ravel() / mass.sum() ** 2
    return Scenarios(pd.DataFrame(moves, columns=mark_price.index), pd.Series(probability))


def _normal_shortfall(deviation: Floats, equity: npt.ArrayLike) -> Floats:
    from scipy.special import ndtr  # loaded when first asked for: it takes longer than all of adlkit

    spread, owned = np.abs(deviation), np.asarray(equity, dtype=float)
    ratio = np.divide(owned, spread, out=np.zeros_like(spread), where=spread > 0)
    risky = spread * _density(ratio) - owned * ndtr(-ratio)
    return np.asarray(np.where(spread > 0, np.maximum(risky, 0.0), np.maximum(-owned, 0.0)))


def _normal_density(deviation: Floats, equity: npt.ArrayLike) -> Floats:
    """phi(E / s); 0 where s is 0."""
    spread, owned = np.abs(deviation), np.asarray(equity, dtype=float)
    ratio = np.divide(owned, spread, out=np.full_like(spread, np.inf), where=spread > 0)
    return _density(ratio)


def _density(ratio: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * np.minimum(np.abs(ratio), FAR) ** 2) / np.sqrt(2 * np.pi))


def _check_labels(what: str, labels: pd.Index) -> None:
    if not labels.is_unique or not len(labels):
        raise AllocationError(f"{what} must name each asset once")


def _check_finite(what: str, numbers: pd.Series | pd.DataFrame) -> None:
    if not np.isfinite(numbers.to_numpy(dtype=float)).all():
        raise AllocationError(f"{what} has values that are NaN or infinite")


def _check_covariance(covariance: pd.DataFrame) -> None:
    if not covariance.index.equals(covariance.columns):
        raise AllocationError("covariance must have the same assets in rows and columns")
    _check_labels("covariance", covariance.index)
    _check_finite("covariance", covariance)
    values = covariance.to_numpy(dtype=float)
    size = np.abs(values).max()
    if np.abs(values - values.T).max() > ROUNDING * size:
        raise AllocationError("covariance is not symmetric")
    if np.linalg.eigvalsh(values)[0] < -ROUNDING * size:
        raise AllocationError("covariance has a negative eigenvalue")
