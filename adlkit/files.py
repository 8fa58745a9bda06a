"""Files: tables read as they are, and files written whole or not at all."""

from __future__ import annotations

import os
import secrets
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from adlkit.errors import SourceError

Reader = Callable[[Path, Mapping[str, str]], pd.DataFrame]


def read_table(path: str | os.PathLike[str], *, dtypes: Mapping[str, str]) -> pd.DataFrame:
    r"""Read a table from csv, csv.gz or parquet: its columns under the names that stand in the file.

    Parameters
    ----------
    path : str or path
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file; addresses of the network are not opened.
    dtypes : mapping
        Type of the csv columns that may not be guessed, e.g. text that looks like numbers. An empty cell is missing;
        "NA" is text.

    Returns
    -------
    DataFrame
        Columns that stand twice keep their name.

    Raises
    ------
    SourceError
        If the file is absent, unreadable, empty or of another kind.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_whole(f"{folder}/positions.csv", b"account,qty\n007,1.5")
    ...     read_table(path, dtypes={"account": "str"}).to_dict("list")
    {'account': ['007'], 'qty': [1.5]}
    """
    file = Path(path)
    if not file.is_file():
        raise SourceError(f"{file} is a folder; give a file" if file.is_dir() else f"no such file: {file}")
    suffix = next((suffix for suffix in _READERS if file.name.lower().endswith(suffix)), None)
    if suffix is None:
        raise SourceError(f"{file.name}: unknown suffix {file.suffix!r}; known: {list(_READERS)}")
    try:
        return _READERS[suffix](file, dtypes)
    except pd.errors.EmptyDataError as error:
        raise SourceError(f"{file.name} is empty; check it or download it again") from error
    except ImportError as error:
        raise SourceError("reading parquet needs pyarrow: pip install 'adlkit[data]'") from error
    except (OSError, EOFError, zlib.error, ValueError, pd.errors.ParserWarning) as error:
        why = f"{file.name} cannot be read as {suffix[1:]}: {' '.join(str(error).split())}"
        raise SourceError(f"{why}; check it or download it again") from error


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file whole or not at all: beside its place first, then into it in one step.

    Parameters
    ----------
    path : str or path
        The file; one that exists is replaced.
    content : bytes
        All of it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/fills.csv", b"symbol,qty").read_text()
    'symbol,qty'
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; give a file")
    place = target.resolve() if target.is_symlink() else target
    if not place.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {place.parent}")
    draft = place.with_name(f".{place.name[:64]}.{secrets.token_hex(6)}.part")
    try:
        with draft.open("xb") as file:
            file.write(content)
        draft.replace(place)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def _read_csv(file: Path, dtypes: Mapping[str, str]) -> pd.DataFrame:
    how: dict[str, Any] = {
        "compression": "gzip" if file.suffix.lower() == ".gz" else None,
        "encoding": "utf-8-sig",
        "keep_default_na": False,  # a symbol may be called NA; only an empty cell is missing
        "na_values": [""],
    }
    header = pd.read_csv(file, header=None, nrows=1, dtype=str, **how).iloc[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # more cells than the header has
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # mixed columns are told by the checks that follow
        frame: pd.DataFrame = pd.read_csv(file, dtype=dict(dtypes), index_col=False, **how)
    return frame.set_axis(header.fillna("").tolist(), axis=1)  # pandas renames what stands twice


def _read_parquet(file: Path, _: Mapping[str, str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_parquet(file, engine="pyarrow", partitioning=None)
    return frame.reset_index(drop=frame.index.names == [None])


_READERS: dict[str, Reader] = {".csv": _read_csv, ".csv.gz": _read_csv, ".parquet": _read_parquet}
