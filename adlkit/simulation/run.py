"""Step by step through a path: refill, re-mark, fund, liquidate, absorb, deleverage, unwind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adlkit.buffers import BackstopVault, Buffer
from adlkit.contracts import Floats, value_of
from adlkit.distress import BOOK, ROUNDING
from adlkit.errors import VenueError
from adlkit.exits import Hold
from adlkit.groups import Codes, Groups
from adlkit.panel import mark_prices
from adlkit.simulation.accounts import Accounts
from adlkit.simulation.conditions import Conditions, Prices
from adlkit.simulation.desk import Desk
from adlkit.simulation.liquidity import Liquidity
from adlkit.simulation.parties import ACCOUNTS, Parties
from adlkit.simulation.records import EXIT, FUNDING, Records, VaultTrade
from adlkit.simulation.relief import relief_event
from adlkit.simulation.result import SimulationResult
from adlkit.standing import Standing
from adlkit.tally import ADL, RESIDUAL
from adlkit.tiers import tier_lines
from adlkit.venues import VenueRules
from adlkit.waterfall import Waterfall, absorb_losses, close_against_winners, settle


class Run:
    """A simulation under way; `simulate` says what happens in each step."""

    def __init__(self, panel: pd.DataFrame, conditions: Conditions, venue: VenueRules, liquidity: Liquidity) -> None:
        self.venue, self.conditions, self.liquidity = venue, conditions, liquidity
        lines = None if venue.tiers is None else tier_lines(venue.tiers, pd.Index(conditions.symbols))
        self.accounts = Accounts(panel, lines)
        self.records = Records()
        self.marks, self.values = np.empty_like(conditions.price), np.empty_like(conditions.price)
        self.start = mark_prices(panel)[conditions.symbols].to_numpy()
        self.buffers = [buffer.remark(self._named(conditions.values(self.start))) for buffer in venue.buffers]
        self.buffers_before = {buffer.name: buffer for buffer in self.buffers}
        self.parties = Parties(self.buffers, len(conditions.times), len(conditions.symbols))
        self.desks: dict[tuple[int, int], Desk] = {}
        self._open()

    def finish(self) -> SimulationResult:
        """Go through all steps."""
        step, conditions = 0, self.conditions
        while step < len(conditions.times):
            self._advance(step)
            step = self._next_busy(step + 1)
        prices = Prices(self.marks[-1], self.marks[-1], conditions.price[-1])
        buffers = [buffer.remark(self._named(self.values[-1])) for buffer in self.buffers]
        return SimulationResult(
            venue=self.venue,
            before=self.accounts.frame,
            panel=self.accounts.panel(self.accounts.at(prices)),
            buffers_before=self.buffers_before,
            buffers={buffer.name: buffer for buffer in buffers},
            marks=pd.DataFrame(self.marks, index=conditions.times, columns=conditions.symbols),
            conditions=conditions,
            records=self.records,
            parties=self.parties,
        )

    def _open(self) -> None:
        """What everybody has before the first step; those who trade in the book hold the other side of it all."""
        prices, values = Prices(self.start, self.start, self.start), self.conditions.values(self.start)
        standing = self.accounts.at(prices)
        self.accounts.set_alarms(standing, self.accounts.rows)
        symbols = Groups(standing.market // 2, len(self.conditions.symbols))
        self.parties.add(0, ACCOUNTS, cash=_cash(standing), qty=symbols.total(standing.side * standing.qty))
        for buffer in self.buffers:
            self.parties.set_buffer(0, buffer, self.conditions.symbols)
        outside = -self.parties.qty[0].sum(axis=0)
        self.parties.add(0, BOOK, cash=-float(outside @ values), qty=outside)
        for place, vault in self._vaults():
            for symbol, held in vault.inventory.items():
                self._desk(place, self.conditions.symbols.index(symbol)).add(held.qty, 0.0)

    def _advance(self, step: int) -> None:
        """One step that may change something."""
        price = self.conditions.price[step]
        self.liquidity.advance(self.conditions.seconds[step])
        mark = self.liquidity.marks(price)
        self.marks[step], self.values[step] = mark, self.conditions.values(mark)
        prices = Prices(mark, self.marks[step - 1] if step else self.start, price)
        if any(vault.inventory for _, vault in self._vaults()):
            self.buffers = [buffer.remark(self._named(self.values[step])) for buffer in self.buffers]
        for place, vault in self._vaults():
            if vault.exit_rule.spread is not None:
                self._fill_quotes(step, place, vault.exit_rule.spread, prices)
        if not np.isnan(self.conditions.funding[step]).all():
            self._fund(step, prices)
        if not self.accounts.are_quiet(self.values[step]):
            self._liquidate(step, prices)
        for place, vault in self._vaults():
            if vault.is_relieved and vault.inventory and vault.means < 0:
                self._relieve(step, place, prices)
            if vault.exit_rule.spread is None:
                self._exit(step, place)

    def _next_busy(self, step: int) -> int:
        """First step from here on that may change something; the marks of the steps before it are noted."""
        if self._is_waiting:
            return step
        price = self.conditions.price[step:]
        values = self.conditions.values(price)
        low, high = self.accounts.nearest
        is_funded = ~np.isnan(self.conditions.funding[step:]).all(axis=1)
        is_busy = ((values <= low) | (values >= high)).any(axis=1) | is_funded
        quiet = int(np.argmax(is_busy)) if is_busy.any() else len(price)
        self.marks[step : step + quiet], self.values[step : step + quiet] = price[:quiet], values[:quiet]
        return step + quiet

    @property
    def _is_waiting(self) -> bool:
        """Whether the next step may change something whatever its marks: a vault unwinds, or marks are displaced."""
        is_displaced = self.liquidity.impact > 0 and not self.liquidity.is_fresh
        return is_displaced or any(
            vault.inventory and (vault.is_relieved or vault.exit_rule != Hold()) for _, vault in self._vaults()
        )

    # events

    def _liquidate(self, step: int, prices: Prices) -> None:
        """Look at the accounts whose alarms have been reached, and run an event over those below their margin."""
        rows = self.accounts.reached(self.values[step])
        standing = self.accounts.at(prices, rows)
        self.accounts.set_alarms(standing, rows)
        if standing.is_liquidated.any():
            self._event(step, prices, self.accounts.whole_accounts(rows[standing.is_liquidated]))

    def _event(self, step: int, prices: Prices, rows: Codes) -> None:
        """Run an event; only if winners are needed has it to look at everybody."""
        books = self.liquidity.depths(self.conditions.price[step])
        standing = self.accounts.at(prices, rows)
        event = absorb_losses(standing, self.venue, books, self.buffers)
        if event.needs_winners:
            standing, rows = self.accounts.at(prices), self.accounts.rows
            event = absorb_losses(standing, self.venue, books, self.buffers)
        event = settle(close_against_winners(event, lambda: self.accounts.panel(standing)))
        self.records.event(step, event, rows)
        for name, used, side in zip(event.distress.symbols, event.distress.used, event.distress.sides, strict=True):
            self.liquidity.trade(self.conditions.symbols.index(name), side, used)
        self._close_outside(step, event)
        self._store(step, prices, event.tally.standing, event.tally.after(), rows)
        for place, buffer in enumerate(event.buffers):
            self._set_buffer(step, place, buffer)
            if isinstance(buffer, BackstopVault):
                self._note_takeovers(step, event, place)

    def _store(self, step: int, prices: Prices, before: Standing, after: Standing, rows: Codes) -> None:
        """Make what an event left the state of the accounts, whose positions are `rows`, and set their alarms anew."""
        places = np.flatnonzero((before.qty != after.qty) | (before.collateral != after.collateral))
        symbols = Groups(before.market // 2, len(self.conditions.symbols))
        closed = symbols.total(after.side * after.qty - before.side * before.qty)
        self.parties.add(step, ACCOUNTS, cash=_cash(after) - _cash(before), qty=closed)
        changed = rows[places]
        self.accounts.store(changed, after, places)
        touched = self.accounts.whole_accounts(changed)
        self.accounts.set_alarms(self.accounts.at(prices, touched), touched)

    def _close_outside(self, step: int, event: Waterfall) -> None:
        """Contracts that the market has got from an event, and money; a programme passes on what it took, at mark."""
        distress, tally = event.distress, event.tally
        vaults = {vault.name for _, vault in self._vaults()}
        closed = sum(
            (tally.closed[stage][distress.row] for stage in tally.closed if stage not in {ADL, *vaults}),
            np.zeros(len(distress.row)),
        )
        qty = self._by_symbol(event, distress.side * closed)
        money = sum(moved[BOOK] for moved in tally.ledger.values())
        self.parties.add(step, BOOK, cash=money - float(qty @ self.values[step]), qty=qty)
        self.parties.add(step, RESIDUAL, cash=sum(moved[RESIDUAL] for moved in tally.ledger.values()))

    def _note_takeovers(self, step: int, event: Waterfall, place: int) -> None:
        """What a vault took in an event, and what else it paid and got, by market."""
        distress, tally, name = event.distress, event.tally, self.buffers[place].name
        closed, paid = tally.closed[name][distress.row], tally.paid[name][distress.row]
        worth, given = tally.worth[name][distress.row], tally.given[name][distress.row]
        fee = given - paid - distress.side * (worth - closed * distress.mark)
        totals = [distress.markets.total(amount) for amount in (closed, worth, paid, fee)]
        for market, (qty, value, lost, costs) in enumerate(zip(*totals, strict=True)):
            symbol, side = self.conditions.symbols.index(distress.symbols[market]), float(distress.sides[market])
            costs = costs if abs(costs) > ROUNDING * abs(value) else 0.0
            if qty > 0 or lost or costs:
                price = value / qty if qty > 0 else float(self.values[step, symbol])
                self._note_trade(step, place, symbol, side * qty, price, "takeover", cash=-lost, fee=costs)
                self._desk(place, symbol).add(side * qty, float(self.conditions.seconds[step]))
        for name in set(distress.symbols):
            self._agree(step, place, self.conditions.symbols.index(name))

    def _relieve(self, step: int, place: int, prices: Prices) -> None:
        """Deleverage winners against the inventory of a vault that is bankrupt, as if it were an account."""
        vault, n_rows = self._vault(place), len(self.accounts.frame)
        sides = [(self.conditions.symbols.index(symbol), np.sign(held.qty)) for symbol, held in vault.inventory.items()]
        if not any(self.accounts.holds(symbol, -side) for symbol, side in sides):
            return
        event = relief_event(vault, self.accounts.panel(self.accounts.at(prices)), prices, self.venue)
        before, after = event.tally.standing, event.tally.after()
        rows = np.arange(n_rows)
        self.records.relief(step, event, vault.name)
        self._store(step, prices, before.part(rows), after.part(rows), rows)
        for row in range(n_rows, len(after.qty)):
            qty = before.side[row] * (before.qty[row] - after.qty[row])
            if qty:
                symbol, value = int(before.market[row] // 2), event.tally.worth[ADL][row] / abs(qty)
                self._trade(step, place, symbol, -qty, value)
                self._note_trade(step, place, symbol, -qty, value, "relief")
                self._desk(place, symbol).add(-qty, float(self.conditions.seconds[step]))
                self._agree(step, place, symbol)

    # the desk of a vault

    def _fill_quotes(self, step: int, place: int, spread: float, prices: Prices) -> None:
        """Fill what a vault has quoted around the marks of the step before, where the marks have reached it."""
        for symbol, desk in self._open_desks(place):
            quote = prices.previous[symbol] * (1.0 + desk.side * spread)
            if desk.side * (prices.mark[symbol] - quote) >= 0:
                amounts = self._due(step, place, symbol, desk)
                value = float(value_of(np.array([quote]), self.conditions.inverse[[symbol]])[0])
                self._unwind(step, place, symbol, amounts, value, noted=max(step - 1, 0))

    def _exit(self, step: int, place: int) -> None:
        """Trade in what is left of the books what the exit rule wants to be rid of."""
        for symbol, desk in self._open_desks(place):
            amounts = self._due(step, place, symbol, desk)
            wanted = amounts.sum()
            if wanted > 0 and symbol in self.liquidity.books:
                resting = self.liquidity.resting(symbol, self.conditions.price[step])
                mark, is_inverse = float(self.marks[step, symbol]), bool(self.conditions.inverse[symbol])
                ladder = resting.ladder_at(mark, desk.side, is_inverse=is_inverse)
                filled = min(wanted, ladder.depth[-1])
                if filled > 0:
                    value = float(ladder.worth_of(np.zeros(1), np.array([filled]))[0]) / filled
                    self.liquidity.trade(symbol, desk.side, filled)
                    self._unwind(step, place, symbol, amounts * (filled / wanted), value, noted=step)

    def _unwind(self, step: int, place: int, symbol: int, amounts: Floats, value: float, *, noted: int) -> None:
        """Trade amounts of the lots away with the market, at a value of one contract; it counts as of step `noted`."""
        desk, vault = self._desk(place, symbol), self._vault(place)
        side = desk.side
        desk.reduce(amounts)
        qty = -side * float(amounts.sum()) if desk.left else -vault.inventory[self.conditions.symbols[symbol]].qty
        if qty:
            fee, change = vault.fee_rate * abs(qty * value), np.zeros(len(self.conditions.symbols))
            change[symbol] = -qty
            self._trade(step, place, symbol, qty, value, fee=fee)
            self._note_trade(noted, place, symbol, qty, value, "exit", fee=fee)
            self.parties.add(step, BOOK, cash=qty * value + fee, qty=change)
            gain = qty * (float(self.values[step, symbol]) - value) - fee
            self.records.ledger.append((step, EXIT, {vault.name: gain, BOOK: -gain}))
            self._agree(step, place, symbol)

    def _trade(self, step: int, place: int, symbol: int, qty: float, value: float, *, fee: float = 0.0) -> None:
        """Let a vault buy `qty` contracts (sell, below zero) at a value of one."""
        name, mark = self.conditions.symbols[symbol], float(self.values[step, symbol])
        self._set_buffer(step, place, self._vault(place).trade(name, qty, value, mark).receive(-fee))

    def _agree(self, step: int, place: int, symbol: int) -> None:
        """The desk is empty where the inventory is, and only there, whatever rounding has left."""
        desk, held = self._desk(place, symbol), self._vault(place).inventory.get(self.conditions.symbols[symbol])
        if held is None:
            desk.clear()
        elif not desk.left:
            desk.add(held.qty, float(self.conditions.seconds[step]))

    def _due(self, step: int, place: int, symbol: int, desk: Desk) -> Floats:
        lots = desk.lots(self.conditions.seconds[step])
        rule = self._vault(place).exit_rule
        due = rule.due(lots, float(self.conditions.volume[step, symbol]))
        if np.shape(due) != lots.left.shape or not ((due >= 0) & (due <= lots.left * (1.0 + ROUNDING))).all():
            raise VenueError(f"exit rule {rule!r} must want one number per lot, from 0 to what is left; got {due!r}")
        return np.minimum(due, lots.left)

    # funding

    def _fund(self, step: int, prices: Prices) -> None:
        """Longs pay shorts, in proportion to notional; those who trade in the book hold the rest of both sides."""
        rate = np.nan_to_num(self.conditions.funding[step]) * np.abs(self.values[step])
        paid = self.parties.qty[step] * rate
        self.accounts.pay(rate)
        self.parties.add(step, ACCOUNTS, cash=-paid[0].sum())
        self.parties.add(step, BOOK, cash=-paid[1].sum())
        for place, vault in self._vaults():
            got = -paid[2 + place]
            self.records.funding.append((step, vault.name, got))
            self._set_buffer(step, place, vault.receive(float(got.sum())))
        moved = dict(zip(self.parties.names, (-paid.sum(axis=1)).tolist(), strict=True))
        self.records.ledger.append((step, FUNDING, moved))
        self.accounts.set_alarms(self.accounts.at(prices), self.accounts.rows)

    # small parts

    def _note_trade(
        self,
        step: int,
        place: int,
        symbol: int,
        qty: float,
        value: float,
        kind: str,
        *,
        cash: float = 0.0,
        fee: float = 0.0,
    ) -> None:
        self.records.vault_trades.append(
            VaultTrade(step, self.buffers[place].name, symbol, qty, value, cash, fee, kind)
        )

    def _set_buffer(self, step: int, place: int, buffer: Buffer) -> None:
        self.buffers[place] = buffer
        self.parties.set_buffer(step, buffer, self.conditions.symbols)

    def _vaults(self) -> list[tuple[int, BackstopVault]]:
        return [(place, buffer) for place, buffer in enumerate(self.buffers) if isinstance(buffer, BackstopVault)]

    def _vault(self, place: int) -> BackstopVault:
        vault = self.buffers[place]
        assert isinstance(vault, BackstopVault)
        return vault

    def _desk(self, place: int, symbol: int) -> Desk:
        return self.desks.setdefault((place, symbol), Desk())

    def _open_desks(self, place: int) -> list[tuple[int, Desk]]:
        return [(symbol, desk) for (own, symbol), desk in self.desks.items() if own == place and desk.left]

    def _named(self, values: Floats) -> dict[str, float]:
        return dict(zip(self.conditions.symbols, values.tolist(), strict=True))

    def _by_symbol(self, event: Waterfall, amounts: Floats) -> Floats:
        codes = event.tally.standing.market[event.distress.row] // 2
        return Groups(codes, len(self.conditions.symbols)).total(amounts)


def _cash(standing: Standing) -> float:
    """Money of accounts apart from the value of their contracts [ccy]."""
    return float((standing.collateral - standing.side * standing.qty * standing.entry).sum())
