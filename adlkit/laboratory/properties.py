"""Properties that a policy can have, each as a sentence and a test of many markets at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from adlkit.contracts import Floats
from adlkit.laboratory.markets import Markets
from adlkit.policies import CONTRACTS, Policy

SLACK = 1e-9
NUDGE = 1e-7
CURRENCY = 1 / 64
"""Another quote currency, by a power of two: prices stay exact."""
JUMP = 1e-3
CONCESSION = 1.0
"""Money given up per contract [quote], where the order of profits after closing contracts is looked at."""

WORSE = np.array([1.05, 1.1, 1.2, 1.5, 2.0, 4.0])
"""Later prices against the shorts, as multiples of the mark."""


class Trial(NamedTuple):
    """How far each market violates a property [of the need], and the markets it was compared with."""

    gap: Floats
    other: Markets | None = None


@dataclass(frozen=True)
class Property:
    """A property: its name, the sentence that has to be true, and the test.

    Parameters
    ----------
    name, statement : str
    test : callable, (policy, markets) -> Trial
        A gap above `allowed` violates the property.
    allowed : float
        Of the need.
    has_ties : bool
        Whether markets count in which two accounts have the same score, so that the tie rule decides.
    may_exceed : bool
        Whether markets count in which more is needed than there is.
    is_for_contracts : bool
        Whether it speaks only of policies that close contracts.
    """

    name: str
    statement: str
    test: Callable[[Policy, Markets], Trial]
    allowed: float = SLACK
    has_ties: bool = False
    may_exceed: bool = False
    is_for_contracts: bool = False


def _balance(policy: Policy, markets: Markets) -> Trial:
    asked = np.minimum(markets.need, markets.capacity(policy).sum(axis=1))
    return Trial(np.abs(markets.taken(policy).sum(axis=1) - asked) / markets.need)


def _solvent(policy: Policy, markets: Markets) -> Trial:
    paid_out = markets.with_account(0, collateral=-0.5 * np.maximum(markets.profit[:, 0], 0.0))
    if policy.numeraire == CONTRACTS:
        return Trial(np.zeros(len(markets.need)), paid_out)
    short = np.where(paid_out.equity > 0, paid_out.taken(policy) - paid_out.equity, 0.0)
    return Trial(short.max(axis=1) / markets.need, paid_out)


def _edges(policy: Policy, markets: Markets) -> Trial:
    nothing, everything = replace(markets, need=0.0 * markets.need), markets.capacity(policy)
    some = nothing.taken(policy).sum(axis=1)
    whole = replace(markets, need=everything.sum(axis=1))
    missing = np.abs(whole.taken(policy) - everything).max(axis=1)
    return Trial((some + missing) / markets.need)


def _grows(policy: Policy, markets: Markets) -> Trial:
    more = replace(markets, need=markets.need + 1.0)
    return Trial((markets.taken(policy) - more.taken(policy)).max(axis=1) / markets.need, more)


def _profit_order(policy: Policy, markets: Markets) -> Trial:
    price = CONCESSION if policy.numeraire == CONTRACTS else 1.0
    before = np.where((markets.qty > 0) & (markets.profit > 0), markets.profit, np.nan)
    return Trial(_flips(before, before - price * markets.taken(policy)) / markets.need)


def _leverage_order(policy: Policy, markets: Markets) -> Trial:
    after = markets.after(policy, markets.taken(policy))
    left = np.where((markets.qty > 0) & (after.qty <= 0), 0.0, _leverage(after))
    left = np.where((after.qty > 0) & (after.equity <= 0), np.inf, left)
    return Trial(_flips(_leverage(markets), left), after)


def _priority(policy: Policy, markets: Markets) -> Trial:
    taken, capacity = markets.taken(policy), markets.capacity(policy)
    share = np.divide(taken, capacity, out=np.full(taken.shape, np.nan), where=capacity > 0)
    score = markets.score(policy)
    ahead = score[:, :, None] > score[:, None, :] + SLACK * np.abs(score[:, None, :])
    gap = np.where(ahead, share[:, None, :] - share[:, :, None], 0.0)
    return Trial(np.nan_to_num(gap).max(axis=(1, 2)))


def _split(markets: Markets, own: Floats) -> Markets:
    """The first account in two: shares `part` of its contracts and `own` of its cash, and the rest."""
    qty, cash = markets.qty[:, 0], markets.collateral[:, 0]
    first = markets.with_account(0, qty=markets.part * qty, collateral=own * cash)
    return first.with_one_more(qty=(1 - markets.part) * qty, collateral=(1 - own) * cash, entry=markets.entry[:, 0])


def _even_split(policy: Policy, markets: Markets) -> Trial:
    split = _split(markets, markets.part)
    gap = np.abs(_of_halves(split.taken(policy)) - markets.taken(policy)[:, 0])
    return Trial(np.where(_is_viable(split), gap, np.nan) / markets.need, split)


def _free_split(policy: Policy, markets: Markets) -> Trial:
    split = _split(markets, markets.own)
    gain = markets.taken(policy)[:, 0] - _of_halves(split.taken(policy))
    return Trial(np.where(_is_viable(split), gain, np.nan) / markets.need, split)


def _merge(policy: Policy, markets: Markets) -> Trial:
    qty = markets.qty[:, 0] + markets.qty[:, 1]
    weighted = (markets.qty * markets.entry)[:, :2].sum(axis=1)
    entry = np.divide(weighted, qty, out=markets.entry[:, 0].copy(), where=qty > 0)
    merged = markets.with_account(0, qty=qty, entry=entry, collateral=markets.collateral[:, :2].sum(axis=1))
    merged = merged.with_account(1, qty=np.zeros(len(qty)))
    gain = markets.taken(policy)[:, :2].sum(axis=1) - merged.taken(policy)[:, 0]
    there = (markets.qty[:, :2] > 0).all(axis=1) & (markets.equity[:, :2] > 0).all(axis=1)
    return Trial(np.where(there, gain, np.nan) / markets.need, merged)


def _wash(policy: Policy, markets: Markets) -> Trial:
    cash = markets.collateral[:, 0] + markets.profit[:, 0]
    washed = markets.with_account(0, entry=markets.mark, collateral=cash)
    return Trial((markets.taken(policy) - washed.taken(policy))[:, 0] / markets.need, washed)


def _deposit(policy: Policy, markets: Markets) -> Trial:
    richer = markets.with_account(0, collateral=markets.collateral[:, 0] + np.maximum(markets.equity[:, 0], 0.0))
    return Trial((richer.taken(policy) - markets.taken(policy))[:, 0] / markets.need, richer)


def _path(policy: Policy, markets: Markets) -> Trial:
    half = replace(markets, need=np.ceil(markets.need / 2.0))
    first = half.taken(policy)
    rest = replace(half.after(policy, first), need=markets.need - half.need)
    gap = first + rest.taken(policy) - markets.taken(policy)
    return Trial(np.abs(gap).max(axis=1) / markets.need, rest)


def _anonymous(policy: Policy, markets: Markets) -> Trial:
    order = np.r_[1, 0, 2 : markets.qty.shape[1]]
    facts = {name: getattr(markets, name)[:, order] for name in ("qty", "entry", "collateral")}
    renamed = replace(markets, **facts)
    gap = renamed.taken(policy) - markets.taken(policy)[:, order]
    return Trial(np.abs(gap).max(axis=1) / markets.need, renamed)


def _scale(policy: Policy, markets: Markets) -> Trial:
    larger = replace(markets, qty=3.0 * markets.qty, collateral=3.0 * markets.collateral, need=3.0 * markets.need)
    return Trial(np.abs(larger.taken(policy) - 3.0 * markets.taken(policy)).max(axis=1) / markets.need, larger)


def _currency(policy: Policy, markets: Markets) -> Trial:
    money = 1.0 if policy.numeraire == CONTRACTS else CURRENCY
    facts = {name: CURRENCY * getattr(markets, name) for name in ("entry", "mark", "collateral")}
    other = replace(markets, need=money * markets.need, **facts)
    return Trial(np.abs(other.taken(policy) / money - markets.taken(policy)).max(axis=1) / markets.need, other)


def _continuous(policy: Policy, markets: Markets) -> Trial:
    taken, n = markets.taken(policy), len(markets.need)
    nudged = [
        markets.with_account(0, collateral=(1 + NUDGE) * markets.collateral[:, 0]),
        markets.with_account(0, entry=(1 + NUDGE) * markets.entry[:, 0]),
        markets.with_account(0, qty=(1 + NUDGE) * markets.qty[:, 0]),
        replace(markets, need=(1 + NUDGE) * markets.need),
    ]
    solvent = markets.equity > 0
    same = np.array([(solvent == (other.equity > 0)).all(axis=1) for other in nudged])
    jumps = np.array([np.abs(other.taken(policy) - taken).sum(axis=1) for other in nudged]) / markets.need
    jumps = np.where(same, jumps, 0.0)
    worst = jumps.argmax(axis=0)
    chosen = [np.array([getattr(nudged[w], name)[i] for i, w in enumerate(worst)]) for name in vars(markets)]
    return Trial(jumps[worst, np.arange(n)], Markets(*chosen))


def _dominant(policy: Policy, markets: Markets) -> Trial:
    taken = markets.taken(policy)
    left = markets.after(policy, taken)
    gaps = []
    for multiple in WORSE:
        loss = (markets.mark * (multiple - 1.0))[:, None]
        useful = np.clip(markets.qty - np.maximum(markets.equity, 0.0) / loss, 0.0, markets.qty)
        closable = np.minimum(taken.sum(axis=1), np.where(markets.score_is_there(policy), useful, 0.0).sum(axis=1))
        gaps.append(_shortfall(left, loss) - (_shortfall(markets, loss) - loss[:, 0] * closable))
    return Trial(np.max(gaps, axis=0) / (markets.need * markets.mark))


PROPERTIES = (
    Property("budget balance", "What is taken adds up to the need, or to all capacity.", _balance, may_exceed=True),
    Property("no over-reduction", "No solvent account ends below zero because of ADL.", _solvent),
    Property(
        "edge cases",
        "A need of nothing takes nothing, a need of all capacity takes all of it.",
        _edges,
        may_exceed=True,
    ),
    Property("monotone in need", "A larger need lowers nobody's share.", _grows, may_exceed=True),
    Property("order of profits", "Of two winners, who had more profit still has, after what was taken.", _profit_order),
    Property("order of leverage", "Who was more levered still is, after ADL.", _leverage_order),
    Property("priority", "A higher score gives no smaller share of capacity.", _priority),
    Property("even split", "Splitting an account in proportion changes nothing.", _even_split),
    Property("free split", "Splitting contracts and cash in any way saves nothing.", _free_split),
    Property("merge", "Merging two solvent accounts saves nothing.", _merge),
    Property("wash trade", "Closing and reopening at the mark saves nothing.", _wash),
    Property("deposit", "Adding collateral does not raise what is taken.", _deposit),
    Property("path independence", "Two halves of the need take what the whole takes at once.", _path),
    Property("anonymity", "Renaming accounts renames the outcome.", _anonymous, has_ties=True),
    Property("scale invariance", "Three times all sizes and money gives three times as much.", _scale),
    Property("unit of money", "Another quote currency changes nothing.", _currency),
    Property(
        "continuity",
        "A small change that makes nobody insolvent, or solvent again, moves the outcome little.",
        _continuous,
        JUMP,
        has_ties=True,
    ),
    Property(
        "least shortfall",
        "No other way to close as many contracts has a smaller total shortfall at any later price.",
        _dominant,
        is_for_contracts=True,
    ),
)


def _flips(before: Floats, after: Floats) -> Floats:
    """Largest overtaking of a pair whose order was the other way round."""
    ahead = before[:, :, None] > before[:, None, :] + SLACK * np.abs(before[:, None, :])
    with np.errstate(invalid="ignore"):  # two infinities do not overtake each other
        gap = after[:, None, :] - after[:, :, None]
    return np.asarray(np.where(ahead & ~np.isnan(gap), gap, 0.0).max(axis=(1, 2)))


def _leverage(markets: Markets) -> Floats:
    is_held = (markets.equity > 0) & (markets.qty > 0)
    return np.where(is_held, markets.qty * markets.mark[:, None] / np.where(is_held, markets.equity, 1.0), np.nan)


def _of_halves(taken: Floats) -> Floats:
    return np.asarray(taken[:, 0] + taken[:, -1])


def _is_viable(split: Markets) -> Floats:
    """Whether both halves could be held: more equity than maintenance margin."""
    halves = split.equity[:, [0, -1]], split.qty[:, [0, -1]] * split.mark[:, None]
    return np.asarray((halves[0] > 0.01 * halves[1]).all(axis=1))


def _shortfall(markets: Markets, loss: Floats) -> Floats:
    """Total shortfall once each contract has lost so much."""
    return np.asarray(np.maximum(markets.qty * loss - markets.equity, 0.0).sum(axis=1))
