"""What is left after a deleveraging: shortfall under further moves, leverage, distance to default."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, value_of
from adlkit.errors import MetricError
from adlkit.groups import account_levels, labelled_groups, level_codes, level_labels
from adlkit.margin import account_summary, bankruptcy_price, liquidation_price
from adlkit.metrics.inputs import by_symbol, one_currency


def post_adl_risk(panel_after: pd.DataFrame, moves: pd.DataFrame, *, level: float = 0.99) -> pd.Series:
    """Tail risk of a market after a deleveraging, under given moves.

    Parameters
    ----------
    panel_after : DataFrame
        Checked positions of one moment and one settlement currency, e.g. ``EventResult.panel``.
    moves : DataFrame, scenarios x symbols
        Relative moves of the marks [1], > -1, equally likely; a column for each symbol of the panel, further ones
        are not used.
    level : float, default 0.99
        Confidence of the tail mean, in (0, 1).

    Returns
    -------
    Series
        ``mean_shortfall``: mean over scenarios of the total shortfall of all accounts [ccy]; ``cvar_shortfall``: mean
        of the worst 1 - level of scenarios, the one on the boundary in part [ccy]; ``worst_shortfall`` [ccy];
        ``largest_leverage``: of an account, at the present marks [1], inf where a position is open without equity.

    Raises
    ------
    MetricError
        If a move is missing, not finite, or -1 and below, the level is outside (0, 1), or the panel has several
        times or currencies.

    References
    ----------
    .. [1] S. Campbell, N. Hey, C. Moallemi, M. Nutz, Risk-Based Auto-Deleveraging, arXiv 2603.15963.
    .. [2] R. T. Rockafellar, S. Uryasev, Conditional value-at-risk for general loss distributions, Journal of Banking
       & Finance 26 (2002).

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> calm = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> adl.metrics.post_adl_risk(calm, pd.DataFrame({"BTC": [0.0, -0.3, 0.3, 0.0]}), level=0.5).to_dict()
    {'mean_shortfall': 7.5, 'cvar_shortfall': 15.0, 'worst_shortfall': 20.0, 'largest_leverage': 5.0}
    """
    if not 0 < level < 1:
        raise MetricError(f"level must be within (0, 1), got {level!r}")
    if "time" in panel_after.index.names:
        raise MetricError("the panel has several times; measure each by itself")
    one_currency(panel_after)
    losses = np.sort(_total_shortfall(panel_after, _moves(panel_after, moves)))[::-1]
    summary = account_summary(panel_after)
    is_open = summary["notional"] > 0
    leverage = summary["effective_leverage"].fillna(np.inf)[is_open]
    return pd.Series(
        {
            "mean_shortfall": losses.mean(),
            "cvar_shortfall": _tail_mean(losses, (1.0 - level) * len(losses)),
            "worst_shortfall": losses[0],
            "largest_leverage": leverage.max() if len(leverage) else 0.0,
        }
    )


def factor_leverage(panel: pd.DataFrame, betas: pd.Series) -> pd.Series:
    """Leverage of each account against a common factor: abs(sum of beta x signed notional) / equity.

    Parameters
    ----------
    panel : DataFrame
        Checked positions, linear contracts.
    betas : Series by symbol
        Return of each symbol for one unit of the factor.

    Returns
    -------
    Series, index (account,) or (time, account)
        [1]; 0 for a hedged account, NaN where equity <= 0.

    Raises
    ------
    MetricError
        If a contract is inverse or a beta is missing or not finite.

    References
    ----------
    .. [1] arXiv 2603.15963 and its code (github.com/nataschahey/adl-solver), which counts shorts as positive.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.metrics.factor_leverage(panel, pd.Series({"BTC": 2.0})).round(4).to_dict()
    {'ann': nan, 'bob': 2.3333, 'cat': 2.8, 'dee': 1.5556}
    """
    if is_inverse(panel) is not None:
        raise MetricError("exposures are those of linear contracts; measure inverse contracts apart")
    beta = by_symbol(panel, betas, "betas")
    accounts, _ = labelled_groups(panel.index, account_levels(panel))
    exposure = accounts.total(panel["qty"].to_numpy() * panel["mark_price"].to_numpy() * beta)
    owned = account_summary(panel)["equity"]
    return pd.Series(np.abs(exposure) / owned.where(owned > 0), name="factor_leverage")


def distance_to_default(panel: pd.DataFrame, *, sigma: float | pd.Series, horizon: float = 1.0) -> pd.Series:
    """Standard deviations between the mark and the bankruptcy price of each position.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    sigma : float or Series by symbol
        Standard deviation of the log return over one unit of time [1], > 0.
    horizon : float, default 1
        Units of time, > 0.

    Returns
    -------
    Series, index of `panel`
        side x log(mark / bankruptcy price) / (sigma sqrt(horizon)) [1]: other symbols keep their marks; below zero
        when bankrupt already; inf (-inf) where no price (every price) bankrupts the account; NaN for flat rows.

    Raises
    ------
    MetricError
        If a sigma is missing or not above zero, or the horizon is not.

    References
    ----------
    .. [1] R. C. Merton, On the pricing of corporate debt, Journal of Finance 29 (1974): distance to default, here
       without drift.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> adl.metrics.distance_to_default(panel, sigma=0.1).round(4).tolist()
    [2.2314, 2.6236, 1.8232, inf]
    """
    return _distance(panel, bankruptcy_price(panel), sigma, horizon).rename("distance_to_default")


def distance_to_liquidation(
    panel: pd.DataFrame, *, sigma: float | pd.Series, horizon: float = 1.0, tiers: pd.DataFrame | None = None
) -> pd.Series:
    """Standard deviations between the mark and the liquidation price of each position.

    Parameters
    ----------
    panel, sigma, horizon
        As in `distance_to_default`.
    tiers : DataFrame, optional
        As in `adlkit.liquidation_price`.

    Returns
    -------
    Series, index of `panel`
        As in `distance_to_default`, to `adlkit.liquidation_price`.

    Raises
    ------
    MetricError
        As in `distance_to_default`.

    References
    ----------
    .. [1] As in `distance_to_default`.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> adl.metrics.distance_to_liquidation(panel, sigma=0.1).round(4).tolist()
    [1.7185, 2.1357, 1.3353, inf]
    """
    return _distance(panel, liquidation_price(panel, tiers=tiers), sigma, horizon).rename("distance_to_liquidation")


def _distance(panel: pd.DataFrame, price: pd.Series, sigma: float | pd.Series, horizon: float) -> pd.Series:
    deviation: float | Floats = np.asarray(sigma, dtype=float)
    if isinstance(sigma, pd.Series):
        deviation = by_symbol(panel, sigma, "sigma")
    if not (np.isfinite(deviation) & (deviation > 0)).all() or not horizon > 0:
        raise MetricError("sigma and horizon must be finite and above zero")
    side = np.sign(panel["qty"]).replace(0.0, np.nan)
    with np.errstate(divide="ignore"):
        logs = np.log(panel["mark_price"].to_numpy()) - np.log(price.to_numpy())
    return pd.Series(side * logs / (deviation * np.sqrt(horizon)))


def _moves(panel: pd.DataFrame, moves: pd.DataFrame) -> Floats:
    """Moves as scenarios x symbol codes of the panel."""
    if missing := sorted(set(panel.index.unique("symbol")) - set(moves.columns)):
        raise MetricError(f"moves misses the symbols {missing}")
    used = panel.index.unique("symbol")
    given = moves[used].to_numpy(dtype=float)
    if len(given) == 0 or not (np.isfinite(given) & (given > -1)).all():
        raise MetricError("moves must be finite and above -1, in one scenario or more")
    return moves.reindex(columns=level_labels(panel.index, "symbol")).to_numpy(dtype=float)


def _total_shortfall(panel: pd.DataFrame, moves: Floats) -> Floats:
    """Shortfall of all accounts in each scenario; a loop over scenarios, so that memory stays that of the panel."""
    accounts, _ = labelled_groups(panel.index, account_levels(panel))
    owned, inverse = account_summary(panel)["equity"].to_numpy(), is_inverse(panel)
    symbol, mark, qty = level_codes(panel.index, "symbol"), panel["mark_price"].to_numpy(), panel["qty"].to_numpy()
    now = value_of(mark, inverse)
    result = np.empty(len(moves))
    for scenario, move in enumerate(moves):
        gain = accounts.total(qty * (value_of(mark * (1.0 + move[symbol]), inverse) - now))
        result[scenario] = np.maximum(-(owned + gain), 0.0).sum()
    return result


def _tail_mean(losses: Floats, count: float) -> float:
    """Mean of the `count` largest of `losses`, sorted from the largest on; the last one in part."""
    whole = min(int(count), len(losses) - 1)
    return float((losses[:whole].sum() + (count - whole) * losses[whole]) / count)
