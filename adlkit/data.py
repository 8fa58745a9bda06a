"""Embedded datasets: found, verified against their checksums, and typed."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pandas as pd

from adlkit.errors import DatasetError
from adlkit.panel import build_panel

PACKAGE = Path(__file__).resolve().parent
FOLDERS = (PACKAGE / "datasets", PACKAGE.parent / "datasets")
"""Where the datasets lie: in the installed package, or beside the package in a clone of the repository."""

PANELS = ("four_accounts", "synthetic_crash")
TIERS_OF = {"synthetic_crash": "synthetic_crash_tiers"}

# A column name means the same in every file; what is not named here is text.
TIMES = (
    "start",
    "end",
    "event_start",
    "event_end",
    "date_start",
    "date_end",
    "time_utc",
    "time_end_utc",
    "pre_crash_time_utc",
    "low_time_utc",
)
FLAGS = ("time_approx", "is_adl")
NUMBERS = (
    *("qty", "entry_price", "mark_price", "collateral", "maintenance_rate", "maintenance_deduction"),
    *("floor", "rate", "deduction", "depth", "exponent"),
    *("size_usd_low", "size_usd_high", "accounts_low", "accounts_high", "loss_usd_low", "loss_usd_high"),
    *("native_amount", "duration_s", "size_low", "size_high", "size_usd"),
    *("pnl_usd_low", "pnl_usd_high", "tvl_usd", "return_pct", "figure", "figure_low", "figure_high"),
    *("pre_crash_price", "low_price", "drop_pct"),
    *("price_5m_after_low", "price_1h_after_low", "price_24h_after_low"),
)


def dataset_names() -> list[str]:
    """Names of the embedded datasets, in alphabetical order.

    Returns
    -------
    list of str
        What `load_dataset` takes.

    Raises
    ------
    DatasetError
        If the installation holds no datasets.

    Examples
    --------
    >>> from adlkit.data import dataset_names
    >>> dataset_names()[:3]
    ['adl_episodes', 'crash_prices', 'four_accounts']
    """
    return sorted(_registry(_folder()))


def load_dataset(name: str) -> pd.DataFrame:
    """Read an embedded dataset; its bytes are verified first, no network is used.

    Parameters
    ----------
    name : str
        One of `dataset_names`. Sources, licences, columns and units of each file: ``datasets/README.md``.

    Returns
    -------
    DataFrame
        ``four_accounts`` and ``synthetic_crash`` as built panels (`build_panel`; the latter with its own
        tiers), the others with numbered rows. Times are datetime64[us, UTC], text is str, numbers float64,
        flags bool; an empty cell is NaT or NaN.

    Raises
    ------
    DatasetError
        If no dataset has this name, or if its file is missing or is not the one that was released.

    Examples
    --------
    >>> import adlkit as adl
    >>> adl.load_dataset("four_accounts")["qty"].tolist()
    [2.0, -2.0, -1.0, 1.0]
    >>> adl.load_dataset("adl_episodes")["event"].nunique()
    36
    """
    frame = _typed(_verified(name))
    if name not in PANELS:
        return frame
    return build_panel(frame, tiers=load_dataset(TIERS_OF[name]) if name in TIERS_OF else None)


def _folder() -> Path:
    for folder in FOLDERS:
        if (folder / "registry.txt").is_file():
            return folder
    raise DatasetError(f"no datasets: registry.txt is in none of {list(map(str, FOLDERS))}; reinstall adlkit")


def _registry(folder: Path) -> dict[str, str]:
    """SHA-256 of each dataset by name."""
    lines = (folder / "registry.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines)


def _verified(name: str) -> bytes:
    """Bytes of a dataset, the same that its checksum was taken of."""
    folder = _folder()
    registry = _registry(folder)
    if name not in registry:
        raise DatasetError(f"unknown dataset {name!r}; known: {sorted(registry)}")
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise DatasetError(f"dataset {name!r} is missing: no file {path}; reinstall adlkit")
    content = path.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != registry[name]:
        raise DatasetError(
            f"dataset {name!r} is damaged: SHA-256 of {path} is {found}, registry.txt says {registry[name]}; "
            "reinstall adlkit, or restore the file from the repository"
        )
    return content


def _typed(content: bytes) -> pd.DataFrame:
    text = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False, na_values=[""])
    return pd.DataFrame({name: _column(text[name]) for name in text})


def _column(text: pd.Series) -> pd.Series:
    if text.name in TIMES:
        return pd.to_datetime(text, format="ISO8601", utc=True).dt.as_unit("us")
    if text.name in FLAGS:
        return text == "true"
    return text.astype("float64") if text.name in NUMBERS else text
