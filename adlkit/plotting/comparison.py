"""Figures of comparisons: agreement of scores, the front of a queue, who pays, which properties hold."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FuncFormatter

from adlkit.comparison import RuleComparison, ScoreComparison
from adlkit.laboratory.search import FAILS, HOLDS
from adlkit.plotting.figure import ADL, BOOK, BUFFERS, FAINT, INK, axes, empty, finished, titled
from adlkit.plotting.words import percent, plain

NAME_LENGTH = 24
LINES = (BOOK, ADL, BUFFERS[0], BUFFERS[2], "#8a6d00", BUFFERS[1], INK, FAINT)


def plot_agreement(comparison: ScoreComparison, *, ax: Axes | None = None) -> Axes:
    """Draw Kendall's tau of each pair of scores as a heat map, alike scores side by side.

    Parameters
    ----------
    comparison : ScoreComparison
        What `adlkit.compare_scores` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Scores are ordered by their mean agreement with the others.

    Examples
    --------
    >>> import adlkit as adl
    >>> scores = {"BitMEX": adl.scores.bitmex, "return": adl.scores.return_only}
    >>> ax = plot_agreement(adl.compare_scores(adl.load_dataset("synthetic_crash"), scores))
    >>> [text.get_text() for text in ax.texts]
    ['1', '0.76', '0.76', '1']
    """
    table = comparison.agreement()
    order = table.mean().sort_values(ascending=False, kind="stable").index
    table = table.loc[order, order]
    count = len(table)
    if ax is None:
        size = 2.6 + 0.44 * count
        ax = plt.subplots(figsize=(size + 1.4, size), layout="constrained")[1]
    ax.imshow(table, cmap="RdBu", vmin=-1.0, vmax=1.0)
    for (row, column), value in np.ndenumerate(table.to_numpy()):
        ink = "white" if abs(value) > 0.65 else INK
        words = "" if np.isnan(value) else f"{round(value, 2) + 0.0:g}"
        ax.text(column, row, words, ha="center", va="center", fontsize=8, color=ink)
    names = [plain(name, NAME_LENGTH) for name in table.index]
    ax.set_xticks(range(count), names, rotation=40, ha="right", parse_math=False)
    ax.set_yticks(range(count), names, parse_math=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    pairs = table.to_numpy()[np.triu_indices(count, k=1)]
    titled(ax, f"Kendall's tau of queues: {_span(pairs)}", 8.0)
    return ax


def plot_front(comparison: ScoreComparison, market: tuple[str, str], *, n: int = 8, ax: Axes | None = None) -> Axes:
    """Draw where the first positions of one queue stand under each score: a line for each position.

    Parameters
    ----------
    comparison : ScoreComparison
        What `adlkit.compare_scores` returns.
    market : (str, str)
        Symbol and side, e.g. ``("BTC", "short")``.
    n : int, default 8
        Places that are drawn. Lines of positions that are first under the first score are coloured.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        A line leaves the figure where a score puts the position behind place `n`.

    Examples
    --------
    >>> import adlkit as adl
    >>> scores = {"BitMEX": adl.scores.bitmex, "return": adl.scores.return_only}
    >>> compared = adl.compare_scores(adl.load_dataset("synthetic_crash"), scores)
    >>> ax = plot_front(compared, ("BTC", "short"))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['BitMEX', 'return']
    """
    ranks = comparison.front(market, n=n)
    names = [str(name) for name in ranks.columns]
    ax = axes(ax, rows=n)
    places = ranks.to_numpy()
    for account, row in zip(ranks.index.get_level_values("account"), places, strict=True):
        is_marked = row[0] <= n
        colour = LINES[int(row[0] - 1) % len(LINES)] if is_marked else "#d4d9de"
        heights = np.fmin(row, n + 1.6)
        ax.plot(range(len(names)), heights, color=colour, linewidth=2.2 if is_marked else 1.0, zorder=2 + is_marked)
        inside = np.flatnonzero(row <= n)
        ax.plot(inside, row[inside], "o", color=colour, markersize=6 if is_marked else 3, zorder=4)
        if is_marked:
            ax.text(-0.12, row[0], plain(account, 14), ha="right", va="center", fontsize=9, color=colour)
    ax.set_xticks(range(len(names)), [plain(name, NAME_LENGTH) for name in names], parse_math=False)
    ax.tick_params(axis="x", length=0)
    if len(names) > 4:
        plt.setp(ax.get_xticklabels(), rotation=20, ha="right")
    ax.set_yticks(range(1, n + 1))
    ax.yaxis.tick_right()
    ax.set_xlim(-0.9, len(names) - 0.7)
    ax.set_ylim(n + 0.9, 0.4)
    kept = int((places[places[:, 0] <= n] <= n).all(axis=1).sum())
    symbol, side = market
    finding = f"{symbol} {side}: {kept} of the first {min(n, len(places))} under {names[0]} are first under all scores"
    finished(ax, finding, "", grid="x")
    ax.spines["bottom"].set_visible(False)
    ax.set_ylabel(f"rank (behind {n}: below the figure)")
    return ax


def plot_lorenz(comparison: RuleComparison, *, ax: Axes | None = None) -> Axes:
    """Draw the Lorenz curve of what accounts give under each policy, read from its upper end.

    Parameters
    ----------
    comparison : RuleComparison
        What `adlkit.compare_rules` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Share that the largest payers bear, over their share of all accounts that are asked; logarithmic, since a few
        bear most. The nearer to the upper left corner, the fewer.

    Examples
    --------
    >>> import adlkit as adl
    >>> policies = {"profit": adl.policies.profit_pro_rata, "levered": adl.policies.levered_pro_rata}
    >>> ax = plot_lorenz(adl.compare_rules(adl.load_dataset("four_accounts"), 10.0, policies))
    >>> [line.get_label() for line in ax.lines][:2]
    ['profit · Gini 0.44', 'levered · Gini 0.38']
    """
    ax = axes(ax, rows=8)
    table = comparison.payers()
    if table["top_1_percent"].isna().all():
        return empty(ax, "Nothing is taken")
    for place, (name, curve) in enumerate(comparison.lorenz().items()):
        label = f"{plain(name, NAME_LENGTH)} · Gini {table['gini'][name]:.2f}"
        largest = curve.iloc[:-1]
        colour = LINES[place % len(LINES)]
        ax.plot(1 - largest["payers"], 1 - largest["amount"], color=colour, linewidth=2.0, label=label)
    shares = np.geomspace(1.0 / len(curve), 1.0, 50)
    ax.plot(shares, shares, color=FAINT, linewidth=0.8, linestyle=":", label="all give the same")
    ax.set_xscale("log")
    ax.legend(loc="lower center", frameon=False, fontsize=9)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))
    ax.set_xlim(shares[0], 1)
    ax.set_ylim(0, 1.01)
    ax.set_ylabel("share of what is taken")
    few = table["top_1_percent"]
    return finished(ax, f"The largest 1% of payers bear {_range(few)}", "share of accounts, largest payers first")


def plot_deciles(comparison: ScoreComparison | RuleComparison, key: str, *, ax: Axes | None = None) -> Axes:
    """Draw the share that each decile of the positions bears, a line for each score or policy.

    Parameters
    ----------
    comparison : ScoreComparison or RuleComparison
        What `adlkit.compare_scores` or `adlkit.compare_rules` returns.
    key : str
        "size", "leverage" or "profit".
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        A score is drawn for the first 5% of each queue.

    Examples
    --------
    >>> import adlkit as adl
    >>> policies = {"profit": adl.policies.profit_pro_rata, "levered": adl.policies.levered_pro_rata}
    >>> ax = plot_deciles(adl.compare_rules(adl.load_dataset("four_accounts"), 10.0, policies), "leverage")
    >>> ax.get_xlabel()
    'decile of leverage, 10 = largest'
    """
    table = comparison.by_decile(key)
    ax = axes(ax, rows=8)
    if table.isna().all(axis=None):
        return empty(ax, "Nothing is taken")
    for place, (name, shares) in enumerate(table.items()):
        colour = LINES[place % len(LINES)]
        ax.plot(table.index, shares, "o-", color=colour, linewidth=2.0, markersize=4, label=plain(name, NAME_LENGTH))
    ax.legend(loc="best", frameon=False, fontsize=9)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    ax.set_xticks(table.index)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("share of what is taken")
    peak = table.dropna(axis=1, how="all").idxmax()
    finding = (
        f"All take most from decile {peak.iloc[0]} of {key}"
        if peak.nunique() == 1
        else f"Most is taken from decile {peak.min()} ({peak.idxmin()}) to decile {peak.max()} ({peak.idxmax()})"
    )
    return finished(ax, finding, f"decile of {key}, 10 = largest", grid="y")


def plot_properties(tables: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Draw which properties several policies violate.

    Parameters
    ----------
    tables : mapping, name -> DataFrame
        What `adlkit.check_properties` returns for each policy.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        A filled cell is a violation, with the share of the random markets that show it.

    Examples
    --------
    >>> import adlkit as adl
    >>> tables = {"water-filling": adl.check_properties(adl.policies.water_filling, n_markets=200)}
    >>> ax = plot_properties(tables)
    >>> ax.get_title(loc="left")
    'Fewest violated: water-filling (2 of 18)'
    """
    if not tables:
        return empty(axes(ax, rows=2), "No policies")
    verdicts = pd.DataFrame({name: table["verdict"] for name, table in tables.items()})
    shares = pd.DataFrame({name: table["violations"] for name, table in tables.items()})
    level = verdicts.map({HOLDS: 0.0, FAILS: 1.0}.get).to_numpy(dtype=float)
    if ax is None:
        size = (3.0 + 0.95 * len(verdicts.columns), 1.9 + 0.31 * len(verdicts))
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.imshow(level, cmap=ListedColormap(["#e3eef6", ADL]), vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(level):
        words = "–" if np.isnan(value) else percent(float(shares.to_numpy()[row, column])) if value else "·"
        ax.text(column, row, words, ha="center", va="center", fontsize=8, color="white" if value == 1 else FAINT)
    ax.set_xticks(
        range(len(verdicts.columns)), [plain(name, NAME_LENGTH) for name in verdicts.columns], parse_math=False
    )
    ax.tick_params(axis="x", length=0)
    plt.setp(ax.get_xticklabels(), rotation=30, ha="right")
    ax.set_yticks(range(len(verdicts)), list(verdicts.index))
    ax.tick_params(axis="y", length=0)
    ax.set_xticks(np.arange(0.5, len(verdicts.columns) - 1), minor=True)
    ax.set_yticks(np.arange(0.5, len(verdicts) - 1), minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    violated = (level == 1).sum(axis=0)
    best = ", ".join(str(name) for name in verdicts.columns[violated == violated.min()])
    titled(ax, f"Fewest violated: {best} ({violated.min()} of {len(verdicts)})", 8.0)
    return ax


def _range(shares: pd.Series) -> str:
    """Least and largest share, and whose they are."""
    return f"{percent(shares.min())} ({shares.idxmin()}) to {percent(shares.max())} ({shares.idxmax()})"


def _span(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    known = values[np.isfinite(values)]
    return f"{known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f}" if len(known) else "nothing to compare"
