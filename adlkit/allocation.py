"""Who pays how much: a rule applied to labelled candidates, whole lots, and what it costs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.budgets import Budget
from adlkit.contracts import Floats, is_inverse, value_of
from adlkit.errors import AllocationError
from adlkit.groups import Codes, Groups, level_keys
from adlkit.rules import Rule, largest_remainder, queue, whole_lots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class AllocationResult(SummaryRepr):
    """What a rule takes from each candidate.

    Parameters
    ----------
    target : Series
        Asked of each group; one row without groups.
    capacity, taken : Series
        The most each candidate can give, and what it gives; same index.
    numeraire : str
        Unit of all three, see `adlkit.Budget`; empty where it was not stated.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.allocate(5.0, pd.Series([4.0, 8.0])).residual
    0.0
    """

    target: pd.Series
    capacity: pd.Series
    taken: pd.Series
    _groups: Groups = field(repr=False)
    numeraire: str = ""

    @property
    def by_group(self) -> pd.DataFrame:
        """``target``, ``capacity``, ``taken``, ``residual`` and ``overshoot`` of each group."""
        taken = self._groups.total(self.taken.to_numpy())
        table = pd.DataFrame(
            {"target": self.target, "capacity": self._groups.total(self.capacity.to_numpy()), "taken": taken},
            index=self.target.index,
        )
        gap = table["target"] - taken
        gap = gap.where(gap.abs() > 1e-12 * table["target"], 0.0)
        return table.assign(residual=gap.clip(lower=0.0), overshoot=(-gap).clip(lower=0.0))

    @property
    def residual(self) -> float:
        """What no candidate could give, summed over groups: of one unit only, see `by_group`."""
        return float(self.by_group["residual"].sum())

    @property
    def overshoot(self) -> float:
        """What was taken above the target, summed over groups; zero for every rule of adlkit."""
        return float(self.by_group["overshoot"].sum())

    @property
    def status(self) -> str:
        """Whether the target is met: "met", or "short" where a residual is left."""
        return "short" if self.residual > 0 else "met"

    @property
    def paid(self) -> Budget:
        """What was taken, by group if there are several, in its numeraire; an AllocationError where none was stated."""
        if not self.numeraire:
            raise AllocationError("the target named no unit: ask for an adl.Budget to know what was paid")
        taken = self.by_group["taken"]
        return Budget(taken if len(taken) > 1 else float(taken.sum()), self.numeraire, "taken")

    def summary(self) -> pd.Series:
        """Totals: target, taken, residual, overshoot, candidates and how many of them give."""
        return pd.Series(
            {
                "target": float(self.target.sum()),
                "taken": float(self.taken.sum()),
                "residual": self.residual,
                "overshoot": self.overshoot,
                "candidates": float(len(self.capacity)),
                "giving": float((self.taken > 0).sum()),
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw capacity and taken along the queue; see `adlkit.plotting.plot_allocation`."""
        from adlkit.plotting import plot_allocation

        return plot_allocation(self, ax=ax)


def allocate(
    target: float | pd.Series | Budget, capacity: pd.Series, *, rule: Rule = queue, weight: pd.Series | None = None
) -> AllocationResult:
    """Share a target among candidates by a rule.

    Parameters
    ----------
    target : float, Series or Budget
        What is needed, in the unit of `capacity`. A Series asks one target of each group: its index level(s) must be
        levels of `capacity`'s index. A Budget names the unit, which the result carries on.
    capacity : Series
        The most each candidate can give, in queue order (within its group).
    rule : callable, default `adlkit.rules.queue`
        See `adlkit.rules`.
    weight : Series, optional
        On the index of `capacity`; what the rule shares or levels by.

    Returns
    -------
    AllocationResult
        ``taken`` on the index of `capacity`; sum of taken + residual - overshoot = target.

    Raises
    ------
    AllocationError
        If a number is NaN, infinite or negative, if indices do not match, or if a rule breaks 0 <= taken <= capacity.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> adl.allocate(5.0, pd.Series({"ann": 4.0, "bob": 8.0})).taken.to_dict()
    {'ann': 4.0, 'bob': 1.0}
    """
    check_amounts("capacity", capacity)
    amount, numeraire = (target.amount, target.numeraire) if isinstance(target, Budget) else (target, "")
    targets, groups = _grouped(amount, capacity.index)
    check_amounts("target", targets)
    _check_index("weight", weight, "capacity", capacity.index)
    order = np.argsort(groups.codes, kind="stable")
    weights = None if weight is None else weight.to_numpy(dtype=float)[order]
    if weights is not None and not np.isfinite(weights).all():
        raise AllocationError(f"weight: {int((~np.isfinite(weights)).sum())} values are NaN or infinite")
    taken = np.empty(len(capacity))
    room = capacity.to_numpy(dtype=float)[order]
    taken[order] = apply_rule(rule, targets.to_numpy(dtype=float), room, weights, groups.codes[order])
    return AllocationResult(targets, capacity, pd.Series(taken, index=capacity.index, name="taken"), groups, numeraire)


def apply_rule(rule: Rule, target: npt.ArrayLike, capacity: Floats, weight: Floats | None, group: Codes) -> Floats:
    """What a rule takes, or an AllocationError if it breaks its word: 0 <= taken <= capacity, one per candidate."""
    name = repr(getattr(rule, "__name__", rule))
    taken = np.asarray(rule(target, capacity, weight, group), dtype=float)
    if taken.shape != capacity.shape:
        raise AllocationError(f"rule {name} did not return one number per candidate")
    if not ((taken >= 0) & (taken <= capacity)).all():
        raise AllocationError(f"rule {name} took less than 0 or more than capacity")
    return taken


def to_lots(
    taken: pd.Series, *, lot: float | pd.Series, target: float | pd.Series, capacity: pd.Series | None = None
) -> pd.Series:
    """Round what each gives to whole lots by largest remainder, with the target met exactly.

    Parameters
    ----------
    taken : Series
        What each gives, e.g. ``AllocationResult.taken``.
    lot : float or Series
        Size of one lot, > 0; a Series gives it per row.
    target : float or Series by group
        Whole number of lots to hand out (per group, as in `allocate`).
    capacity : Series, optional
        On the index of `taken`: nobody is rounded up beyond the whole lots of it.

    Returns
    -------
    Series, index of `taken`
        Whole lots that sum to the target. Equal remainders go to the earlier row. A larger target can lower one
        share (the Alabama effect of largest remainders).

    Raises
    ------
    AllocationError
        If the target is not whole, not what was `taken` to within a lot per row, or cannot be met within capacity.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> taken = adl.allocate(10.0, pd.Series([6.0, 6.0, 2.0]), rule=adl.rules.pro_rata).taken
    >>> adl.to_lots(taken, lot=1.0, target=10.0).tolist()
    [4.0, 4.0, 2.0]
    """
    check_amounts("taken", taken)
    _check_index("lot", lot, "taken", taken.index)
    _check_index("capacity", capacity, "taken", taken.index)
    targets, groups = _grouped(target, taken.index)
    check_amounts("target", targets)
    size = np.broadcast_to(np.asarray(lot, dtype=float), len(taken))
    if not (np.isfinite(size) & (size > 0)).all():
        raise AllocationError("lot must be finite and above zero")
    if (groups.first(size)[groups.codes] != size).any():
        raise AllocationError("lot must be the same for all rows of a group")
    lots = taken.to_numpy(dtype=float) / size
    asked = targets.to_numpy(dtype=float) / np.where(groups.first(size) > 0, groups.first(size), 1.0)
    if (np.abs(asked - np.rint(asked)) > 1e-9 * np.maximum(asked, 1.0)).any():
        raise AllocationError("target is not a whole number of lots; round it down to what may be closed")
    room = np.full(len(lots), np.inf) if capacity is None else whole_lots(capacity.to_numpy(dtype=float) / size)
    whole = largest_remainder(lots, np.rint(asked), room, groups)
    if (groups.total(whole) != np.rint(asked)).any() or not (whole <= room).all():
        raise AllocationError(
            "whole lots cannot meet the target: it must equal what was taken, within a lot per row and capacity"
        )
    return pd.Series(whole * size, index=taken.index, name="taken")


def haircut(panel: pd.DataFrame, closed: pd.Series, *, price: float | pd.Series) -> pd.Series:
    """Money given up against the mark by closing positions at another price.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    closed : Series
        Contracts closed [contracts, >= 0]; its index is that of `panel`, or rows of it.
    price : float or Series
        Fill price [quote/base], on the index of `closed` if a Series.

    Returns
    -------
    Series, index of `closed`
        side x closed x (V(mark) - V(price)) [ccy]; below zero it is a gain.

    Raises
    ------
    AllocationError
        If more is closed than is open, or a row is not in the panel.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> panel = adl.load_dataset("four_accounts")
    >>> adl.haircut(panel, pd.Series({("cat", "BTC"): 1.0}), price=80.0).tolist()
    [10.0]
    """
    if not closed.index.isin(panel.index).all():
        raise AllocationError("closed has rows that are not in the panel")
    if closed.index.has_duplicates:
        raise AllocationError("closed has a position twice; add its rows up")
    check_amounts("closed", closed)
    _check_index("price", price, "closed", closed.index)
    rows = panel.loc[closed.index]
    if (closed.to_numpy() > np.abs(rows["qty"].to_numpy()) * (1 + 1e-12)).any():
        raise AllocationError("closed is larger than the open position")
    inverse = is_inverse(rows)
    fill = np.broadcast_to(np.asarray(price, dtype=float), len(rows))
    gap = value_of(rows["mark_price"].to_numpy(), inverse) - value_of(fill, inverse)
    values = np.sign(rows["qty"].to_numpy()) * closed.to_numpy() * gap
    return pd.Series(values, index=closed.index, name="haircut")


def _grouped(target: float | pd.Series, index: pd.Index) -> tuple[pd.Series, Groups]:
    """Targets as a Series, and the group of each candidate among them."""
    if not isinstance(target, pd.Series):
        return pd.Series([target], name="target", dtype=float), Groups(np.zeros(len(index), dtype=np.intp), 1)
    names = [str(name) for name in target.index.names if name is not None]
    if len(names) < target.index.nlevels or not set(names) <= set(index.names):
        raise AllocationError(
            f"levels {list(target.index.names)} of target are none of capacity's {list(index.names)}; name them alike"
        )
    if target.index.has_duplicates:
        raise AllocationError("target has a group twice")
    keys = level_keys(index, names)
    codes = target.index.get_indexer(keys)
    if (codes < 0).any():
        raise AllocationError(f"no target for group {keys[codes < 0][0]!r}; give 0 where nothing is needed")
    return target.rename("target"), Groups(codes.astype(np.intp), len(target))


def _check_index(what: str, values: object, other: str, index: pd.Index) -> None:
    if isinstance(values, pd.Series) and not values.index.equals(index):
        raise AllocationError(f"{what} must be a Series on the index of {other}")


def check_amounts(what: str, amounts: pd.Series) -> None:
    """Raise unless all amounts are finite and 0 or more."""
    values = amounts.to_numpy(dtype=float)
    if bad := int((~(np.isfinite(values) & (values >= 0))).sum()):
        raise AllocationError(f"{what}: {bad} values are NaN, infinite or below zero")
