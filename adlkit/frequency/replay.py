"""How often days of the record would have exhausted a buffer: all symbols as they moved, no factor, no fitted tail."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.errors import CurveError
from adlkit.frequency.estimate import SIDES, FrequencyResult
from adlkit.frequency.lines import check_draws, checked_money, interval, inverse, one_moment, owners, share_of_tail
from adlkit.frequency.scenarios import account_deficits, checked_moves
from adlkit.groups import account_groups

REPLAY = "replay"
"""Label of the rows."""


def replayed_frequency(
    panel: pd.DataFrame,
    *,
    down: pd.DataFrame,
    up: pd.DataFrame,
    buffer: float,
    gap: int = 1,
    periods_per_year: float = 365.25,
    level: float = 0.95,
    n_resamples: int = 1000,
    n_panels: int = 200,
    rng: int | np.random.Generator,
) -> FrequencyResult:
    """Events a year in which the panel's shortfall on a day of the record exceeds a buffer.

    Parameters
    ----------
    panel : DataFrame
        Checked positions of one moment, in one settlement currency.
    down, up : DataFrame, period x symbol
        Worst fall and worst rise of each symbol [1], >= 0, falls below 1: columns of `worst_moves`, on one index in
        order of time.
    buffer : float
        What the venue can pay [ccy].
    gap : int, default 1
        Periods beyond the buffer at most so far apart are one event; 0: each is its own.
    periods_per_year : float, default 365.25
        Periods of the record that make a year.
    level, n_resamples, n_panels, rng
        As in `adl_frequency`.

    Returns
    -------
    FrequencyResult
        Symbol ``replay``. ``distance`` is NaN: a day has no one move. ``probability`` is the share of periods,
        ``per_year`` events over the record's years. What `FrequencyResult.sources` calls tail is here the record.

    Raises
    ------
    CurveError
        If moves miss a symbol, are negative, are not on one index, or a fall is not below 1; as in `adl_frequency`.

    Notes
    -----
    All symbols are put at their worst of the day at once. That is no bound: too much for accounts on one side, whose
    lows come apart in time, and too little for hedged ones, whose legs do too. The number of events is uncertain as
    that of a Poisson process: the low end of the interval is of Gamma(count), the high one of Gamma(count + 1), which
    without resampled accounts are the exact limits of `episode_rate`. Resampling days would claim certainty where no
    day was beyond the buffer.

    Examples
    --------
    >>> import numpy as np, pandas as pd, adlkit as adl
    >>> panel = adl.mark_to(adl.load_dataset("four_accounts"), {"BTC": 100.0})
    >>> days = pd.date_range("2015-01-01", periods=3650, tz="UTC")
    >>> rng = np.random.default_rng(7)
    >>> down, up = (pd.DataFrame({"BTC": rng.uniform(0.0, 0.3, len(days))}, days) for _ in range(2))
    >>> found = adl.frequency.replayed_frequency(panel, down=down, up=up, buffer=10.0, gap=0, n_panels=0, rng=7)
    >>> found.table["per_year"].round(1).to_dict()
    {('replay', 'long'): 62.1, ('replay', 'short'): 0.0, ('replay', 'both'): 62.1}
    """
    one_moment(panel)
    check_draws(level, n_resamples, n_panels)
    money, generator = float(checked_money(buffer, "buffer")), np.random.default_rng(rng)
    moves = _moves(panel, down, up)
    if gap < 0 or gap != int(gap):
        raise CurveError(f"gap must be a whole number of periods, not below zero, got {gap!r}")
    if not 0 < periods_per_year < np.inf:
        raise CurveError(f"periods_per_year must be finite and above zero, got {periods_per_year!r}")
    owed = account_deficits(panel, moves)
    weights = _weights(panel, n_panels, generator)
    is_beyond = (weights @ owed > money).reshape(len(weights), 2, -1)
    is_beyond = np.concatenate([is_beyond, is_beyond.any(axis=1, keepdims=True)], axis=1)
    years = len(down) / periods_per_year
    counts = _events(is_beyond, gap).astype(float)
    which = np.arange(n_resamples) % n_panels + 1 if n_panels else np.zeros(n_resamples, dtype=np.intp)
    fewest, most = (generator.standard_gamma(counts[which] + extra) / years for extra in (0.0, 1.0))
    by_record = generator.standard_gamma(np.broadcast_to(counts[0] + 0.5, most.shape)) / years
    return _result(counts / years, is_beyond[0].mean(axis=-1), (fewest, most), by_record, level, money)


def _moves(panel: pd.DataFrame, down: pd.DataFrame, up: pd.DataFrame) -> pd.DataFrame:
    """Falls, then rises, as signed moves."""
    if not (down.index.equals(up.index) and down.index.is_monotonic_increasing):
        raise CurveError("down and up must be on one index, sorted by time")
    if any((moves.to_numpy(dtype=float) < 0).any() for moves in (down, up)):
        raise CurveError("down and up are sizes of moves, not below zero")
    return pd.concat([checked_moves(panel, -down, "down"), checked_moves(panel, up, "up")])


def _weights(panel: pd.DataFrame, n: int, rng: np.random.Generator) -> Floats:
    """How often each account counts, in the panel and in `n` resamples of accounts (or owners)."""
    accounts = account_groups(panel)
    unit = accounts.first(owners(panel))
    size = int(unit.max()) + 1
    times = [np.bincount(rng.integers(size, size=size), minlength=size)[unit] for _ in range(n)]
    return np.vstack([np.ones(accounts.size), *times])


def _events(is_beyond: Flags, gap: int) -> Floats:
    """Number of clusters along the last axis."""
    recent = np.zeros_like(is_beyond)
    for back in range(1, int(gap) + 1):
        recent[..., back:] |= is_beyond[..., :-back]
    return np.asarray((is_beyond & ~recent).sum(axis=-1))


def _result(
    rates: Floats, share: Floats, draws: tuple[Floats, Floats], by_record: Floats, level: float, buffer: float
) -> FrequencyResult:
    """Tables of a result; `rates` has one row per panel, the panel itself first."""
    low, high = interval(draws[0], level)[0], interval(draws[1], level)[1]
    record_low, record_high = interval(by_record, level)
    panel_low, panel_high = interval(rates[1:], level) if len(rates) > 1 else (np.full(3, np.nan),) * 2
    index = pd.MultiIndex.from_product([[REPLAY], SIDES], names=["symbol", "side"])
    table = {"distance": np.nan, "probability": share, "per_year": rates[0], "low": low, "high": high}
    sources = {"tail_low": record_low, "tail_high": record_high, "panel_low": panel_low, "panel_high": panel_high}
    return FrequencyResult(
        pd.DataFrame(table | {"return_period": inverse(rates[0])}, index=index),
        pd.DataFrame(sources | {"tail_share": share_of_tail(by_record, rates[1:])}, index=index),
        level,
        buffer,
        len(rates) - 1,
    )
