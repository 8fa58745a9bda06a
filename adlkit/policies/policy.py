"""How it is chosen who is deleveraged, as one value, and what it takes from a panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from adlkit.allocation import AllocationResult, apply_rule, check_amounts
from adlkit.budgets import NUMERAIRES, Budget
from adlkit.errors import AllocationError
from adlkit.groups import Codes, Groups, level_groups, level_keys, side_groups, sorted_within
from adlkit.margin import notional
from adlkit.panel import currencies
from adlkit.ranking import account_order, evaluate, numbers_on
from adlkit.rules import Rule, queue
from adlkit.scores import Score

Measure = Callable[[pd.DataFrame], pd.Series]
CONTRACTS = "contracts"


@dataclass(frozen=True)
class Policy:
    """How it is chosen who is deleveraged: an order, a rule, the weight the rule reads, and what is taken.

    Parameters
    ----------
    score : callable, panel -> Series
        Order of the queue, see `adlkit.scores`; NaN is never asked.
    rule : callable, default `adlkit.rules.queue`
        How a target is shared along the queue, see `adlkit.rules`.
    weight : callable, panel -> Series, optional
        Measure that the rule reads, e.g. `adlkit.equity` for water-filling.
    endowment : callable, panel -> Series, optional
        The most money that can be taken from each position [ccy], for a policy that takes money. Without it, contracts
        are closed.
    numeraire : str, default "contracts"
        Unit of what is taken, see `adlkit.Budget`; name it where an `endowment` is given.
    name : str, optional
        What to call it in text.

    Raises
    ------
    AllocationError
        If a part is not a function, or endowment and numeraire do not fit together.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.Policy(adl.scores.bitmex, adl.rules.water_fill, adl.equity).rule.__name__
    'water_fill'
    """

    score: Score
    rule: Rule = queue
    weight: Measure | None = None
    endowment: Measure | None = None
    numeraire: str = CONTRACTS
    name: str = ""

    def __repr__(self) -> str:
        """Names of the functions, without the addresses that a dataclass would show."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        named = [f"{key}={getattr(part, '__name__', part)}" for key, part in parts.items() if part not in (None, "")]
        return f"Policy({', '.join(named)})"

    def __post_init__(self) -> None:
        for name in ("score", "rule", "weight", "endowment"):
            value = getattr(self, name)
            if not callable(value) and (value is not None or name in {"score", "rule"}):
                raise AllocationError(f"{name} must be a function, got {value!r}")
        if self.numeraire not in NUMERAIRES or (self.endowment is None) != (self.numeraire == CONTRACTS):
            raise AllocationError(
                f"numeraire must be {CONTRACTS!r} without an endowment, and with one a unit of "
                f"{[name for name in NUMERAIRES if name != CONTRACTS]}; got {self.numeraire!r}"
            )

    def allocate(self, panel: pd.DataFrame, need: float | pd.Series | Budget) -> AllocationResult:
        """Share a need among the positions of a panel, at its marks.

        Parameters
        ----------
        panel : DataFrame
            Checked positions.
        need : float, Series or Budget
            What has to be taken, in the policy's numeraire. A Series by ``time``, ``symbol`` or ``side`` ("long" or
            "short": of those who give) asks each group by itself; positions of groups that it does not name are not
            asked.

        Returns
        -------
        AllocationResult
            Candidates in queue order, group by group: positions with a score. Ties go to the larger notional, then to
            the account that comes first in sorted order, as in `adlkit.rank`.

        Raises
        ------
        AllocationError
            If the need is in another unit, if contracts of several markets, money of several currencies or amounts of
            several times would be added, or as in `adlkit.allocate`.

        Examples
        --------
        >>> import adlkit as adl
        >>> policy = adl.Policy(adl.scores.bitmex)
        >>> need = pd.Series({("BTC", "short"): 2.0}).rename_axis(["symbol", "side"])
        >>> policy.allocate(adl.load_dataset("four_accounts"), need).taken.to_dict()
        {('cat', 'BTC'): 1.0, ('bob', 'BTC'): 1.0}
        """
        if isinstance(need, Budget):
            if need.numeraire != self.numeraire:
                raise AllocationError(f"the policy takes {self.numeraire!r}, but {need.numeraire!r} are needed")
            need = need.amount
        score = evaluate(self.score, panel).to_numpy()
        targets, codes = need_groups(panel, need)
        check_amounts("need", targets)
        rows = np.flatnonzero(~np.isnan(score) & (panel["qty"].to_numpy() != 0) & (codes >= 0))
        if self.endowment is None:
            _check_markets(panel, rows, codes)
        else:
            _check_money(panel, rows, codes)
        order = sorted_within(
            codes[rows], -score[rows], lambda: (-notional(panel).to_numpy()[rows], account_order(panel)[rows])
        )
        rows = rows[order]
        capacity = self.capacity(panel).iloc[rows]
        check_amounts("endowment", capacity)
        weight = None if self.weight is None else numbers_on(panel, self.weight(panel), "weight").to_numpy()[rows]
        groups = Groups(codes[rows], len(targets))
        taken = apply_rule(self.rule, targets.to_numpy(dtype=float), capacity.to_numpy(), weight, groups.codes)
        return AllocationResult(
            targets, capacity, pd.Series(taken, index=capacity.index, name="taken"), groups, self.numeraire
        )

    def capacity(self, panel: pd.DataFrame) -> pd.Series:
        """The most that can be taken from each position, in the policy's numeraire."""
        if self.endowment is None:
            return panel["qty"].abs().rename("capacity")
        return numbers_on(panel, self.endowment(panel), "endowment").rename("capacity")


def need_groups(panel: pd.DataFrame, need: float | pd.Series) -> tuple[pd.Series, Codes]:
    """Targets as a Series, and the group of each row among them; -1 where nothing is asked of it."""
    if not isinstance(need, pd.Series):
        return pd.Series([need], name="target", dtype=float), np.zeros(len(panel), dtype=np.intp)
    names = [str(name) for name in need.index.names if name is not None]
    allowed = [name for name in panel.index.names if name != "account"] + ["side"]
    if len(names) < need.index.nlevels or not set(names) <= set(allowed) or need.index.has_duplicates:
        raise AllocationError(f"need must have each group once, named by levels of {allowed}; got {need.index.names}")
    if "side" in names and (wrong := set(need.index.get_level_values("side")) - {"long", "short"}):
        raise AllocationError(f"side of the need must be 'long' or 'short', got {sorted(map(str, wrong))}")
    levels = [name for name in names if name != "side"]
    market = level_groups(panel.index, levels)
    is_short = (panel["qty"].to_numpy() < 0) & ("side" in names)
    codes = market.codes * 2 + is_short
    first = Groups(codes, market.size * 2).first(np.arange(len(panel)) + 1)
    rows = first[first > 0] - 1
    keys = {name: level_keys(panel.index[rows], [name]) for name in levels}
    keys["side"] = pd.Index(np.where(is_short[rows], "short", "long"))
    labels = keys[names[0]] if len(names) == 1 else pd.MultiIndex.from_arrays([keys[name] for name in names])
    place = np.full(market.size * 2, -1, dtype=np.intp)
    place[first > 0] = need.index.get_indexer(labels)
    return need.rename("target"), place[codes]


def _check_money(panel: pd.DataFrame, rows: Codes, codes: Codes) -> None:
    """Money of one currency, and in each group of one time only, may be added up."""
    if len(found := currencies(panel.iloc[rows])) > 1:
        raise AllocationError(f"money in {found} cannot be added: allocate each currency by itself")
    times = level_groups(panel.index, [name for name in panel.index.names if name == "time"]).codes[rows]
    groups = Groups(codes[rows], int(codes.max(initial=0)) + 1)
    if (times != groups.first(times)[groups.codes]).any():
        raise AllocationError("money of several times cannot be added: give the need by time")


def _check_markets(panel: pd.DataFrame, rows: Codes, codes: Codes) -> None:
    """Contracts of one symbol and side only may be added up."""
    own = side_groups(panel).codes[rows]
    groups = Groups(codes[rows], int(codes.max(initial=0)) + 1)
    if (own != groups.first(own)[groups.codes]).any():
        raise AllocationError("contracts of several markets cannot be added: give the need by symbol and side")
