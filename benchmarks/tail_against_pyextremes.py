"""Tails of daily BTC and ETH falls: adlkit beside pyextremes, which has to be installed for this.

    python benchmarks/tail_against_pyextremes.py FOLDER

FOLDER holds daily Binance bars as CryptoDataDownload writes them. Worst fall of each day against the close before,
exceedances on consecutive days are one event; intervals of 95%. Those of pyextremes are percentiles of 1,000 refits.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from pyextremes import EVA

import adlkit as adl

FILES = {
    "BTC": ("binance_btcusdt_daily_2017_2025.csv", 0.08),
    "ETH": ("binance_ethusdt_daily_2017_2025.csv", 0.10),
}
PERIODS = [1.0, 5.0, 20.0]
logging.disable(logging.INFO)


def beside(falls: pd.Series, threshold: float) -> pd.DataFrame:
    """Estimates and intervals of both, one column each."""
    fit = adl.fit_tail(falls, threshold=threshold, gap=1)
    rng = np.random.default_rng(7)
    columns = {"profile": named(fit, fit.return_levels(PERIODS), fit.shape_interval())}
    for name, sample in (("posterior", fit.posterior(4_000, rng=rng)), ("resampled", fit.resample(1_000, rng=rng))):
        columns[name] = named(fit, sample.return_levels(PERIODS), sample.shape_interval())
    return pd.DataFrame({**columns, "pyextremes": theirs(falls, threshold)})


def named(fit: adl.TailFit, levels: pd.DataFrame, shape: tuple[float, float]) -> dict[str, float]:
    """Numbers of adlkit by name."""
    values = {"events": fit.n_clusters, "shape": fit.shape, "shape low": shape[0], "shape high": shape[1]}
    values |= {"scale": fit.scale}
    for years, row in levels.iterrows():
        values |= {
            f"{years:g} y level": row["estimate"],
            f"{years:g} y low": row["low"],
            f"{years:g} y high": row["high"],
        }
    return values


def level_names(years: float) -> list[str]:
    """Names of a return level and of the ends of its interval."""
    return [f"{years:g} y {what}" for what in ("level", "low", "high")]


def theirs(falls: pd.Series, threshold: float) -> dict[str, float]:
    """Numbers of pyextremes by name."""
    model = EVA(falls)
    model.get_extremes("POT", threshold=threshold, r="24h")
    model.fit_model(model="MLE", distribution="genpareto")
    found = model.model.fit_parameters
    values = {"events": len(model.extremes), "shape": found["c"], "scale": found["scale"]}
    table = model.get_summary(PERIODS, return_period_size="365.25D", alpha=0.95, n_samples=1_000)
    for years, row in table.iterrows():
        values |= dict(zip(level_names(years), row, strict=True))
    return values


def main(folder: Path) -> None:
    warnings.simplefilter("ignore", FutureWarning)
    for coin, (name, threshold) in FILES.items():
        bars = pd.read_csv(folder / name, index_col="Date", parse_dates=True).sort_index().rename(columns=str.lower)
        falls = adl.worst_moves(bars)["down"]
        deep, closed = (falls >= 0.10).sum(), (bars["close"].pct_change() <= -0.10).sum()
        print(f"{coin}: {len(falls):,} days to {falls.index[-1]:%Y-%m-%d}, falls over {threshold:.0%}; ", end="")
        print(f"{deep} days with a low at least 10% under the last close, {closed} with such a close")
        print(beside(falls, threshold).round(4).to_string(), end="\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
