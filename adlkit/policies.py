"""Whom a venue, or a paper, would deleverage: an order, a rule, a weight, and what can be taken, as one value.

A policy closes contracts, or takes money (`Policy.endowment`). The published ones are here by name; `catalogue` lists
all of them, with what is left out and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from adlkit import rules, scores
from adlkit.allocation import AllocationResult, apply_rule
from adlkit.contracts import Floats
from adlkit.errors import AllocationError
from adlkit.groups import Codes, Groups, account_groups, level_groups, level_keys, sorted_within
from adlkit.margin import effective_leverage, equity, notional, unrealized_pnl
from adlkit.ranking import account_order, evaluate, numbers_on, side_names
from adlkit.rules import Rule, queue
from adlkit.scores import Score
from adlkit.severity import NUMERAIRES, Budget

Measure = Callable[[pd.DataFrame], pd.Series]
Kernel = Callable[[Floats], Floats]
CONTRACTS = "contracts"
TINY = 1e-100
"""Leverage below which a normal move never bankrupts."""


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
            If the need is in another unit, if contracts of several markets would be added, or as in `adlkit.allocate`.

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
        targets, codes = _need_groups(panel, need)
        rows = np.flatnonzero(~np.isnan(score) & (panel["qty"].to_numpy() != 0) & (codes >= 0))
        if self.endowment is None:
            _check_markets(panel, rows, codes)
        order = sorted_within(
            codes[rows], -score[rows], lambda: (-notional(panel).to_numpy()[rows], account_order(panel)[rows])
        )
        rows = rows[order]
        capacity = self.capacity(panel).iloc[rows]
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


def profit(panel: pd.DataFrame) -> pd.Series:
    """Unrealised profit of each position, 0 for a loss.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        max(0, unrealised profit) [ccy].

    References
    ----------
    .. [1] arXiv 2512.01112 v3, haircuts on positive profit only.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.profit(adl.load_dataset("four_accounts")).tolist()
    [0.0, 60.0, 30.0, 0.0]
    """
    return unrealized_pnl(panel).clip(lower=0.0).rename("profit")


def shared_equity(panel: pd.DataFrame) -> pd.Series:
    """Equity of each account, 0 if negative, shared over its positions by notional.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        Sums to max(0, equity) of the account [ccy]; 0 for an account without open positions.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.shared_equity(adl.load_dataset("four_accounts")).tolist()
    [0.0, 120.0, 50.0, 90.0]
    """
    size = notional(panel).to_numpy()
    whole = account_groups(panel).spread(size)
    share = np.divide(size, whole, out=np.zeros(len(size)), where=whole > 0)
    return pd.Series(np.maximum(equity(panel).to_numpy(), 0.0) * share, index=panel.index, name="shared_equity")


def safe_profit(panel: pd.DataFrame) -> pd.Series:
    """Profit that can be taken without making an account insolvent: the smaller of profit and shared equity.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.

    Returns
    -------
    Series, index of `panel`
        min(profit, shared equity) [ccy].

    References
    ----------
    .. [1] github:pluriholonomic/autodeleveraging-analysis, caps of the benchmark policies.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.safe_profit(adl.load_dataset("four_accounts")).tolist()
    [0.0, 60.0, 30.0, 0.0]
    """
    return pd.Series(np.minimum(profit(panel), shared_equity(panel)), name="safe_profit")


def solvent(measure: Measure) -> Score:
    """Make an order by a measure, among accounts with equity above 0.

    Parameters
    ----------
    measure : callable, panel -> Series
        E.g. `adlkit.notional`.

    Returns
    -------
    callable, panel -> Series
        The measure; NaN where the account's equity is not above 0.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.solvent(adl.notional)(adl.load_dataset("four_accounts")).tolist()
    [nan, 140.0, 70.0, 70.0]
    """

    def ordered(panel: pd.DataFrame) -> pd.Series:
        return measure(panel).where(equity(panel) > 0)

    return ordered


def power_kernel(exponent: float) -> Kernel:
    """Make the risk weight leverage**(1 + exponent): 0 levered pro rata, 1 the source's "linear", 2 its "power".

    Parameters
    ----------
    exponent : float
        Of the kernel g(l) = l**exponent, >= 0.

    Returns
    -------
    callable, leverage -> weight
        l x g(l).

    References
    ----------
    .. [1] arXiv 2512.01112, section 7. What it calls linear has g(l) = l, so the weight is the square.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> adl.policies.power_kernel(1.0)(np.array([2.0, 6.0])).tolist()
    [4.0, 36.0]
    """
    if not 0 <= exponent < np.inf:
        raise AllocationError(f"exponent must be finite and 0 or more, got {exponent!r}")
    return lambda leverage: np.asarray(leverage ** (1.0 + exponent))


def tail_kernel(threshold: float) -> Kernel:
    """Make the risk weight l x (l - threshold)+: only accounts above a leverage give.

    Parameters
    ----------
    threshold : float
        Leverage up to which nothing is taken.

    Returns
    -------
    callable, leverage -> weight

    References
    ----------
    .. [1] arXiv 2512.01112, section 7.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> adl.policies.tail_kernel(2.0)(np.array([1.0, 3.0])).tolist()
    [0.0, 3.0]
    """
    return lambda leverage: np.asarray(leverage * np.maximum(leverage - threshold, 0.0))


def normal_kernel(volatility: float) -> Kernel:
    """Make the risk weight that is an account's expected shortfall per equity for a normal move.

    Parameters
    ----------
    volatility : float
        Standard deviation of the return over the horizon [1], > 0.

    Returns
    -------
    callable, leverage -> weight
        l x E[(1/l + Z)-], Z normal: the source's "optimal" kernel.

    Notes
    -----
    The source claims that pro rata by it minimises the deficit of the next step among all haircuts. The objective is
    linear in the haircuts, so a greedy fill by weight does better: the claim is false as stated [1]_.

    References
    ----------
    .. [1] arXiv 2512.01112, section 7.

    Examples
    --------
    >>> import numpy as np, adlkit as adl
    >>> adl.policies.normal_kernel(0.1)(np.array([1.0, 10.0])).round(4).tolist()
    [0.0, 0.0833]
    """
    if not 0 < volatility < np.inf:
        raise AllocationError(f"volatility must be finite and above zero, got {volatility!r}")

    def expected(leverage: Floats) -> Floats:
        buffer = 1.0 / (volatility * np.maximum(leverage, TINY))
        density = np.exp(-0.5 * buffer**2) / np.sqrt(2.0 * np.pi)
        return np.asarray(leverage * volatility * (density - buffer * ndtr(-buffer)))

    return expected


def capped_pro_rata(*, most: float = 1.0, floor: float | None = None) -> Policy:
    """Make pro rata on profit with a largest haircut and a least equity.

    Parameters
    ----------
    most : float, default 1
        Largest haircut [1] of a profit.
    floor : float, optional
        Equity that each account keeps [ccy]; without it equity is not looked at.

    Returns
    -------
    Policy
        Takes min(t x profit, most x profit, equity - floor): one common haircut rate t up to each cap. A floor is per
        account, so an account that is split in two protects it twice.

    References
    ----------
    .. [1] arXiv 2512.01112, capped pro rata. The main text minimises without weights or budget, whose solution is no
       haircut at all; the appendix has the programme solved here.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.capped_pro_rata(most=0.5).allocate(adl.load_dataset("four_accounts"), 45.0).taken.to_dict()
    {('bob', 'BTC'): 30.0, ('cat', 'BTC'): 15.0, ('dee', 'BTC'): 0.0}
    """
    if not (0 <= most <= 1 and (floor is None or 0 <= floor < np.inf)):
        raise AllocationError(f"need 0 <= most <= 1 and a finite floor of 0 or more, got {most!r} and {floor!r}")

    def capped(panel: pd.DataFrame) -> pd.Series:
        cap = most * profit(panel)
        if floor is not None:
            cap = cap.clip(upper=(shared_equity(panel) - floor).clip(lower=0.0))
        return cap.rename("capped")

    return Policy(solvent(notional), rules.pro_rata, profit, capped, "pnl")


def risk_aware(kernel: Kernel, *, leverage: Measure = effective_leverage) -> Policy:
    """Make pro rata on profit times a weight of leverage.

    Parameters
    ----------
    kernel : callable, leverage -> weight
        E.g. `power_kernel`, `tail_kernel`, `normal_kernel`.
    leverage : callable, default `adlkit.effective_leverage`
        Leverage that the kernel reads; an account for which it is undefined is not asked.

    Returns
    -------
    Policy
        Takes min(t x kernel(l) x profit, profit).

    References
    ----------
    .. [1] arXiv 2512.01112, section 7 (risk-aware pro rata).

    Examples
    --------
    >>> import adlkit as adl
    >>> policy = adl.policies.risk_aware(adl.policies.power_kernel(1.0))
    >>> policy.allocate(adl.load_dataset("four_accounts"), 30.0).taken.round(3).tolist()
    [12.558, 17.442, 0.0]
    """

    def weighted(panel: pd.DataFrame) -> pd.Series:
        risk = leverage(panel)
        known = risk.notna().to_numpy()
        weight = np.zeros(len(panel))
        weight[known] = kernel(risk.to_numpy()[known])
        return pd.Series(weight * profit(panel).to_numpy(), index=panel.index, name="weight")

    return Policy(solvent(leverage), rules.pro_rata, weighted, profit, "pnl")


def contract_pro_rata(*, lot: float) -> Policy:
    """Make pro rata in contracts, in whole lots: a partial tear-up.

    Parameters
    ----------
    lot : float
        Size of one lot [contracts].

    Returns
    -------
    Policy
        Closes each position of the side in proportion to its size, rounded by largest remainder.

    References
    ----------
    .. [1] CPMI-IOSCO, "Recovery of financial market infrastructures" (partial tear-up); arXiv 2602.15182 in lots.

    Examples
    --------
    >>> import adlkit as adl
    >>> panel = adl.load_dataset("four_accounts").query("qty < 0")
    >>> adl.policies.contract_pro_rata(lot=0.5).allocate(panel, 1.5).taken.tolist()
    [1.0, 0.5]
    """
    return Policy(solvent(notional), rules.in_lots(rules.pro_rata, lot=lot))


def vector_descent(*, concession: float) -> Policy:
    """Make the policy that the published code runs as vector mirror descent.

    Parameters
    ----------
    concession : float
        Price given up per contract, as a share of the mark [1], > 0: what is at stake is notional x concession.

    Returns
    -------
    Policy
        Money grows with the square of what is at stake, and is cut off at `safe_profit`, see `adlkit.rules.squared`.

    References
    ----------
    .. [1] github:pluriholonomic/autodeleveraging-analysis, vector mirror descent.

    Examples
    --------
    >>> import adlkit as adl
    >>> policy = adl.policies.vector_descent(concession=0.1)
    >>> policy.allocate(adl.load_dataset("four_accounts"), 5.0).taken.round(4).tolist()
    [3.3333, 0.8333, 0.0]
    """
    if not 0 < concession < np.inf:
        raise AllocationError(f"concession must be finite and above zero, got {concession!r}")
    return Policy(solvent(profit), rules.squared, lambda panel: concession * notional(panel), safe_profit, "pnl")


profit_queue = Policy(scores.bitmex)
leverage_queue = Policy(effective_leverage)
profit_pro_rata = Policy(solvent(notional), rules.pro_rata, None, profit, "pnl")
levered_pro_rata = risk_aware(power_kernel(0.0), leverage=scores.raw_leverage)
equity_pro_rata = Policy(solvent(notional), rules.pro_rata, None, shared_equity, "equity")
water_filling = Policy(effective_leverage, rules.water_fill, equity)


def catalogue() -> pd.DataFrame:
    """All published allocation rules: where each is in adlkit, and what is left out.

    Returns
    -------
    DataFrame, index ``id``
        ``rule`` (as the source names it), ``unit`` of what is taken, ``here`` (the name in adlkit; "" where left out),
        ``note`` (what was corrected, or why it is left out), ``source``.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.policies.catalogue().loc["A17", "here"]
    'policies.water_filling'
    """
    return pd.DataFrame(_CATALOGUE, columns=["id", "rule", "unit", "here", "note", "source"]).set_index("id")


_STATIC, _LEARNING, _RISK = "arXiv 2512.01112", "arXiv 2602.15182", "arXiv 2603.15963"
_CODE, _SOLVER = "github:pluriholonomic/autodeleveraging-analysis", "github:nataschahey/adl-solver"
_CATALOGUE = (
    ("A1", "queue", "money", "rules.queue", "ties: larger notional, then account", _STATIC),
    ("A2", "queue of contracts", "contracts", "policies.profit_queue", "last one in part", "venues"),
    ("A3", "smart queue", "money", "rules.queue", "asked for a budget of the full match", _STATIC),
    ("A4", "wealth pro rata", "money", "policies.profit_pro_rata", "", _STATIC),
    ("A5", "weighted pro rata with caps", "money", "rules.pro_rata", "closed form of the code's rounds", _CODE),
    ("A6", "levered pro rata", "money", "policies.levered_pro_rata", "as printed it misses the budget", _STATIC),
    ("A7", "capped pro rata", "money", "policies.capped_pro_rata", "programme of the appendix", _STATIC),
    ("A8", "risk-aware pro rata", "money", "policies.risk_aware", "its optimality claim is false", _STATIC),
    ("A9", "contract pro rata in whole contracts", "contracts", "integer.contract_pro_rata", "real lots", _CODE),
    ("A10", "money rounded to contracts", "contracts", "integer.round_money", "", _CODE),
    ("A11", "min-max, continuous", "money", "rules.pro_rata", "equals pro rata by the normaliser", _LEARNING),
    ("A12", "min-max, integer", "contracts", "integer.min_max", "HiGHS, with its own status", _LEARNING),
    (
        "A13",
        "fixed-point rounding",
        "contracts",
        "integer.fixed_point",
        "reported there as the optimum",
        _CODE,
    ),
    ("A14", "vector mirror descent, published", "money", "rules.incentive_descent", "no coefficients printed", _STATIC),
    ("A15", "vector mirror descent, as coded", "money", "policies.vector_descent", "one projection", _CODE),
    ("A16", "descent with incentive constraints", "", "", "left out: no parameters, no code", _STATIC),
    ("A17", "water-filling", "contracts", "policies.water_filling", "equity <= 0 first, which the code lacks", _RISK),
    ("A18", "CVaR cutoff", "contracts", "cvar_cutoff", "reconstruction from the abstract", _RISK),
    ("A19", "factor water-filling", "contracts", "factor_water_fill", "clears asset by asset", _SOLVER),
    ("A20", "shadow prices", "contracts", "shadow_price", "with a certificate of optimality", _SOLVER),
    ("A21", "random start", "contracts", "scores.random_start", "skipping: run_event", "github:dydxprotocol/v4-chain"),
    ("A22", "socialised loss factor", "money", "policies.equity_pro_rata", "on claims of both sides", "Paradex"),
    ("A23", "partial tear-up", "contracts", "policies.contract_pro_rata", "", "CPMI-IOSCO 2014"),
)


def _need_groups(panel: pd.DataFrame, need: float | pd.Series) -> tuple[pd.Series, Codes]:
    """Targets as a Series, and the group of each row among them; -1 where nothing is asked of it."""
    if not isinstance(need, pd.Series):
        return pd.Series([need], name="target", dtype=float), np.zeros(len(panel), dtype=np.intp)
    names = [str(name) for name in need.index.names if name is not None]
    allowed = [name for name in panel.index.names if name != "account"] + ["side"]
    if len(names) < need.index.nlevels or not set(names) <= set(allowed) or need.index.has_duplicates:
        raise AllocationError(f"need must have each group once, named by levels of {allowed}; got {need.index.names}")
    levels = [name for name in names if name != "side"]
    market = level_groups(panel.index, levels)
    is_short = (panel["qty"].to_numpy() < 0) & ("side" in names)
    codes = market.codes * 2 + is_short
    first = Groups(codes, market.size * 2).first(np.arange(len(panel)) + 1)
    rows = first[first > 0] - 1
    keys = {name: level_keys(panel.index[rows], [name]) for name in levels}
    keys["side"] = pd.Index(side_names(panel["qty"].to_numpy()[rows]))
    labels = keys[names[0]] if len(names) == 1 else pd.MultiIndex.from_arrays([keys[name] for name in names])
    place = np.full(market.size * 2, -1, dtype=np.intp)
    place[first > 0] = need.index.get_indexer(labels)
    return need.rename("target"), place[codes]


def _check_markets(panel: pd.DataFrame, rows: Codes, codes: Codes) -> None:
    """Contracts of one symbol and side only may be added up."""
    market = level_groups(panel.index, [str(name) for name in panel.index.names if name != "account"])
    own = market.codes[rows] * 2 + (panel["qty"].to_numpy()[rows] < 0)
    groups = Groups(codes[rows], int(codes.max(initial=0)) + 1)
    if (own != groups.first(own)[groups.codes]).any():
        raise AllocationError("contracts of several markets cannot be added: give the need by symbol and side")
