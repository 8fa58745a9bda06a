"""Small markets in round numbers, many at once: where a policy is tried.

A market is a handful of isolated shorts of one symbol, and a need. It is written as genes: places in lists of round
numbers, the plainest first, so that a counterexample is made simpler by lowering genes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.groups import level_codes, level_labels, levels_index
from adlkit.policies import CONTRACTS, Policy

Genes = npt.NDArray[np.intp]

ACCOUNTS = 4
MARK = 10.0
QTY = np.array([0.0, 10, 5, 20, 4, 2, 8, 6, 1, 12, 3])
ENTRY = np.array([12.0, 15, 11, 20, 12.5, 8])
COLLATERAL = np.array([20.0, 10, 50, 100, 40, 30, 5, 0, 15, 2, 1])
NEED = np.array([10.0, 5, 8, 4, 20, 2, 1, 6, 3, 12, 15, 7, 11, 30, 25, 40])
PART = np.array([0.5, 0.4, 0.2, 0.1, 0.6, 0.8, 0.9])
LISTS = [*[QTY] * ACCOUNTS, *[ENTRY] * ACCOUNTS, *[COLLATERAL] * ACCOUNTS, NEED, PART, PART]
SIZES = np.array([len(values) for values in LISTS])


@dataclass(frozen=True)
class Markets:
    """Markets of shorts at one mark each.

    Parameters
    ----------
    qty, entry, collateral : array of shape (n_markets, n_accounts)
        Contracts (0: nobody), entry price [quote/base] and cash [ccy] of each account.
    need : array of shape (n_markets,)
        What is asked of all, in the policy's numeraire.
    part, own : array of shape (n_markets,)
        Shares [1] of contracts and of cash that go to the first half where an account is split.
    mark : array of shape (n_markets,)
        Mark price [quote/base].
    """

    qty: Floats
    entry: Floats
    collateral: Floats
    need: Floats
    part: Floats
    own: Floats
    mark: Floats

    @property
    def profit(self) -> Floats:
        """Unrealised profit of each account [ccy], below zero a loss."""
        return np.asarray(self.qty * (self.entry - self.mark[:, None]))

    @property
    def equity(self) -> Floats:
        """Cash and profit of each account [ccy]."""
        return self.collateral + self.profit

    def with_account(self, place: int, **facts: Floats) -> Markets:
        """The same markets with other facts of one account."""
        changed = {name: getattr(self, name).copy() for name in facts}
        for name, values in facts.items():
            changed[name][:, place] = values
        return replace(self, **changed)

    def with_one_more(self, **facts: Floats) -> Markets:
        """The same markets with one more account."""
        return replace(self, **{name: np.column_stack([getattr(self, name), values]) for name, values in facts.items()})

    def panel(self) -> pd.DataFrame:
        """All accounts as one panel: a market per time."""
        market, account = np.nonzero(self.qty > 0)
        n_markets, n_accounts = self.qty.shape
        times = pd.date_range("2025-01-01", periods=n_markets, freq="s", tz="UTC").as_unit("us")
        names = pd.Index([letter(place) for place in range(n_accounts)], dtype="str")
        levels = [times, names, pd.Index(["BTC"], dtype="str")]
        codes = [market, account, np.zeros(len(market), dtype=np.intp)]
        index = levels_index(levels, codes, ["time", "account", "symbol"])
        facts = {
            "qty": -self.qty[market, account],
            "entry_price": self.entry[market, account],
            "mark_price": self.mark[market],
            "collateral": self.collateral[market, account],
            "maintenance_rate": 0.01,
            "maintenance_deduction": 0.0,
        }
        return pd.DataFrame(facts, index=index)

    def taken(self, policy: Policy) -> Floats:
        """What a policy takes from each account, shape of `qty`."""
        panel = self.panel()
        result = policy.allocate(panel, pd.Series(self.need, index=level_labels(panel.index, "time")))
        return self._spread(result.taken)

    def capacity(self, policy: Policy) -> Floats:
        """The most that a policy can take from each account that has a score, shape of `qty`."""
        panel = self.panel()
        has_score = policy.score(panel).notna().to_numpy()
        return self._spread(policy.capacity(panel)[has_score])

    def score(self, policy: Policy) -> Floats:
        """Score of each account, shape of `qty`; NaN without one."""
        score = policy.score(self.panel())
        table = np.full(self.qty.shape, np.nan)
        table[level_codes(score.index, "time"), level_codes(score.index, "account")] = score.to_numpy()
        return table

    def score_is_there(self, policy: Policy) -> Flags:
        """Accounts that the policy may ask, shape of `qty`."""
        return ~np.isnan(self.score(policy))

    def _spread(self, values: pd.Series) -> Floats:
        table = np.zeros(self.qty.shape)
        table[level_codes(values.index, "time"), level_codes(values.index, "account")] = values.to_numpy()
        return table

    def after(self, policy: Policy, taken: Floats) -> Markets:
        """The markets once it has been taken: contracts at the mark, profit from the entry price, equity from cash."""
        if policy.numeraire == CONTRACTS:
            realized = taken * (self.entry - self.mark[:, None])
            return replace(self, qty=np.maximum(self.qty - taken, 0.0), collateral=self.collateral + realized)
        if policy.numeraire != "pnl":
            return replace(self, collateral=self.collateral - taken)
        moved = np.divide(taken, self.qty, out=np.zeros(taken.shape), where=self.qty > 0)
        return replace(self, entry=self.entry - moved)

    def table(self, policy: Policy) -> pd.DataFrame:
        """One row per account of the first market: facts, score and what is taken."""
        one = Markets(*(values[:1] for values in vars(self).values()))
        there = one.qty[0] > 0
        names = [letter(place) for place in np.flatnonzero(there).tolist()]
        columns = {
            "qty": -one.qty,
            "entry_price": one.entry,
            "collateral": one.collateral,
            "equity": one.equity,
            "taken": one.taken(policy),
        }
        table = pd.DataFrame(
            {name: values[0, there] for name, values in columns.items()}, index=pd.Index(names, name="account")
        )
        score = policy.score(one.panel()).to_numpy()
        table.insert(4, "score", score)
        return table


def letter(place: int) -> str:
    """Name of an account: a, b, c, ..."""
    return chr(ord("a") + place)


def random_genes(n: int, rng: np.random.Generator) -> Genes:
    """Genes of random markets: one to four accounts, a third of them with two equal ones."""
    genes = rng.integers(0, SIZES, size=(n, len(SIZES)))
    absent = np.arange(ACCOUNTS) >= rng.integers(1, ACCOUNTS + 1, size=n)[:, None]
    genes[:, :ACCOUNTS] = np.where(absent, 0, np.maximum(genes[:, :ACCOUNTS], 1))
    equal = rng.random(n) < 1 / 3
    for start in range(0, 3 * ACCOUNTS, ACCOUNTS):
        genes[equal, start + 1] = genes[equal, start]
    return tidy(genes)


def tidy(genes: Genes) -> Genes:
    """Genes of accounts that are not there, set to zero."""
    absent = np.tile(genes[:, :ACCOUNTS] == 0, 3)
    genes[:, : 3 * ACCOUNTS][absent] = 0
    return genes


def simpler(genes: Genes) -> Genes:
    """All genes that differ from one market's by one lower gene."""
    place = np.repeat(np.arange(len(genes)), genes)
    found = np.tile(genes, (len(place), 1))
    found[np.arange(len(place)), place] = np.concatenate([np.arange(gene) for gene in genes])
    return tidy(found)


def cost(genes: Genes) -> Floats:
    """How far from plain markets are: accounts first, then places in the lists."""
    return np.asarray(1000.0 * (genes[:, :ACCOUNTS] > 0).sum(axis=1) + genes.sum(axis=1))


def markets_of(genes: Genes) -> Markets:
    """Markets as numbers."""
    values = np.column_stack([choices[genes[:, place]] for place, choices in enumerate(LISTS)])
    qty, entry, equity, rest = np.split(values, [ACCOUNTS, 2 * ACCOUNTS, 3 * ACCOUNTS], axis=1)
    return Markets(qty, entry, equity, rest[:, 0], rest[:, 1], rest[:, 2], np.full(len(genes), MARK))
