"""Policies side by side: what each takes for one need, who pays, which hedges break, what risk remains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit import metrics
from adlkit._display import SummaryRepr
from adlkit.budgets import Budget
from adlkit.checks import rows_of
from adlkit.comparison.payers import by_account, deciles, hedges, payers, unit
from adlkit.contracts import Flags, Floats, is_inverse, value_of
from adlkit.errors import AllocationError
from adlkit.groups import Codes, Groups, account_levels
from adlkit.margin import equity
from adlkit.policies.policy import CONTRACTS, Policy, need_groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class RuleComparison(SummaryRepr):
    """What several policies take from one panel for one need.

    Parameters
    ----------
    panel : DataFrame
        The positions before.
    taken : DataFrame, index of `panel`
        What each policy takes, one column a policy, in the numeraire.
    asked : array of bool
        Positions that any policy may take from.
    need : Series, index group
        What was asked of each group, e.g. symbol and side; one row where it was one number.
    group : array of int
        Place in `need` of each position's group; -1 where nothing was asked of it.
    numeraire : str
        Unit of what is needed and taken, see `adlkit.Budget`.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> need = pd.Series({("BTC", "short"): 2.0}).rename_axis(["symbol", "side"])
    >>> policies = {"queue": adl.policies.profit_queue, "water": adl.policies.water_filling}
    >>> adl.compare_rules(adl.load_dataset("four_accounts"), need, policies).payers()["accounts"].to_dict()
    {'queue': 2, 'water': 2}
    """

    panel: pd.DataFrame
    taken: pd.DataFrame
    asked: Flags
    need: pd.Series
    group: Codes
    numeraire: str

    @property
    def money(self) -> pd.DataFrame:
        """What is taken, in money: contracts at the mark [ccy], money as it is."""
        return self.taken.mul(unit(self.panel), axis=0) if self.numeraire == CONTRACTS else self.taken

    @property
    def residual(self) -> pd.DataFrame:
        """What each policy could not take of each group's need, groups x policies [numeraire]."""
        rows = self.group >= 0
        groups = Groups(self.group[rows], len(self.need))
        given = pd.DataFrame(
            {name: groups.total(column.to_numpy()[rows]) for name, column in self.taken.items()}, index=self.need.index
        )
        gap = -given.sub(self.need, axis=0)
        return gap.where(gap.gt(1e-12 * self.need, axis=0), 0.0)

    def with_allocation(self, name: str, taken: pd.Series) -> RuleComparison:
        """The comparison with one more allocation, worked out elsewhere, e.g. by `adlkit.factor_water_fill`.

        Parameters
        ----------
        name : str
            What to call it.
        taken : Series
            What it takes of each position, >= 0, in the numeraire; positions that it does not name give nothing.

        Returns
        -------
        RuleComparison

        Raises
        ------
        AllocationError
            If the name is in use, a position is not in the panel or was not asked for anything, an amount is NaN,
            infinite or negative, or more contracts are closed than are open.
        """
        if name in self.taken:
            raise AllocationError(f"{name!r} is in the comparison already")
        if not taken.index.isin(self.panel.index).all() or taken.index.has_duplicates:
            raise AllocationError("taken has positions twice, or that are not in the panel")
        amounts = taken.reindex(self.panel.index, fill_value=0.0)
        if not (np.isfinite(amounts) & (amounts >= 0)).all():
            raise AllocationError("taken has amounts that are NaN, infinite or below zero")
        if ((amounts > 0).to_numpy() & (self.group < 0)).any():
            raise AllocationError("taken has positions of groups that were asked for nothing")
        if self.numeraire == CONTRACTS:
            _check_open(self.panel, amounts.to_numpy())
        return replace(self, taken=self.taken.assign(**{name: amounts}), asked=self.asked | (amounts.to_numpy() > 0))

    def payers(self) -> pd.DataFrame:
        """Who pays under each policy.

        Returns
        -------
        DataFrame, index policy
            As `ScoreComparison.payers`, over all accounts that any policy here may ask;
            ``largest_part_of_equity``: most that one account gives [ccy; contracts at the mark: notional, not a loss]
            over its equity [1], infinite where it has none;
            ``least_met``: smallest share of a group's need that is met [1].
        """
        parts = {name: self._largest_part(column) for name, column in self.money.items()}
        asked = self.need[self.need > 0]
        met = 1.0 - self.residual.loc[asked.index].div(asked, axis=0)
        table = payers(self.panel, self.money, self.asked)
        return table.assign(largest_part_of_equity=pd.Series(parts), least_met=met.min().fillna(1.0))

    def by_decile(self, key: str) -> pd.DataFrame:
        """Share that each decile of the positions bears which any policy here may ask.

        Parameters
        ----------
        key : str
            "size", "leverage" or "profit".

        Returns
        -------
        DataFrame, index ``group`` 1 (smallest) .. 10, one column a policy

        Raises
        ------
        MetricError
            If the key is unknown, or the panel settles in several currencies.
        """
        return deciles(self.panel, self.money, self.asked, key)

    def lorenz(self) -> dict[str, pd.DataFrame]:
        """Lorenz curve of what accounts give under each policy, over all accounts that are asked."""
        return {
            str(name): metrics.lorenz(each) for name, each in by_account(self.panel, self.money[self.asked]).items()
        }

    def hedges(self) -> pd.DataFrame:
        """Hedged owners who are left with one leg, see `adlkit.metrics.hedge_break`.

        Returns
        -------
        DataFrame, index policy
            ``hedged`` owners before, of them ``broken``, the ``broken_money`` of their closed contracts, and the
            ``net_change`` of their absolute net exposure [ccy].

        Raises
        ------
        AllocationError
            If the policies take money, which closes nothing.
        """
        if self.numeraire != CONTRACTS:
            raise AllocationError("policies that take money break no hedges: they close no contracts")
        return hedges(self.panel, self.taken)

    def risk(self, moves: pd.DataFrame, *, level: float = 0.99) -> pd.DataFrame:
        """What risk remains once it has been taken, see `adlkit.metrics.post_adl_risk`.

        Parameters
        ----------
        moves : DataFrame, scenarios x symbols
            Relative moves of the marks [1].
        level : float, default 0.99
            Of the tail mean.

        Returns
        -------
        DataFrame, index policy
            Contracts are closed at the mark, money is taken from cash.
        """
        rows = {
            name: metrics.post_adl_risk(settled(self.panel, column, self.numeraire), moves, level=level)
            for name, column in self.taken.items()
        }
        return pd.DataFrame(rows).T

    def summary(self) -> pd.Series:
        """Size of the comparison, and between which limits the Gini coefficients lie."""
        concentration = self.payers()["gini"]
        return pd.Series(
            {
                "policies": float(self.taken.shape[1]),
                "positions": float(len(self.taken)),
                "least Gini": float(concentration.min()),
                "largest Gini": float(concentration.max()),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what the largest payers bear under each policy; see `adlkit.plotting.plot_lorenz`."""
        from adlkit.plotting import plot_lorenz

        return plot_lorenz(self, ax=ax)

    def _largest_part(self, money: pd.Series) -> float:
        keys = account_levels(self.panel)
        given = money.groupby(level=keys).sum()
        owned = equity(self.panel).groupby(level=keys).first().clip(lower=0.0)
        return metrics.max_burden(given, owned)


def compare_rules(
    panel: pd.DataFrame, need: float | pd.Series | Budget, policies: Mapping[str, Policy]
) -> RuleComparison:
    """Share one need by several policies.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    need : float, Series or Budget
        As in `Policy.allocate`, in the numeraire of the policies.
    policies : mapping, name -> Policy
        All of one numeraire: contracts closed and money taken are compared apart.

    Returns
    -------
    RuleComparison
        What each takes, who pays, which hedges break, what risk remains.

    Raises
    ------
    AllocationError
        If there are no policies or they differ in numeraire, and as in `Policy.allocate`.

    Examples
    --------
    >>> import adlkit as adl
    >>> policies = {"pro rata": adl.policies.profit_pro_rata, "capped": adl.policies.capped_pro_rata(most=0.1)}
    >>> adl.compare_rules(adl.load_dataset("four_accounts"), 10.0, policies).residual.iloc[0].round(9).to_dict()
    {'pro rata': 0.0, 'capped': 1.0}
    """
    if not isinstance(policies, Mapping):
        raise AllocationError(f"give a mapping of names to policies, got {policies!r}")
    if wrong := [name for name, policy in policies.items() if not isinstance(policy, Policy)]:
        raise AllocationError(f"{wrong} are no policies: give adl.Policy(score, rule), or one of adl.policies")
    if len(units := {policy.numeraire for policy in policies.values()}) != 1:
        raise AllocationError(f"compare one or more policies of one numeraire, got {sorted(units)}")
    taken, asked = {}, np.zeros(len(panel), dtype=bool)
    for name, policy in policies.items():
        result = policy.allocate(panel, need)
        taken[name] = result.taken.reindex(panel.index, fill_value=0.0).to_numpy()
        asked |= panel.index.isin(result.taken.index)
    targets, group = need_groups(panel, need.amount if isinstance(need, Budget) else need)
    table = pd.DataFrame(taken, index=panel.index, copy=False)
    return RuleComparison(panel, table, asked, targets, group, units.pop())


def settled(panel: pd.DataFrame, taken: pd.Series, numeraire: str) -> pd.DataFrame:
    """The panel once it has been taken: contracts closed at the mark, their profit paid out; money from cash."""
    amount = taken.to_numpy()
    if numeraire != CONTRACTS:
        return panel.assign(collateral=panel["collateral"] - amount)
    _check_open(panel, amount)
    inverse, side = is_inverse(panel), np.sign(panel["qty"].to_numpy())
    gain = value_of(panel["mark_price"].to_numpy(), inverse) - value_of(panel["entry_price"].to_numpy(), inverse)
    qty = side * np.maximum(panel["qty"].abs().to_numpy() - amount, 0.0)
    return panel.assign(qty=qty, collateral=panel["collateral"] + side * amount * gain)


def _check_open(panel: pd.DataFrame, closed: Floats) -> None:
    too_much = closed > panel["qty"].abs().to_numpy() * (1 + 1e-12)
    if too_much.any():
        raise AllocationError(f"more contracts are closed than are open: {rows_of(panel, too_much)}")
