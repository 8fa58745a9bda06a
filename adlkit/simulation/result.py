"""What a path did to accounts, buffers and market, as tidy tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from adlkit._display import SummaryRepr
from adlkit.buffers import BackstopVault, Buffer
from adlkit.contracts import Floats, price_of
from adlkit.distress import BOOK
from adlkit.errors import VenueError
from adlkit.groups import Codes, account_groups, labelled_groups, level_keys
from adlkit.margin import equity, notional
from adlkit.panel import mark_prices
from adlkit.ranking import side_names
from adlkit.simulation.conditions import Conditions
from adlkit.simulation.parties import Parties
from adlkit.simulation.records import Records
from adlkit.tally import LIQUIDATED, WINNERS
from adlkit.vault import VaultPnl, vault_pnl
from adlkit.venues import VenueRules

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class SimulationResult(SummaryRepr):
    """What a price path did; see `simulate`. Tables are made when they are asked for.

    Parameters
    ----------
    venue : VenueRules
        The rules that were applied.
    before, panel : DataFrame
        The panel as given, and after the last step, at its marks.
    buffers_before, buffers : dict of str to buffer
        At the marks of `before`, and after the last step.
    marks : DataFrame, time x symbol
        Marks that accounts and buffers were held against [quote/base]: the path, displaced by impact.
    conditions, records, parties
        Raw arrays by step.

    Examples
    --------
    >>> import pandas as pd, adlkit as adl
    >>> times = pd.date_range("2025-10-10 21:00", periods=3, freq="min", tz="UTC")
    >>> path = pd.DataFrame({"BTC": [90.0, 70.0, 85.0]}, index=times)
    >>> venue = adl.venues.bitmex.with_buffers(adl.InsuranceFund(balance=5.0))
    >>> result = adl.simulate(adl.load_dataset("four_accounts"), path, venue=venue)
    >>> result.fills[["winner", "qty", "price", "forgone"]].to_dict("list")
    {'winner': ['cat', 'bob'], 'qty': [1.0, 1.0], 'price': [80.0, 80.0], 'forgone': [10.0, 10.0]}
    """

    venue: VenueRules
    before: pd.DataFrame
    panel: pd.DataFrame
    buffers_before: dict[str, Buffer]
    buffers: dict[str, Buffer]
    marks: pd.DataFrame
    conditions: Conditions
    records: Records
    parties: Parties

    @property
    def times(self) -> pd.DatetimeIndex:
        """Times of the steps."""
        return self.conditions.times

    @cached_property
    def values(self) -> Floats:
        """Value of one contract at the marks, by step and symbol [ccy]."""
        return self.conditions.values(self.marks.to_numpy())

    @cached_property
    def money(self) -> pd.DataFrame:
        """Money of each party at each step [ccy]: accounts, book (from zero), buffers, residual; rows add up alike."""
        return pd.DataFrame(self.parties.money(self.values), index=self.times, columns=self.parties.names)

    @property
    def imbalance(self) -> float:
        """Largest change of everybody's money at any step, over gross notional [1]: zero but for rounding.

        Accounts and buffers are counted from their states, not from the ledger; book and residual from what they
        traded and wrote off.
        """
        start = equity_total(self.before) + sum(buffer.money for buffer in self.buffers_before.values())
        change = np.abs(self.money.to_numpy().sum(axis=1) - start).max()
        return float(change / max(notional(self.before).sum(), 1e-300))

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """Who closed how much of each market's need at each step.

        Returns
        -------
        DataFrame, index (time, symbol, side, stage)
            ``qty`` [contracts], ``notional`` [ccy, at the mark], ``average_price`` [quote/base], ``absorbed`` [ccy]; as
            `EventResult.stages`. Only steps at which something was liquidated. What stays open is there at each step.
        """
        chunks = self.records.stages
        names = chunks[0].stages.names if chunks else []
        market = _joined([chunk.market for chunk in chunks])
        step = np.repeat([chunk.step for chunk in chunks], [len(chunk.market) for chunk in chunks]).astype(int)
        qty, worth, absorbed = (
            np.concatenate([getattr(chunk.stages, name) for chunk in chunks]) if chunks else np.zeros((0, 0))
            for name in ("qty", "worth", "absorbed")
        )
        mark = _joined([chunk.mark for chunk in chunks], float)
        with np.errstate(divide="ignore", invalid="ignore"):
            average = price_of(worth / qty, self.conditions.inverse[market // 2][:, None])
        table = {
            "qty": qty,
            "notional": qty * np.abs(mark)[:, None],
            "average_price": np.where(qty > 0, average, np.nan),
            "absorbed": absorbed,
        }
        keys: dict[str, Any] = {
            "time": self.times[np.repeat(step, len(names))],
            "symbol": self._symbols(np.repeat(market // 2, len(names))),
            "side": side_names(1.0 - 2.0 * np.repeat(market % 2, len(names))),
            "stage": names * len(market),
        }
        index = pd.MultiIndex.from_arrays(list(keys.values()), names=list(keys))
        return pd.DataFrame({name: values.ravel() for name, values in table.items()}, index=index)

    @cached_property
    def liquidations(self) -> pd.DataFrame:
        """Contracts of liquidated accounts that book and buffers closed.

        Returns
        -------
        DataFrame
            ``time``, ``account``, ``symbol``, ``stage``, ``qty`` [contracts, as the account trades: < 0 sells],
            ``price`` (average of the position in that stage) and ``mark_price`` [quote/base].
        """
        chunks = self.records.closings
        row = _joined([chunk.row for chunk in chunks])
        sizes = [len(chunk.row) for chunk in chunks]
        step = np.repeat([chunk.step for chunk in chunks], sizes).astype(int)
        symbol = self._symbol_of_row[row]
        side = np.sign(self.before["qty"].to_numpy()[row])
        value = _joined([chunk.value for chunk in chunks], float)
        return pd.DataFrame(
            {
                "time": self.times[step],
                "account": level_keys(self.before.index[row], ["account"]),
                "symbol": self._symbols(symbol),
                "stage": np.repeat(np.array([chunk.stage for chunk in chunks], dtype=object), sizes).astype(str),
                "qty": -side * _joined([chunk.qty for chunk in chunks], float),
                "price": price_of(value, self.conditions.inverse[symbol]),
                "mark_price": self.marks.to_numpy()[step, symbol],
            }
        )

    @cached_property
    def fills(self) -> pd.DataFrame:
        """Deleveraging, one row per pair.

        Returns
        -------
        DataFrame
            ``time``, ``symbol``, ``side`` (of the bankrupt), ``bankrupt`` (an account, or the vault that was relieved),
            ``winner``, ``qty`` [contracts], ``price`` and ``mark_price`` [quote/base], ``realized_pnl`` (of the winner,
            from entry) and ``forgone`` (against the mark) [ccy].
        """
        chunks = self.records.deleveragings
        winner = _joined([chunk.winner for chunk in chunks])
        sizes = [len(chunk.winner) for chunk in chunks]
        step = np.repeat([chunk.step for chunk in chunks], sizes).astype(int)
        bankrupt = _joined([chunk.bankrupt for chunk in chunks])
        names = level_keys(self.before.index[np.maximum(bankrupt, 0)], ["account"]).to_numpy(dtype=object)
        vaults = np.repeat(np.array([chunk.vault for chunk in chunks], dtype=object), sizes)
        symbol = self._symbol_of_row[winner]
        inverse = self.conditions.inverse[symbol]
        values, marks, qty, realized, forgone = (
            _joined([getattr(chunk, name) for chunk in chunks], float)
            for name in ("value", "mark", "qty", "realized", "forgone")
        )
        return pd.DataFrame(
            {
                "time": self.times[step],
                "symbol": self._symbols(symbol),
                "side": side_names(-self.before["qty"].to_numpy()[winner]),
                "bankrupt": np.where(bankrupt < 0, vaults, names).astype(str),
                "winner": level_keys(self.before.index[winner], ["account"]),
                "qty": qty,
                "price": price_of(values, inverse),
                "mark_price": price_of(marks, inverse),
                "realized_pnl": realized,
                "forgone": forgone,
            }
        )

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """Money that moved at each step and stage, by party, counted at the marks of the step [ccy]; rows add to 0.

        Returns
        -------
        DataFrame, index (time, stage)
            Stages of the event, then "relief" (a vault's inventory against winners), "exit" and "funding". Parties:
            "liquidated accounts", "winners", "accounts" (funding), "book", the buffers, "residual".
        """
        parties = [LIQUIDATED, WINNERS, *self.parties.names]
        rows = [[moved.get(party, 0.0) for party in parties] for _, _, moved in self.records.ledger]
        times = self.times[[step for step, _, _ in self.records.ledger]]
        index = pd.MultiIndex.from_arrays(
            [times, [stage for _, stage, _ in self.records.ledger]], names=["time", "stage"]
        )
        return pd.DataFrame(np.array(rows, dtype=float).reshape(len(rows), len(parties)), index=index, columns=parties)

    @cached_property
    def vaults(self) -> pd.DataFrame:
        """Each vault at each step.

        Returns
        -------
        DataFrame, index (vault, time)
            ``equity``, ``cash`` (equity apart from the value of its contracts), ``notional``, ``limit`` (notional that
            it may hold) [ccy], and ``use`` [1], their ratio; NaN without a limit above zero.
        """
        frames = {}
        for name, vault in self._vaults.items():
            place = self.parties.names.index(name)
            owned = self.money[name].to_numpy()
            size = np.abs(self.parties.qty[:, place] * self.values).sum(axis=1)
            limit = np.maximum(np.minimum((owned + vault.backing) * vault.max_leverage, vault.max_notional), 0.0)
            with np.errstate(divide="ignore", invalid="ignore"):
                use = np.where(limit > 0, size / limit, np.nan)
            columns = {
                "equity": owned,
                "cash": self.parties.cash[:, place],
                "notional": size,
                "limit": limit,
                "use": use,
            }
            frames[name] = pd.DataFrame(columns, index=self.times)
        return _stacked(frames, ["equity", "cash", "notional", "limit", "use"])

    @cached_property
    def inventory(self) -> pd.DataFrame:
        """Contracts that each vault holds after each step: index (vault, time), one column per symbol."""
        frames = {
            name: pd.DataFrame(
                self.parties.qty[:, self.parties.names.index(name)], index=self.times, columns=self.conditions.symbols
            )
            for name in self._vaults
        }
        return _stacked(frames, self.conditions.symbols)

    @cached_property
    def vault_trades(self) -> pd.DataFrame:
        """Trades of the vaults, in order: what `vault_pnl` reads.

        Returns
        -------
        DataFrame
            ``time``, ``vault``, ``symbol``, ``qty`` [contracts, > 0 bought], ``price`` [quote/base], ``cash`` (other
            money received with the trade) and ``fee`` (paid; below zero: income from liquidation fees) [ccy], ``kind``
            ("takeover", "exit", or "relief").
        """
        rows = self.records.vault_trades
        symbol = np.array([row.symbol for row in rows], dtype=int)
        value = np.array([row.value for row in rows], dtype=float)
        return pd.DataFrame(
            {
                "time": self.times[[row.step for row in rows]],
                "vault": pd.Series([row.vault for row in rows], dtype=str),
                "symbol": self._symbols(symbol),
                "qty": np.array([row.qty for row in rows], dtype=float),
                "price": price_of(value, self.conditions.inverse[symbol]),
                "cash": np.array([row.cash for row in rows], dtype=float),
                "fee": np.array([row.fee for row in rows], dtype=float),
                "kind": pd.Series([row.kind for row in rows], dtype=str),
            }
        )

    @cached_property
    def funding(self) -> pd.Series:
        """Funding that each vault has received [ccy], index (vault, time, symbol)."""
        parts = {
            (vault, self.times[step]): pd.Series(amounts, index=pd.Index(self.conditions.symbols, name="symbol"))
            for step, vault, amounts in self.records.funding
        }
        if not parts:
            empty = pd.MultiIndex.from_arrays([[], [], []], names=["vault", "time", "symbol"])
            return pd.Series(np.zeros(0), index=empty, name="funding")
        return pd.concat(parts, names=["vault", "time"]).rename("funding")

    def vault_pnl(self, vault: str = "backstop vault") -> VaultPnl:
        """Split the profit of a vault into what it was earned and lost by; see `adlkit.vault_pnl`.

        Parameters
        ----------
        vault : str, default "backstop vault"
            Its name.

        Returns
        -------
        VaultPnl

        Raises
        ------
        VenueError
            If no vault has that name.

        Examples
        --------
        >>> import pandas as pd, adlkit as adl
        >>> times = pd.date_range("2025-10-10 21:00", periods=3, freq="min", tz="UTC")
        >>> path = pd.DataFrame({"BTC": [90.0, 70.0, 85.0]}, index=times)
        >>> venue = adl.venues.hyperliquid.with_buffers(adl.BackstopVault(equity=1000.0))
        >>> adl.simulate(adl.load_dataset("four_accounts"), path, venue=venue).vault_pnl().parts.iloc[:3].tolist()
        [-20.0, 0.0, 30.0]
        """
        if vault not in self._vaults:
            raise VenueError(f"no vault {vault!r}; there are {list(self._vaults)}")
        trades, held = self.vault_trades, self._vaults_before[vault].inventory
        first = self.times[0] - pd.Timedelta(1, unit="us")
        start = pd.DataFrame([mark_prices(self.before)[self.conditions.symbols].to_numpy()], index=[first])
        prices = pd.concat([start.set_axis(self.conditions.symbols, axis=1), self.marks])
        return vault_pnl(
            trades[trades["vault"] == vault],
            prices,
            funding=self.funding.xs(vault, level="vault") if len(self.funding) else None,
            opening=pd.Series({symbol: one.qty for symbol, one in held.items()}, dtype=float),
            inverse=[name for name, own in zip(self.conditions.symbols, self.conditions.inverse, strict=True) if own],
        )

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """What became of each account.

        Returns
        -------
        DataFrame, index account
            ``equity_before`` (as given), ``equity`` (after the last step) and ``pnl`` [ccy], ``liquidated_at`` (first
            time below its margin; NaT: never), ``deleveraged`` (notional closed as a winner, at the marks) and
            ``forgone`` (given up against them) [ccy].
        """
        groups, names = labelled_groups(self.before.index, ["account"])
        owned = [groups.first(equity(panel).to_numpy()) for panel in (self.before, self.panel)]
        at = np.full(len(names), len(self.times))
        for step, rows in reversed(self.records.liquidated):
            at[groups.codes[rows]] = step
        times = self.times.append(pd.DatetimeIndex([pd.NaT]).tz_localize(self.times.tz).as_unit(self.times.unit))
        closed, forgone = np.zeros((2, len(names)))
        for chunk in self.records.deleveragings:
            np.add.at(closed, groups.codes[chunk.winner], chunk.qty * np.abs(chunk.mark))
            np.add.at(forgone, groups.codes[chunk.winner], chunk.forgone)
        columns = {
            "equity_before": owned[0],
            "equity": owned[1],
            "pnl": owned[1] - owned[0],
            "liquidated_at": times[at],
            "deleveraged": closed,
            "forgone": forgone,
        }
        return pd.DataFrame(columns, index=names)

    def summary(self) -> pd.Series:
        """Headline numbers: accounts, contracts closed by stage [ccy notional], money by party [ccy]."""
        groups = account_groups(self.before)
        hit = np.unique(
            np.concatenate([np.zeros(0, dtype=int), *(groups.codes[rows] for _, rows in self.records.liquidated)])
        )
        chunks = self.records.deleveragings
        winners = groups.codes[_joined([chunk.winner for chunk in chunks])]
        money = self.parties.money(self.values)
        started = np.array([equity_total(self.before), 0.0, *(b.money for b in self.buffers_before.values()), 0.0])
        gains = dict(zip(self.parties.names, (money[-1] - started).tolist(), strict=True))
        return pd.Series(
            {
                "accounts liquidated": float(len(hit)),
                **{f"closed by {stage}": size for stage, size in self._closed().items()},
                "steps with deleveraging": float(len({chunk.step for chunk in chunks})),
                "winners deleveraged": float(len(np.unique(winners))),
                "closed against winners": float(sum((chunk.qty * np.abs(chunk.mark)).sum() for chunk in chunks)),
                "forgone by winners": float(sum(chunk.forgone.sum() for chunk in chunks)),
                "left open, bankrupt": self._left_open(),
                **{f"money: {party}": gain for party, gain in gains.items()},
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw who closed what along the path; see `adlkit.plotting.plot_timeline`."""
        from adlkit.plotting import plot_timeline

        return plot_timeline(self, ax=ax)

    @property
    def _vaults(self) -> dict[str, BackstopVault]:
        return {name: buffer for name, buffer in self.buffers.items() if isinstance(buffer, BackstopVault)}

    @property
    def _vaults_before(self) -> dict[str, BackstopVault]:
        return {name: buffer for name, buffer in self.buffers_before.items() if isinstance(buffer, BackstopVault)}

    @cached_property
    def _symbol_of_row(self) -> Codes:
        place = {name: code for code, name in enumerate(self.conditions.symbols)}
        return np.array([place[name] for name in self.before.index.get_level_values("symbol")], dtype=int)

    def _symbols(self, codes: Codes) -> npt.NDArray[np.str_]:
        return np.array(self.conditions.symbols, dtype=object)[codes].astype(str)

    def _closed(self) -> dict[str, float]:
        """Notional closed by each stage but deleveraging [ccy], at the marks."""
        names = [BOOK, *self.buffers]
        sizes = dict.fromkeys(names, 0.0)
        for chunk in self.records.stages:
            for place, name in enumerate(chunk.stages.names):
                if name in sizes:
                    sizes[name] += float((chunk.stages.qty[:, place] * np.abs(chunk.mark)).sum())
        return sizes

    def _left_open(self) -> float:
        """Notional of bankrupt accounts that is open after the last step [ccy]."""
        return float(notional(self.panel)[equity(self.panel) < 0].sum())


def equity_total(panel: pd.DataFrame) -> float:
    """Money of all accounts [ccy]."""
    return float(account_groups(panel).first(equity(panel).to_numpy()).sum())


def _joined(parts: list[Any], dtype: type = int) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def _stacked(frames: dict[str, pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    if not frames:
        empty = pd.MultiIndex.from_arrays([[], []], names=["vault", "time"])
        return pd.DataFrame(np.zeros((0, len(columns))), index=empty, columns=columns)
    return pd.concat(frames, names=["vault", "time"])
