"""Search for violations, and make the first one found simple."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.errors import AllocationError
from adlkit.laboratory.markets import Genes, Markets, cost, markets_of, random_genes, simpler
from adlkit.laboratory.properties import PROPERTIES, Property
from adlkit.policies import CONTRACTS, Policy

HOLDS, FAILS, UNDEFINED, UNTRIED = "no violation", "violated", "not defined", "not tried"


@dataclass(frozen=True)
class Counterexample:
    """A small market in which a policy violates a property.

    Parameters
    ----------
    property, statement : str
        Which, and the sentence that is not true here.
    before : DataFrame, index ``account``
        Shorts at a mark of 10: ``qty``, ``entry_price``, ``collateral``, ``equity``, ``score``, ``taken``.
    after : DataFrame or None
        The changed market (split, washed, a larger need, ...) where the property compares two.
    need, need_after : float
        What was asked, in the policy's numeraire.
    gap : float
        Size of the violation, in units of the need.

    Examples
    --------
    >>> import adlkit as adl
    >>> found = adl.find_counterexample(adl.policies.profit_queue, "free split")
    >>> found.before.loc["a", "taken"], found.after.loc[["a", "e"], "taken"].sum()
    (np.float64(5.0), np.float64(4.0))
    """

    property: str
    statement: str
    before: pd.DataFrame
    after: pd.DataFrame | None
    need: float
    need_after: float
    gap: float

    def __str__(self) -> str:
        """The market and what becomes of it, in one line."""
        first = f"{_words(self.before)}; need {self.need:g}"
        if self.after is None:
            return first
        need = "" if self.need_after == self.need else f"; need {self.need_after:g}"
        return f"{first} -> {_words(self.after)}{need}"


def find_counterexample(
    policy: Policy, name: str, *, n_markets: int = 4000, seed: int = 20251010
) -> Counterexample | None:
    """Search small markets for one in which a policy violates a property, and make it simple.

    Parameters
    ----------
    policy : Policy
        Of closing contracts, or of taking money.
    name : str
        A property, see `check_properties`.
    n_markets : int, default 4000
        Random markets to try.
    seed : int
        Of `numpy.random.default_rng`; the same seed finds the same market.

    Returns
    -------
    Counterexample or None
        None where no market violates it, or none fits, which is no proof. The first violation with the fewest accounts
        and plainest numbers is made simpler, one number at a time, until none can be.

    Raises
    ------
    AllocationError
        If there is no such property (lists the known ones), it speaks only of contracts and the policy takes money, it
        is no policy, or `n_markets` is below 1.

    Examples
    --------
    >>> import adlkit as adl
    >>> print(adl.find_counterexample(adl.policies.leverage_queue, "path independence").before["taken"].to_dict())
    {'a': 10.0, 'b': 0.0}
    """
    _check(policy, n_markets)
    known = {each.name: each for each in PROPERTIES}
    if name not in known:
        raise AllocationError(f"unknown property {name!r}; known: {list(known)}")
    if known[name].is_for_contracts and policy.numeraire != CONTRACTS:
        raise AllocationError(f"{name!r} speaks only of policies that close contracts")
    return _simplest(policy, known[name], random_genes(n_markets, np.random.default_rng(seed)))


def check_properties(policy: Policy, *, n_markets: int = 4000, seed: int = 20251010) -> pd.DataFrame:
    """Which properties a policy has, as far as a search of small markets can tell.

    Parameters
    ----------
    policy : Policy
        Of closing contracts, or of taking money.
    n_markets : int, default 4000
        Random markets to try: one to four isolated shorts of one symbol, in round numbers, some of them equal.
    seed : int
        Of `numpy.random.default_rng`.

    Returns
    -------
    DataFrame, index ``property``
        ``verdict`` ("violated"; "no violation" in these markets, which is no proof; "not defined" for this numeraire;
        "not tried" where no market fits), ``tried`` (markets that can meet their need and in which no tie decides),
        ``violations`` (share of them), ``counterexample`` (one line, see `find_counterexample`), ``statement``.

    Raises
    ------
    AllocationError
        If it is no policy, or `n_markets` is below 1.

    Notes
    -----
    Contracts are closed at the mark, so that no account ends below zero by it; profit is taken from the entry price,
    other money from cash. The order of profits after
    contracts were closed counts a price concession of 1 per contract at a mark of 10.

    References
    ----------
    .. [1] Chitra, arXiv 2512.01112 (order, splits, scale, continuity); Campbell, Hey, Moallemi and Nutz, arXiv
       2603.15963 (splits and wash trades in contracts, least shortfall).

    Examples
    --------
    >>> import adlkit as adl
    >>> verdicts = adl.check_properties(adl.policies.water_filling, n_markets=500)["verdict"]
    >>> verdicts[["free split", "wash trade", "least shortfall"]].tolist()
    ['no violation', 'no violation', 'no violation']
    """
    _check(policy, n_markets)
    genes = random_genes(n_markets, np.random.default_rng(seed))
    return pd.DataFrame([_row(policy, each, genes) for each in PROPERTIES]).set_index("property")


def _row(policy: Policy, tested: Property, genes: Genes) -> dict[str, object]:
    row: dict[str, object] = {"property": tested.name, "verdict": UNDEFINED, "tried": 0, "violations": np.nan}
    row |= {"counterexample": "", "statement": tested.statement}
    if tested.is_for_contracts and policy.numeraire != CONTRACTS:
        return row
    gaps = _gaps(policy, tested, genes)
    tried = int((~np.isnan(gaps)).sum())
    if tried == 0:
        return row | {"verdict": UNTRIED}
    violated = gaps > tested.allowed
    found = _simplest(policy, tested, genes[violated]) if violated.any() else None
    return row | {
        "verdict": FAILS if found else HOLDS,
        "tried": tried,
        "violations": float(violated.sum() / tried),
        "counterexample": str(found) if found else "",
    }


def _simplest(policy: Policy, tested: Property, genes: Genes) -> Counterexample | None:
    """The plainest violation, lowered gene by gene while it stays one."""
    failing = genes[_gaps(policy, tested, genes) > tested.allowed]
    if not len(failing):
        return None
    best = failing[[cost(failing).argmin()]]
    while len(choices := simpler(best[0])):
        failing = choices[_gaps(policy, tested, choices) > tested.allowed]
        if not len(failing):
            break
        best = failing[[cost(failing).argmin()]]
    return _shown(policy, tested, markets_of(best))


def _gaps(policy: Policy, tested: Property, genes: Genes) -> Floats:
    """Size of each market's violation; NaN where it cannot meet its need, or where a tie would decide."""
    markets = markets_of(genes)
    capacity = markets.capacity(policy).sum(axis=1)
    is_possible: Flags = capacity > 0 if tested.may_exceed else capacity >= markets.need
    if not tested.has_ties:
        is_possible &= ~_is_tied(markets.score(policy))
    gap = np.full(len(genes), np.nan)
    if is_possible.any():
        gap[is_possible] = tested.test(policy, markets_of(genes[is_possible])).gap
    return gap


def _check(policy: Policy, n_markets: int) -> None:
    if not isinstance(policy, Policy):
        raise AllocationError(f"give a policy, e.g. adl.Policy(adl.scores.bitmex, adl.rules.queue), got {policy!r}")
    if n_markets < 1:
        raise AllocationError(f"n_markets must be 1 or more, got {n_markets!r}")


def _is_tied(score: Floats) -> Flags:
    """Whether two accounts of a market have one score, to rounding."""
    ordered = np.sort(score, axis=1)
    same: Flags = np.isclose(ordered[:, 1:], ordered[:, :-1], rtol=1e-12, atol=0.0)
    return np.asarray(same.any(axis=1))


def _shown(policy: Policy, tested: Property, markets: Markets) -> Counterexample:
    trial = tested.test(policy, markets)
    return Counterexample(
        tested.name,
        tested.statement,
        markets.table(policy),
        None if trial.other is None else trial.other.table(policy),
        float(markets.need[0]),
        float(markets.need[0] if trial.other is None else trial.other.need[0]),
        float(trial.gap[0]),
    )


def _words(table: pd.DataFrame) -> str:
    columns = table["qty"].abs(), table["entry_price"], table["collateral"], table["taken"] + 0.0
    return ", ".join(
        f"{name}: {size:.3g} at {entry:.4g}, cash {cash:.4g}, gives {taken:.4g}"
        for name, size, entry, cash, taken in zip(table.index, *columns, strict=True)
    )
