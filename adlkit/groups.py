"""Groups of rows by index levels: accounts, markets, symbols, as integer codes and never as labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit.contracts import Flags, Floats
from adlkit.errors import PanelError

Codes = npt.NDArray[np.intp]
MANY = 2**13
"""Groups from which on they are not sorted one by one."""


class Groups(NamedTuple):
    """Integer codes of a grouping, one per row, each below `size`; unused codes are allowed."""

    codes: Codes
    size: int

    def of(self, rows: Flags) -> Groups:
        """The same groups, of some of the rows."""
        return Groups(self.codes[rows], self.size)

    def total(self, values: Floats) -> Floats:
        """Sum of `values` per group, shape (size,)."""
        return np.asarray(np.bincount(self.codes, weights=values, minlength=self.size), dtype=np.float64)

    def spread(self, values: Floats) -> Floats:
        """Sum of `values` over the group of each row, shape of the rows."""
        return self.total(values)[self.codes]

    def running(self, values: Floats) -> Floats:
        """Cumulative sum that starts anew in each group; the rows of a group stand together.

        The total of a group is taken off behind its last row, which leaves exactly zero (both are sums in row order):
        each group has the digits that it has alone.
        """
        ends = np.flatnonzero(self.codes[1:] != self.codes[:-1])
        padded = np.insert(values, ends + 1, -self.total(values)[self.codes[ends]])
        return np.delete(np.cumsum(padded), ends + 1 + np.arange(len(ends)))

    def ahead(self, values: Floats) -> Floats:
        """Sum of the values before each row in its group, without the cancellation of a difference."""
        before = np.concatenate(([0.0], self.running(values)))[: len(values)]
        before[np.flatnonzero(self.codes[1:] != self.codes[:-1]) + 1] = 0.0
        return before

    def first(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """First of `values` in each group, shape (size,); zero for a group without rows."""
        result = np.zeros(self.size, dtype=values.dtype)
        result[self.codes[::-1]] = values[::-1]
        return result


def occurring(codes: Codes) -> tuple[Codes, Codes]:
    """The codes that occur, sorted, and the place of each row's among them. O(n + largest code)."""
    is_there = np.zeros(int(codes.max(initial=-1)) + 1, dtype=bool)
    is_there[codes] = True
    return np.flatnonzero(is_there), np.cumsum(is_there)[codes] - 1


def sorted_within(codes: Codes, key: Floats, ties: Callable[[], Sequence[npt.NDArray[Any]]]) -> Codes:
    """Order of rows by group, then by `key`, ascending; `ties` are further keys, asked for if rows tie.

    As ``np.lexsort((*reversed(ties()), key, codes))`` and several times faster where few rows tie. The last of the
    further keys must tell all rows of a group apart.
    """
    if len(key) and (key == key[0]).all() and len(further := ties()) > 1:
        return sorted_within(codes, further[0], lambda: further[1:])
    order = _sorted_by(codes, key)
    same = (codes[order[1:]] == codes[order[:-1]]) & (key[order[1:]] == key[order[:-1]])
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(tied):
        run = np.cumsum(np.append(True, ~same))[tied]
        among = order[tied]
        order[tied] = among[np.lexsort((*[further[among] for further in reversed(ties())], run))]
    return order


def _sorted_by(codes: Codes, key: Floats) -> Codes:
    """Order by group and key, ties in any order: groups side by side by a radix sort, then each by itself."""
    small = codes.astype(np.uint16) if codes.max(initial=0) < 2**16 else codes
    size = np.bincount(codes)
    if len(size) > MANY:
        order = np.argsort(key)
        return order[np.argsort(small[order], kind="stable")]
    order = np.argsort(small, kind="stable")
    values = key[order]
    for start, end in pairwise([0, *np.cumsum(size).tolist()]):
        order[start:end] = order[start:end][np.argsort(values[start:end])]
    return order


def levels_index(levels: Sequence[pd.Index], codes: Sequence[Codes], names: list[str]) -> pd.MultiIndex:
    """An index from its labels and codes, which are trusted."""
    return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)  # type: ignore[arg-type]


def level_codes(index: pd.Index, name: str) -> Codes:
    """Integer code of each row in one level of a MultiIndex."""
    return np.asarray(_levelled(index).codes[index.names.index(name)], dtype=np.intp)


def level_labels(index: pd.Index, name: str) -> pd.Index:
    """What the codes of a level stand for."""
    return _levelled(index).levels[index.names.index(name)]


def used_levels(index: pd.Index) -> pd.MultiIndex:
    """The same index without labels that no row has, as a selection from a larger panel leaves them."""
    return _levelled(index).remove_unused_levels()


def _levelled(index: pd.Index) -> pd.MultiIndex:
    if not isinstance(index, pd.MultiIndex):
        raise PanelError([f"index is a {type(index).__name__} and not (account, symbol); use build_panel"])
    return index


def level_keys(index: pd.Index, names: list[str]) -> pd.Index:
    """Labels of some levels of each row: a plain index for one level, a MultiIndex for several."""
    values = [index.get_level_values(name) for name in names]
    return values[0] if len(values) == 1 else pd.MultiIndex.from_arrays(values, names=names)


def sorted_codes(index: pd.Index, name: str) -> Codes:
    """Place of each row's label among the sorted labels of one level."""
    labels, codes = level_labels(index, name), level_codes(index, name)
    return codes if labels.is_monotonic_increasing else np.argsort(np.argsort(labels))[codes]


def sorted_labels(index: pd.Index, name: str) -> list[str]:
    """Labels of one level, in the order that `sorted_codes` counts them."""
    return sorted(map(str, level_labels(index, name)))


def level_groups(index: pd.Index, names: Iterable[str]) -> Groups:
    """Groups by index levels; codes of one level in the order of its labels."""
    codes, size = np.zeros(len(index), dtype=np.intp), 1
    for name in names:
        labels = max(len(level_labels(index, name)), 1)
        codes = codes * labels + sorted_codes(index, name)
        size *= labels
    if size > max(4 * len(index), 1024):
        codes, uniques = pd.factorize(codes, sort=True)
        size = len(uniques)
    return Groups(codes, size)


def labelled_groups(index: pd.Index, names: list[str]) -> tuple[Groups, pd.Index]:
    """Groups by index levels without unused codes, and the label(s) of each, in sorted order."""
    groups = level_groups(index, names)
    is_there = np.bincount(groups.codes, minlength=groups.size) > 0
    rows = groups.first(np.arange(len(index)))[is_there]
    if not is_there.all():
        groups = Groups((np.cumsum(is_there) - 1)[groups.codes], len(rows))
    labels = [level_labels(index, name) for name in names]
    codes = [level_codes(index, name)[rows] for name in names]
    if len(names) > 1:
        return groups, levels_index(labels, codes, names)
    is_whole = len(rows) == len(labels[0]) and labels[0].is_monotonic_increasing
    return groups, (labels[0] if is_whole else labels[0].take(codes[0])).rename(names[0])


def side_groups(panel: pd.DataFrame) -> Groups:
    """Groups of rows that share one symbol and side (at one time): longs before shorts, as queues do."""
    market = level_groups(panel.index, market_levels(panel))
    return Groups(market.codes * 2 + (panel["qty"].to_numpy() < 0), market.size * 2)


def market_codes(index: pd.Index, side: Floats) -> Codes:
    """Code of each row's symbol and side: sorted by symbol, longs before shorts."""
    return sorted_codes(index, "symbol") * 2 + (side < 0)


def account_levels(panel: pd.DataFrame) -> list[str]:
    """Index levels that name an account: all but `symbol`, so that nothing is ever summed over time."""
    return [str(name) for name in panel.index.names if name != "symbol"]


def account_groups(panel: pd.DataFrame) -> Groups:
    """Groups of rows that share one account (at one time)."""
    return level_groups(panel.index, account_levels(panel))


def market_levels(panel: pd.DataFrame) -> list[str]:
    """Index levels that name a market: all but `account`."""
    return [str(name) for name in panel.index.names if name != "account"]
