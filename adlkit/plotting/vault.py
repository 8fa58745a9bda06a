"""Figures of a backstop vault: where its profit comes from, its equity on the way, its outcomes, its break-even."""

from __future__ import annotations

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.ticker import FuncFormatter

from adlkit.contracts import Floats
from adlkit.plotting.figure import ADL, BAR, BOOK, FAINT, INK, OWED, axes, finished, name_rows
from adlkit.plotting.words import percent, short, signed_move
from adlkit.vault import VaultPnl, VaultRisk

PART_NAMES = {
    "discount": "discount at takeover",
    "fall": "further fall",
    "rebound": "rebound",
    "impact": "impact of exits",
    "relief": "ADL relief",
    "fees": "fees",
    "funding": "funding",
    "total": "total",
}
OPTIONAL_PARTS = ("relief", "fees", "funding")
"""Parts that are not drawn where they are zero."""
BINS = 40
GAIN_AND_LOSS = LinearSegmentedColormap.from_list("gain_and_loss", [ADL, "#f7f3ee", BOOK])


def plot_attribution(pnl: VaultPnl, *, unit: str = "ccy", ax: Axes | None = None) -> Axes:
    """Draw how the parts of a vault's profit make up the total: each bar starts where the one above it ends.

    Parameters
    ----------
    pnl : VaultPnl
        What `adlkit.vault_pnl` returns.
    unit : str, default "ccy"
        Currency, for the axis.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Horizontal bars [ccy], gains and losses in two colours; relief, fees and funding only where they are not zero.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=2, freq="min", unit="us")
    >>> prices = pd.DataFrame({"BTC": [100.0, 90.0]}, index=times)
    >>> trades = pd.DataFrame({"time": times[:1], "symbol": "BTC", "qty": 2.0, "price": 85.0, "cash": 0.0})
    >>> pnl = adl.vault_pnl(trades.assign(fee=0.0, kind="takeover"), prices)
    >>> plot_attribution(pnl).get_title(loc="left")
    'The vault gains 10: 30 of discount at takeover, −20 of further fall'
    """
    parts = pnl.parts
    parts = parts[[name not in OPTIONAL_PARTS or value != 0 for name, value in parts.items()]]
    ends = parts.cumsum().to_numpy()
    width = np.append(parts.to_numpy(), pnl.total)
    starts = np.append(np.append(0.0, ends[:-1]), 0.0)
    ax = axes(ax, rows=len(width))
    colours = [BOOK if value >= 0 else ADL for value in width[:-1]]
    ax.barh(range(len(width)), width, left=starts, color=[*colours, OWED], height=BAR)
    for row, end in enumerate(ends):
        ax.plot([end, end], [row + BAR / 2, row + 1 - BAR / 2], color=FAINT, linewidth=0.8)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    _label_signed(ax, starts, starts + width, width)
    name_rows(ax, [PART_NAMES[str(name)] for name in (*parts.index, "total")])
    ax.xaxis.set_major_formatter(FuncFormatter(_signed))
    return finished(ax, _attribution_finding(parts, pnl.total), f"profit of the vault [{unit}]")


def plot_equity(equity: pd.Series, *, unit: str = "ccy", ax: Axes | None = None) -> Axes:
    """Draw the equity of a vault over time, or its profit, and how far it is below its highest so far.

    Parameters
    ----------
    equity : Series, index time
        [ccy], e.g. ``history["total"]`` of `adlkit.vault_pnl`.
    unit : str, default "ccy"
        Currency, for the axis.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        A line [ccy]; the area up to the highest equity so far is the drawdown.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=4, freq="min", unit="us")
    >>> plot_equity(pd.Series([0.0, 30.0, -10.0, 20.0], index=times)).get_title(loc="left")
    'Ends at 20; largest drawdown 40, at 21:02 UTC'
    """
    ax = axes(ax, rows=8)
    peak = equity.cummax()
    drawdown = peak - equity
    ax.fill_between(equity.index, equity, peak, color=ADL, alpha=0.22, linewidth=0.0, label="drawdown")
    ax.plot(equity.index, peak, color=ADL, linewidth=0.9, alpha=0.7, label="highest so far")
    ax.plot(equity.index, equity, color=BOOK, linewidth=1.8, label="equity")
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    ax.yaxis.set_major_formatter(FuncFormatter(_signed))
    ax.set_ylabel(f"[{unit}]", parse_math=False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    deepest = pd.DatetimeIndex(equity.index)[int(drawdown.argmax())]
    finding = f"Ends at {_signed(equity.iloc[-1])}; largest drawdown {short(drawdown.max())}"
    finding += f", at {deepest:%H:%M} UTC" if drawdown.max() > 0 else ""
    return finished(ax, finding, "time of day [UTC]", grid="y")


def plot_vault_risk(risk: VaultRisk, *, unit: str = "ccy", ax: Axes | None = None) -> Axes:
    """Draw the distribution of a vault's profit over the paths, its mean and its expected shortfall.

    Parameters
    ----------
    risk : VaultRisk
        What `adlkit.vault_risk` returns.
    unit : str, default "ccy"
        Currency, for the axis.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Bars: number of paths by profit [ccy], losses and gains in two colours; the bins meet at zero.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10T21:00Z", periods=2, freq="h", unit="us")
    >>> index = pd.MultiIndex.from_product([[0, 1], times], names=["path", "time"])
    >>> risk = adl.vault_risk(pd.Series([10.0, 4.0, 10.0, 30.0], index=index))
    >>> plot_vault_risk(risk).get_title(loc="left")
    'The vault loses on 50% of 2 paths; expected shortfall at 95%: 6'
    """
    ax = axes(ax, rows=8)
    profit = risk.by_path["profit"].to_numpy(dtype=float)
    edges = _edges(profit)
    losses, gains = profit[profit < 0], profit[profit >= 0]
    for values, colour, label in ((losses, ADL, "loss"), (gains, BOOK, "gain")):
        ax.hist(values, bins=list(edges), color=colour, edgecolor="white", linewidth=0.4, label=label)
    shortfall = risk.expected_shortfall
    ax.axvline(profit.mean(), color=INK, linewidth=1.4, label=f"mean {_signed(profit.mean())}")
    tail = f"mean of the worst {100 * (1 - risk.level):.3g}%: {_signed(-shortfall)}"
    ax.axvline(-shortfall, color=INK, linewidth=1.4, linestyle=(0, (4, 3)), label=tail)
    ax.axvline(0.0, color=FAINT, linewidth=0.8)
    ax.xaxis.set_major_formatter(FuncFormatter(_signed))
    ax.set_ylabel("paths")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    share = percent(len(losses) / len(profit))
    finding = f"The vault loses on {share} of {len(profit):,} paths; "
    finding += f"expected shortfall at {percent(risk.level)}: {_signed(shortfall)}"
    return finished(ax, finding, f"profit of the vault [{unit}]", grid="y")


def plot_break_even(profit: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a map of a takeover's profit by discount and rebound, and the line on which it breaks even.

    Parameters
    ----------
    profit : DataFrame, index discount [1] x columns rebound [1], both ascending, two or more each
        Profit per unit of notional [1], e.g. what `adlkit.takeover_profit` returns for an outer grid, or the mean over
        simulated paths.
    ax : Axes, optional
        Where to draw; a new figure without it.

    Returns
    -------
    Axes
        Colours [% of notional], white at zero, and the zero contour.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> discount, rebound = np.linspace(0.0, 0.2, 21), np.linspace(0.0, 1.0, 11)
    >>> profit = pd.DataFrame(adl.takeover_profit(discount[:, None], 0.1, rebound), index=discount, columns=rebound)
    >>> plot_break_even(profit).get_title(loc="left")
    'Break-even at a discount of 10% without a rebound, 0% with 100% regained'
    """
    ax = axes(ax, rows=9)
    discount, rebound, values = (np.asarray(part, dtype=float) for part in (profit.index, profit.columns, profit))
    reach = max(float(np.abs(values).max()), 1e-12)
    mesh = ax.pcolormesh(
        rebound, discount, values, cmap=GAIN_AND_LOSS, norm=TwoSlopeNorm(0.0, -reach, reach), shading="gouraud"
    )
    if values.min() < 0 < values.max():
        line = ax.contour(rebound, discount, values, levels=[0.0], colors=[INK], linewidths=2.0)
        ax.clabel(line, fmt={0.0: "break-even"}, fontsize=9)
    bar = ax.figure.colorbar(mesh, ax=ax, format=FuncFormatter(lambda share, _: _signed_percent(share)))
    bar.set_label("profit / notional")
    bar.outline.set_visible(False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))
    ax.set_ylabel("discount at takeover")
    finished(ax, _break_even_finding(discount, rebound, values), "part of the further fall regained (logs)")
    ax.grid(visible=False)
    return ax


def _label_signed(ax: Axes, starts: Floats, ends: Floats, width: Floats) -> None:
    """Signed amounts to the right of bars, and room for them."""
    for row, (start, end, value) in enumerate(zip(starts, ends, width, strict=True)):
        right = (max(float(start), float(end)), row)
        ax.annotate(_signed(value, plus="+"), right, xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    low, high = min(float(starts.min()), float(ends.min())), max(float(starts.max()), float(ends.max()))
    room = (high - low) or 1.0
    ax.set_xlim(low - 0.03 * room, high + 0.13 * room)


def _signed(value: float, _: float | None = None, *, plus: str = "") -> str:
    """An amount with a minus sign as wide as a plus."""
    text = short(abs(value))
    return text if float(value) == 0 else f"{'−' if value < 0 else plus}{text}"


def _signed_percent(share: float) -> str:
    return "0%" if abs(share) < 1e-12 else signed_move(share)


def _attribution_finding(parts: pd.Series, total: float) -> str:
    """The total and its two largest parts."""
    largest = parts.iloc[np.argsort(-parts.abs().to_numpy(), kind="stable")[:2]]
    words = [f"{_signed(value)} of {PART_NAMES[str(name)]}" for name, value in largest.items() if value != 0]
    verb = "gains" if total >= 0 else "loses"
    return f"The vault {verb} {short(abs(total))}" + (f": {', '.join(words)}" if words else "")


def _edges(profit: Floats) -> Floats:
    """Edges of bins of one width, one of them zero, that cover all profits."""
    low, high = min(float(profit.min()), 0.0), max(float(profit.max()), 0.0)
    width = (high - low) / BINS or 1.0
    return np.asarray(width * np.arange(np.floor(low / width), np.ceil(high / width) + 1.5))


def _break_even_finding(discount: Floats, rebound: Floats, values: Floats) -> str:
    """Discounts from which on the vault gains, at the least and the largest rebound drawn."""
    words = []
    for column in (0, -1):
        gains = np.flatnonzero(values[:, column] >= -1e-12)
        least = percent(discount[gains[0]]) if len(gains) else "none drawn"
        regained = float(rebound[column])
        words.append(f"{least} " + (f"with {percent(regained)} regained" if regained else "without a rebound"))
    return f"Break-even at a discount of {', '.join(words)}"
