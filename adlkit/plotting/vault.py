"""Figures of a vault: where its profit comes from, how it spreads over crashes, what it needs, what drives it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from adlkit.plotting.figure import ADL, BAR, BOOK, BUFFERS, FAINT, INK, axes, finished, name_rows
from adlkit.plotting.words import in_thousands, percent, short
from adlkit.simulation import OutcomeRegression
from adlkit.vault import VaultPnl, VaultRisk, break_even_rebound

BINS = 40


def plot_vault_pnl(pnl: VaultPnl, *, ax: Axes | None = None) -> Axes:
    """Draw the parts of a vault's profit as steps that lead to the total.

    Parameters
    ----------
    pnl : VaultPnl
        What `adlkit.vault_pnl` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Horizontal bars [ccy], each from where the one before it ended; the last is the total.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10 21:00", periods=2, freq="min", tz="UTC")
    >>> trade = {"time": times[:1], "symbol": "BTC", "qty": 1.0, "price": 90.0, "kind": "takeover"}
    >>> pnl = adl.vault_pnl(pd.DataFrame(trade), pd.DataFrame({"BTC": [95.0, 93.0]}, index=times))
    >>> plot_vault_pnl(pnl).get_title(loc="left")
    'The vault earns 3: most of it is discount (5)'
    """
    parts = pnl.parts
    ax = axes(ax, rows=len(parts) + 1)
    ends = parts.cumsum().to_numpy()
    starts = np.append(0.0, ends[:-1])
    colours = [BUFFERS[0] if value >= 0 else ADL for value in parts]
    ax.barh(range(len(parts)), parts, left=starts, color=colours, height=BAR)
    ax.barh(len(parts), pnl.total, color=INK, height=BAR)
    low, high = min(ends.min(), 0.0), max(ends.max(), 0.0)
    room = 0.16 * (high - low or 1.0)
    ax.set_xlim(low - room, high + room)
    for row, (start, end, value) in enumerate(
        zip([*starts, 0.0], [*ends, pnl.total], [*parts, pnl.total], strict=True)
    ):
        at, side = (max(start, end), 4) if value >= 0 else (min(start, end), -4)
        ax.annotate(
            f"{value:+,.3g}" if abs(value) < 1000 else ("+" if value > 0 else "") + short(float(value)),
            (at, row),
            xytext=(side, 0),
            textcoords="offset points",
            va="center",
            ha="left" if side > 0 else "right",
            fontsize=9,
        )
    ax.axvline(0.0, color=INK, linewidth=0.8)
    name_rows(ax, [*parts.index, "total"])
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    largest = str(parts.abs().idxmax())
    verb = "earns" if pnl.total >= 0 else "loses"
    finding = (
        f"The vault {verb} {short(abs(pnl.total))}: most of it is {largest} ({short(float(parts[largest]))})"
        if (parts[largest] >= 0) == (pnl.total >= 0)
        else f"The vault {verb} {short(abs(pnl.total))}, although {largest} makes {short(float(parts[largest]))}"
    )
    return finished(ax, finding, "profit [ccy]")


def plot_vault_risk(risk: VaultRisk, *, ax: Axes | None = None) -> Axes:
    """Draw how a vault's profit is spread over the paths of an ensemble.

    Parameters
    ----------
    risk : VaultRisk
        What `adlkit.vault_risk` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Histogram of profit [ccy], with lines at the median and at the expected shortfall.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10", periods=2, freq="min", tz="UTC")
    >>> index = pd.MultiIndex.from_product([range(4), times], names=["path", "time"])
    >>> risk = adl.vault_risk(pd.Series([10.0, 12.0, 10.0, 9.0, 10.0, 13.0, 10.0, 11.0], index=index))
    >>> plot_vault_risk(risk).get_title(loc="left")
    'The vault loses on 25% of 4 paths (95% limits 0.6% to 81%)'
    """
    ax = axes(ax, rows=6)
    pnl = risk.table["pnl"]
    ax.hist(pnl, bins=min(BINS, max(4, len(pnl) // 5)), color=BUFFERS[1])
    for at, label, colour in (
        (float(pnl.median()), "median", INK),
        (-risk.expected_shortfall, f"mean of the worst {1 - risk.level:.0%}", ADL),
    ):
        ax.axvline(at, color=colour, linewidth=1.4, label=f"{label}: {short(at)}")
    ax.legend(frameon=False, fontsize=9)
    ax.xaxis.set_major_formatter(FuncFormatter(in_thousands))
    ax.set_ylabel("paths")
    share, low, high = (float(risk.probabilities[name]["loss"]) for name in ("probability", "low", "high"))
    limits = f"{risk.level:.0%} limits {percent(low)} to {percent(high)}"
    finding = f"The vault loses on {percent(share)} of {len(pnl):,} paths ({limits})"
    return finished(ax, finding, "profit over the path [ccy]", grid="y")


def plot_break_even(*, cost: float = 0.0, ax: Axes | None = None) -> Axes:
    """Draw the rebound that a takeover needs, by discount and further fall.

    Parameters
    ----------
    cost : float, default 0
        Impact and fees of the exit [1].
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Shades and contours of `adlkit.break_even_rebound` [1]; left above the line of 0 no rebound is needed.

    Examples
    --------
    >>> plot_break_even(cost=0.002).get_xlabel()
    'further fall after the takeover'
    """
    ax = axes(ax, rows=8)
    fall, discount = np.linspace(0.005, 0.5, 120), np.linspace(0.0, 0.1, 80)
    needed = np.asarray(break_even_rebound(discount[:, None], fall[None, :], cost=cost))
    shades = ax.contourf(fall, discount, np.clip(needed, -0.5, 1.0), levels=np.linspace(-0.5, 1.0, 31), cmap="cividis")
    lines = ax.contour(fall, discount, needed, levels=[0.0, 0.25, 0.5, 0.75, 0.9], colors="white", linewidths=1.0)
    ax.clabel(lines, fmt=lambda value: f"{value:.0%}", fontsize=9)
    bar = ax.figure.colorbar(shades, ax=ax, pad=0.02, ticks=[-0.5, 0.0, 0.5, 1.0])
    bar.set_label("rebound needed, share of the fall (below 0: earns without)")
    bar.outline.set_visible(False)
    for axis in (ax.xaxis, ax.yaxis, bar.ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    ax.set_ylabel("discount at takeover")
    part = float(np.asarray(break_even_rebound(0.02, 0.2, cost=cost)))
    finding = f"A 2% discount before a further fall of 20% needs {percent(part)} of that fall back"
    return finished(ax, finding, "further fall after the takeover", grid="y")


def plot_regression(regression: OutcomeRegression, *, ax: Axes | None = None) -> Axes:
    """Draw what a standard deviation of each term does to the outcome.

    Parameters
    ----------
    regression : OutcomeRegression
        What `adlkit.outcome_regression` returns.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Points and intervals in units of the outcome, without the intercept, largest first.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> rng = np.random.default_rng(7)
    >>> data = pd.DataFrame({"depth": rng.uniform(0.1, 0.5, 200)}, index=pd.RangeIndex(200, name="path"))
    >>> data["vault_return"] = 0.1 - 0.5 * data["depth"] + rng.normal(0, 0.01, 200)
    >>> plot_regression(adl.outcome_regression(data, "vault_return ~ depth")).get_yticklabels()[0].get_text()
    'depth'
    """
    table = regression.table.drop(index="Intercept", errors="ignore")
    table = table.loc[table["effect"].abs().sort_values(ascending=False).index]
    ax = axes(ax, rows=len(table))
    rows = range(len(table))
    ax.hlines(rows, table["effect_low"], table["effect_high"], color=BOOK, linewidth=2.2)
    ax.plot(table["effect"], rows, "o", color=BOOK)
    ax.axvline(0.0, color=FAINT, linewidth=0.9)
    name_rows(ax, list(table.index))
    response = regression.formula.split("~", maxsplit=1)[0].strip()
    finding = (
        f"{table.index[0]} moves {response} most; the terms explain {percent(regression.r_squared)} of its variance"
    )
    return finished(
        ax, finding, f"change of {response} per standard deviation of the term, {regression.level:.0%} interval"
    )
