"""Measures of a panel: notional, profit, equity, leverage, margin, and the prices that matter.

Every measure takes a checked panel and returns a Series on its index (`shortfall`: one row per account). With V the
value of one contract (`adlkit.contracts`), equity is linear in V, and each price solves one linear equation in it.
Complexity is O(n) in rows; accounts are summed over index codes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Floats, is_inverse, notional_of, price_of, reachable_price, value_of
from adlkit.errors import PanelError
from adlkit.groups import account_groups, account_levels, labelled_groups
from adlkit.panel import panel_tiers, with_tiers
from adlkit.tiers import tier_problems


def notional(panel: pd.DataFrame) -> pd.Series:
    """Size of each position at its mark, never negative.

    Parameters
    ----------
    panel : DataFrame
        Checked positions. Reads ``qty``, ``mark_price`` and ``contract``.

    Returns
    -------
    Series, index of `panel`
        abs(qty x V(mark)) [ccy]: quote currency for linear, coins for inverse contracts.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.notional(adl.load_dataset("four_accounts")).tolist()
    [140.0, 140.0, 70.0, 70.0]
    """
    return _series(panel, "notional", notional_of(panel))


def unrealized_pnl(panel: pd.DataFrame) -> pd.Series:
    """Profit of each position at its mark.

    Parameters
    ----------
    panel : DataFrame
        Checked positions. Reads ``qty``, ``entry_price``, ``mark_price`` and ``contract``.

    Returns
    -------
    Series, index of `panel`
        qty x (V(mark) - V(entry)) [ccy].

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.unrealized_pnl(adl.load_dataset("four_accounts")).tolist()
    [-60.0, 60.0, 30.0, -30.0]
    """
    return _series(panel, "unrealized_pnl", _pnl(panel))


def equity(panel: pd.DataFrame) -> pd.Series:
    """Money an account would have left if all its positions closed at their marks.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        Sum over the account (at a time) of collateral + unrealised profit [ccy], the same on each of its rows;
        negative when the account is bankrupt. Measure whole accounts and select rows afterwards: rows that are left
        out take their cash and profit with them.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.equity(adl.load_dataset("four_accounts")).tolist()
    [-20.0, 120.0, 50.0, 90.0]
    """
    return _series(panel, "equity", _equity(panel))


def effective_leverage(panel: pd.DataFrame) -> pd.Series:
    """Notional of the account over its equity.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        [1], the same on each row of an account; NaN where equity <= 0: a bankrupt account has no leverage.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.effective_leverage(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 1.1667, 1.4, 0.7778]
    """
    return _series(panel, "effective_leverage", _over_equity(panel, notional_of(panel)))


def maintenance_margin(panel: pd.DataFrame) -> pd.Series:
    """Equity that the venue requires for each position.

    Parameters
    ----------
    panel : DataFrame
        Checked positions. Reads ``maintenance_rate`` and ``maintenance_deduction``.

    Returns
    -------
    Series, index of `panel`
        notional x rate - deduction [ccy]; an account is liquidated when its equity is below the sum of its rows.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.maintenance_margin(adl.load_dataset("four_accounts")).round(6).tolist()
    [7.0, 7.0, 3.5, 3.5]
    """
    return _series(panel, "maintenance_margin", _maintenance(panel))


def margin_ratio(panel: pd.DataFrame) -> pd.Series:
    """Maintenance margin of the account over its equity: above 1 it is liquidated.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        [1], the same on each row of an account; NaN where equity <= 0. Venues that publish the inverse call it by
        the same name; here larger is always riskier.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.margin_ratio(adl.load_dataset("four_accounts")).round(4).tolist()
    [nan, 0.0583, 0.07, 0.0389]
    """
    return _series(panel, "margin_ratio", _over_equity(panel, _maintenance(panel)))


def bankruptcy_price(panel: pd.DataFrame) -> pd.Series:
    r"""Mark price at which the account of each position has no equity left, its other symbols held.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        [quote/base]. A price that cannot be reached is the end where it would lie: never bankrupt: 0 for a long,
        inf for a short; bankrupt at every price: inf for a long, 0 for a short. NaN where ``qty`` is 0. An account
        of several positions may not be closed at all of these prices, see `close_out_price`.

    Notes
    -----
    .. math:: V(p_b) = V(p_{mark}) - E / q

    For an isolated position without fees this is Bybit's ``E (1 - side / L)`` (linear) and ``E L / (L + side)``
    (inverse) [1]_ [2]_.

    References
    ----------
    .. [1] Bybit help centre, "Bankruptcy Price (USDT Contract)".
    .. [2] Bybit help centre, "What is Auto-Deleveraging (ADL)", section on inverse contracts.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.bankruptcy_price(adl.load_dataset("four_accounts")).tolist()
    [80.0, 130.0, 120.0, 0.0]
    """
    inverse = is_inverse(panel)
    value = value_of(panel["mark_price"].to_numpy(), inverse) - _per_contract(panel, _equity(panel))
    return _series(panel, "bankruptcy_price", reachable_price(value, inverse))


def liquidation_price(panel: pd.DataFrame, *, tiers: pd.DataFrame | None = None) -> pd.Series:
    r"""Mark price at which the account of each position has just its maintenance margin, its other symbols held.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    tiers : DataFrame, optional
        Margin tiers (`adlkit.tiers`): the margin is then that of the tier which the price itself falls into.
        Without them each row's own rate and deduction hold at every price.

    Returns
    -------
    Series, index of `panel`
        [quote/base]; ends and NaN as in `bankruptcy_price`. Lies beyond the mark where the account already is below
        its maintenance margin: it is then the price at which it would be safe again.

    Raises
    ------
    PanelError
        If the tiers are faulty or do not cover a symbol.

    Notes
    -----
    .. math:: E + q (V - V_{mark}) = MM_{other} + |q V| r - d

    is linear in V for one tier. Maintenance margin is the largest of the tier lines, so the root is the strictest of
    theirs: the highest V for a long, the lowest for a short; it lies in the tier whose line is largest there. This is
    the formula of Binance USD-M [1]_ and dYdX v4 [2]_.

    References
    ----------
    .. [1] Binance FAQ b3c689c1f50a44cabb3a84e663b81d93, "How to calculate liquidation price of USD-M futures".
    .. [2] dydxprotocol/v4-documentation, docs/pages/concepts/trading/liquidations.mdx.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.liquidation_price(adl.load_dataset("four_accounts")).round(4).tolist()
    [84.2105, 123.8095, 114.2857, 0.0]
    """
    qty, inverse = panel["qty"].to_numpy(), is_inverse(panel)
    lines = _margin_lines(panel, tiers)
    margin = _maintenance(panel if tiers is None else with_tiers(panel, tiers))
    others = account_groups(panel).spread(margin) - margin
    start = qty * value_of(panel["mark_price"].to_numpy(), inverse) - _equity(panel) + others
    growth = np.abs(qty) if inverse is None else np.where(inverse, -1.0, 1.0) * np.abs(qty)
    value = np.full(len(panel), np.nan)
    for rate, deduction in lines:
        with np.errstate(divide="ignore", invalid="ignore"):
            root = (start - deduction) / (qty - growth * rate)
        value = np.where(qty > 0, np.fmax(value, root), np.fmin(value, root))
    return _series(panel, "liquidation_price", reachable_price(np.where(qty == 0, np.nan, value), inverse))


def margin_neutral_price(panel: pd.DataFrame) -> pd.Series:
    r"""Price at which a position closes without changing the ratio of the account's equity to its margin.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        [quote/base], an accounting price: never clamped, may be zero or negative. NaN where ``qty`` is 0 or no
        position of the account has a ``maintenance_rate``.

    Notes
    -----
    .. math:: V(p) = V(p_{mark}) - side \, r \, |V(p_{mark})| \, E / \sum MM

    For linear contracts mark x (1 - side x rate x equity / sum of MM): the bankruptcy price of dYdX v4 [1]_, the zero
    price of Lighter [2]_ and Extended. Equal to `close_out_price` where no tier has a deduction.

    References
    ----------
    .. [1] dydxprotocol/v4-chain, protocol/x/clob/keeper/liquidations.go, GetBankruptcyPriceInQuoteQuantums.
    .. [2] Lighter documentation, "Liquidations and LLP insurance fund".

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.margin_neutral_price(adl.load_dataset("four_accounts")).round(4).tolist()
    [80.0, 130.0, 120.0, -20.0]
    """
    inverse = is_inverse(panel)
    mark = value_of(panel["mark_price"].to_numpy(), inverse)
    side = np.sign(panel["qty"].to_numpy())
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = _equity(panel) / account_groups(panel).spread(_maintenance(panel))
    ratio[~np.isfinite(ratio) | (side == 0)] = np.nan
    value = mark - side * panel["maintenance_rate"].to_numpy() * np.abs(mark) * ratio
    return _series(panel, "margin_neutral_price", price_of(value, inverse))


def close_out_price(panel: pd.DataFrame) -> pd.Series:
    r"""Price at which each position may close so that closing the whole account leaves exactly nothing.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        [quote/base], an accounting price: never clamped, may be zero or negative (an inverse price of 0 or below
        stands for a value of one contract that no positive price has). NaN where ``qty`` is 0.

    Notes
    -----
    The equity E of the account is shared out over its positions in proportion to their maintenance margins MM_i
    (deductions included), or to their notionals where no position has a margin:

    .. math:: V(c_i) = V(p_{mark,i}) - (MM_i / \sum MM) \, E / q_i

    For an account of one position this is `bankruptcy_price`, not clamped. Without deductions it is
    `margin_neutral_price`.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.close_out_price(adl.load_dataset("four_accounts")).tolist()
    [80.0, 130.0, 120.0, -20.0]
    """
    return _series(panel, "close_out_price", price_of(close_out_value(panel), is_inverse(panel)))


def close_out_value(panel: pd.DataFrame) -> Floats:
    """Value of one contract at `close_out_price` [ccy], shape (n_positions,); NaN where ``qty`` is 0."""
    accounts, margin, size = account_groups(panel), _maintenance(panel), notional_of(panel)
    return close_out_of(
        mark=value_of(panel["mark_price"].to_numpy(), is_inverse(panel)),
        qty=panel["qty"].to_numpy(),
        equity=_equity(panel),
        margin=(margin, accounts.spread(margin)),
        size=(size, accounts.spread(size)),
    )


def close_out_of(
    *, mark: Floats, qty: Floats, equity: Floats, margin: tuple[Floats, Floats], size: tuple[Floats, Floats]
) -> Floats:
    """`close_out_value` of positions, from its parts: margin and size are those of the position and of its account."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(margin[1] > 0, margin[0] / margin[1], size[0] / size[1])
        return np.asarray(np.where(qty == 0, np.nan, mark - share * equity / qty))


def shortfall(panel: pd.DataFrame) -> pd.Series:
    """Money that each account owes beyond what it has.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index (account,) or (time, account)
        max(0, -equity) [ccy], one row per account, so that a sum counts each account once.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.shortfall(adl.load_dataset("four_accounts")).to_dict()
    {'ann': 20.0, 'bob': 0.0, 'cat': 0.0, 'dee': 0.0}
    """
    accounts, labels = labelled_groups(panel.index, account_levels(panel))
    owned = accounts.total(panel["collateral"].to_numpy() + _pnl(panel))
    return pd.Series(np.maximum(-owned, 0.0), index=labels, name="shortfall")


def account_summary(panel: pd.DataFrame) -> pd.DataFrame:
    """One row per account: what it holds, owns and owes.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    DataFrame, index (account,) or (time, account)
        ``n_positions`` (rows with a position), ``notional``, ``collateral``, ``unrealized_pnl``, ``equity``,
        ``maintenance_margin``, ``shortfall`` [ccy]; ``effective_leverage`` and ``margin_ratio`` [1], NaN where
        equity <= 0.

    Examples
    --------
    >>> import adlkit as adl
    >>> summary = adl.account_summary(adl.load_dataset("four_accounts"))
    >>> summary.loc["ann", ["equity", "shortfall"]].to_dict()
    {'equity': -20.0, 'shortfall': 20.0}
    """
    accounts, labels = labelled_groups(panel.index, account_levels(panel))
    qty, cash = panel["qty"].to_numpy(), accounts.total(panel["collateral"].to_numpy())
    pnl, size = accounts.total(_pnl(panel)), accounts.total(notional_of(panel))
    owned, margin = cash + pnl, accounts.total(_maintenance(panel))
    solvent = np.where(owned > 0, owned, np.nan)
    columns = {
        "n_positions": np.bincount(accounts.codes[qty != 0], minlength=accounts.size),
        "notional": size,
        "collateral": cash,
        "unrealized_pnl": pnl,
        "equity": owned,
        "maintenance_margin": margin,
        "shortfall": np.maximum(-owned, 0.0),
        "effective_leverage": size / solvent,
        "margin_ratio": margin / solvent,
    }
    return pd.DataFrame(columns, index=labels)


def _series(panel: pd.DataFrame, name: str, values: Floats) -> pd.Series:
    return pd.Series(values, index=panel.index, name=name, copy=False)


def _pnl(panel: pd.DataFrame) -> Floats:
    inverse = is_inverse(panel)
    gain = value_of(panel["mark_price"].to_numpy(), inverse) - value_of(panel["entry_price"].to_numpy(), inverse)
    return panel["qty"].to_numpy() * gain


def _equity(panel: pd.DataFrame) -> Floats:
    return account_groups(panel).spread(panel["collateral"].to_numpy() + _pnl(panel))


def _maintenance(panel: pd.DataFrame) -> Floats:
    margin: Floats = notional_of(panel) * panel["maintenance_rate"].to_numpy()
    margin -= panel["maintenance_deduction"].to_numpy()
    return margin


def _over_equity(panel: pd.DataFrame, values: Floats) -> Floats:
    """Sum of `values` over the account, per unit of its equity; NaN where equity <= 0."""
    groups = account_groups(panel)
    owned = groups.total(panel["collateral"].to_numpy() + _pnl(panel))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(owned > 0, groups.total(values) / owned, np.nan)
    return ratio[groups.codes]


def _per_contract(panel: pd.DataFrame, money: Floats) -> Floats:
    """Money per signed contract; NaN where there is no contract."""
    qty = panel["qty"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(qty == 0, np.nan, money / qty))


def _margin_lines(panel: pd.DataFrame, tiers: pd.DataFrame | None) -> list[tuple[Floats, Floats]]:
    """(rate, deduction) of each row, once per tier; NaN where a symbol has fewer tiers."""
    if tiers is None:
        return [(panel["maintenance_rate"].to_numpy(), panel["maintenance_deduction"].to_numpy())]
    if problems := tier_problems(tiers, panel.index.unique("symbol")):
        raise PanelError(problems)
    symbol, lines = panel_tiers(panel, tiers)
    rate = np.where(np.isfinite(lines.floor), lines.rate, np.nan)
    return [(rate[symbol, step], lines.deduction[symbol, step]) for step in range(rate.shape[1])]
