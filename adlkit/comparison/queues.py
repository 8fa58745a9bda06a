"""Scores side by side: how far their queues agree, who stands in front, and who would pay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adlkit import metrics
from adlkit._display import SummaryRepr
from adlkit.comparison.payers import deciles, hedges, payers, unit
from adlkit.contracts import Flags, Floats
from adlkit.errors import ScoreError
from adlkit.groups import Codes, Groups, side_groups
from adlkit.ranking import rank, side_names
from adlkit.scores import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Statistic = Callable[[pd.Series, pd.Series], float]


@dataclass(frozen=True, eq=False, repr=False)
class ScoreComparison(SummaryRepr):
    """Queues of one panel under several scores.

    Parameters
    ----------
    panel : DataFrame
        The positions.
    ranks : DataFrame, index of `panel`
        Rank under each score, one column a score; NaN where the score has none.

    Examples
    --------
    >>> import adlkit as adl
    >>> scores = {"BitMEX": adl.scores.bitmex, "return": adl.scores.return_only}
    >>> compared = adl.compare_scores(adl.load_dataset("synthetic_crash"), scores)
    >>> compared.agreement().round(2).loc["BitMEX", "return"]
    np.float64(0.76)
    """

    panel: pd.DataFrame
    ranks: pd.DataFrame

    def on(self, side: str) -> ScoreComparison:
        """The comparison of one side alone, e.g. of the shorts, who are deleveraged when the market falls.

        Parameters
        ----------
        side : str
            "long" or "short".

        Returns
        -------
        ScoreComparison
            Positions of the other side are in no queue.

        Raises
        ------
        ScoreError
            If it is neither side.
        """
        if side not in ("long", "short"):
            raise ScoreError(f"side must be 'long' or 'short', got {side!r}")
        is_there = np.array(side_names(self.panel["qty"].to_numpy())) == side
        ranks = np.where(is_there[:, None], self.ranks, np.nan)
        return ScoreComparison(self.panel, pd.DataFrame(ranks, index=self.ranks.index, columns=self.ranks.columns))

    def agreement(self, *, statistic: Statistic = metrics.kendall_tau) -> pd.DataFrame:
        """Agreement of each pair of scores, averaged over queues by the positions that both rank.

        Parameters
        ----------
        statistic : callable, (Series, Series) -> float
            Of two ranks of one queue, see `adlkit.metrics`; e.g. `adlkit.metrics.spearman`.

        Returns
        -------
        DataFrame, scores x scores
            Queues (time, symbol, side) for which the statistic is NaN are left out of the average.
        """
        total, mass = np.zeros((2, self.ranks.shape[1], self.ranks.shape[1]))
        for rows in self._queues():
            ranks = self.ranks.iloc[rows]
            table = metrics.rank_agreement(ranks, statistic=statistic).to_numpy()
            ranked = ranks.notna().to_numpy(dtype=float)
            both = np.where(np.isnan(table), 0.0, ranked.T @ ranked)
            total += np.where(both > 0, table, 0.0) * both
            mass += both
        return self._square(total, mass)

    def front_overlap(self, *, share: float = 0.05) -> pd.DataFrame:
        """Share of the first contracts that two queues have in common, averaged over queues by their notional.

        Parameters
        ----------
        share : float, default 0.05
            Depth of the front [share of the contracts of a queue], in [0, 1].

        Returns
        -------
        DataFrame, scores x scores
            1 where both close the same contracts first.
        """
        closed = self.closed(share=share).to_numpy() * unit(self.panel)[:, None]
        common = [np.minimum(closed[:, [i]], closed).sum(axis=0) for i in range(closed.shape[1])]
        return self._square(np.array(common), np.maximum(closed.sum(axis=0)[:, None], closed.sum(axis=0)))

    def closed(self, *, share: float = 0.05) -> pd.DataFrame:
        """Contracts of each position that are closed when a share of every queue is.

        Parameters
        ----------
        share : float, default 0.05
            Of the contracts of each symbol and side that have a rank under the score, in [0, 1].

        Returns
        -------
        DataFrame, index of the panel, one column a score
            [contracts]; 0 for positions that are not reached.

        Raises
        ------
        ScoreError
            If `share` is outside [0, 1].
        """
        if not 0 <= share <= 1:
            raise ScoreError(f"share must be within [0, 1], got {share!r}")
        market, size = side_groups(self.panel), self.panel["qty"].abs().to_numpy()
        columns = {name: _front(column.to_numpy(), size, market, share) for name, column in self.ranks.items()}
        return pd.DataFrame(columns, index=self.panel.index)

    def payers(self, *, share: float = 0.05) -> pd.DataFrame:
        """Who pays when a share of every queue is closed: accounts, concentration, leverage and hedges.

        Parameters
        ----------
        share : float, default 0.05
            As in `closed`.

        Returns
        -------
        DataFrame, index score
            ``accounts`` that give, ``gini`` and ``top_1_percent`` of notional closed over all accounts in a queue,
            ``median_leverage`` and ``median_return`` of the notional closed, ``losers`` (share of the notional closed
            that was at a loss).
        """
        return payers(self.panel, self._money(share), self._asked())

    def by_decile(self, key: str, *, share: float = 0.05) -> pd.DataFrame:
        """Share of the notional closed that each decile of the positions in a queue bears.

        Parameters
        ----------
        key : str
            "size", "leverage" or "profit".
        share : float, default 0.05
            As in `closed`.

        Returns
        -------
        DataFrame, index ``group`` 1 (smallest) .. 10, one column a score

        Raises
        ------
        MetricError
            If the key is unknown, or the panel settles in several currencies.
        """
        return deciles(self.panel, self._money(share), self._asked(), key)

    def hedges(self, *, share: float = 0.05) -> pd.DataFrame:
        """Hedged owners whom closing a share of every queue leaves with one leg, see `adlkit.metrics.hedge_break`.

        Parameters
        ----------
        share : float, default 0.05
            As in `closed`.

        Returns
        -------
        DataFrame, index score
            As in `RuleComparison.hedges`.
        """
        return hedges(self.panel, self.closed(share=share))

    def front(self, market: tuple[str, str], *, n: int = 10) -> pd.DataFrame:
        """Ranks of the positions that stand among the first of one queue under any score.

        Parameters
        ----------
        market : (str, str)
            Symbol and side, e.g. ``("BTC", "short")``.
        n : int, default 10
            How many places count as the front.

        Returns
        -------
        DataFrame, one column a score
            Rows of the queue with a rank of `n` or better under any score, by their best rank.

        Raises
        ------
        ScoreError
            If nobody holds that side of the symbol, or the panel has several times.
        """
        if "time" in self.panel.index.names:
            raise ScoreError("the panel has several times: compare the queues of one")
        symbol, side = market
        is_there = self.panel.index.get_level_values("symbol") == symbol
        is_side = np.array(side_names(self.panel["qty"].to_numpy())) == side
        ranks = self.ranks[is_there & is_side & (self.panel["qty"].to_numpy() != 0)]
        if not len(ranks):
            raise ScoreError(f"nobody is {side!r} in {symbol!r}")
        best = ranks.min(axis=1)
        order = pd.DataFrame({"best": best, "mean": ranks.mean(axis=1)}).sort_values(["best", "mean"], kind="stable")
        found: pd.DataFrame = ranks.loc[order.index[order["best"] <= n]]
        return found

    def summary(self) -> pd.Series:
        """Size of the comparison, and how much of the first 5% of notional two scores have in common at least."""
        common = self.front_overlap().to_numpy()
        return pd.Series(
            {
                "scores": float(self.ranks.shape[1]),
                "positions": float(self._asked().sum()),
                "queues": float(len(self._queues())),
                "least overlap of the first 5%": float(np.nanmin(common)) if np.isfinite(common).any() else np.nan,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the agreement of each pair of scores; see `adlkit.plotting.plot_agreement`."""
        from adlkit.plotting import plot_agreement

        return plot_agreement(self, ax=ax)

    def _square(self, total: Floats, mass: Floats) -> pd.DataFrame:
        values = np.divide(total, mass, out=np.full(total.shape, np.nan), where=mass > 0)
        return pd.DataFrame(values, index=self.ranks.columns, columns=self.ranks.columns)

    def _money(self, share: float) -> pd.DataFrame:
        """Notional closed of each position."""
        return self.closed(share=share).mul(unit(self.panel), axis=0)

    def _asked(self) -> Flags:
        """Positions in a queue under any score."""
        return self.ranks.notna().any(axis=1).to_numpy()

    def _queues(self) -> list[Codes]:
        """Rows of each queue, nobody without a position."""
        market = side_groups(self.panel)
        codes = np.where(self.panel["qty"].to_numpy() == 0, market.size, market.codes)
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(market.size + 1))
        return [order[start:end] for start, end in pairwise(ends) if end > start]


def compare_scores(panel: pd.DataFrame, scores: Mapping[str, Score]) -> ScoreComparison:
    """Rank the positions of a panel under several scores.

    Parameters
    ----------
    panel : DataFrame
        Checked positions.
    scores : mapping, name -> score
        E.g. of `adlkit.scores`.

    Returns
    -------
    ScoreComparison
        Ranks, agreement, fronts, who pays. O(k n log n) for k scores; its tables are computed when asked for.

    Raises
    ------
    ScoreError
        If there are no scores, or one does not return a number per position.

    Examples
    --------
    >>> import adlkit as adl
    >>> scores = {"BitMEX": adl.scores.bitmex, "Binance": adl.scores.binance}
    >>> adl.compare_scores(adl.load_dataset("four_accounts"), scores).ranks["Binance"].tolist()
    [nan, 2.0, 1.0, 1.0]
    """
    if not isinstance(scores, Mapping) or not scores:
        raise ScoreError(f"no scores to compare: give a mapping of names to scores, got {scores!r}")
    ranks = {name: rank(panel, score=score).to_numpy() for name, score in scores.items()}
    return ScoreComparison(panel, pd.DataFrame(ranks, index=panel.index, copy=False))


def _front(ranks: Floats, size: Floats, market: Groups, share: float) -> Floats:
    """Contracts of each row within the first share of its queue; ranks are counted, not sorted."""
    rows = np.flatnonzero(~np.isnan(ranks))
    codes = market.codes[rows]
    length = np.bincount(codes, minlength=market.size)
    place = (np.cumsum(length) - length)[codes] + ranks[rows].astype(np.intp) - 1
    order = np.empty(len(rows), dtype=np.intp)
    order[place] = rows
    queue = Groups(market.codes[order], market.size)
    asked = share * queue.total(size[order])
    closed = np.zeros(len(ranks))
    closed[order] = np.clip(asked[queue.codes] - queue.ahead(size[order]), 0.0, size[order])
    return closed
