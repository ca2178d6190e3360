"""Owns a run: requests sent in order within the cap and the rate limits, each written down before and after.

What is paid and what is under way never exceed the cap together, as long as no answer costs more than its reserve.
Whatever ends the run, requests under way are read to their end and written down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal

from .ask import Answered, Failure
from .ledger import Item, Ledger
from .pace import Pace

# done: every item; decided: more would not change the answer; cap: the next could exceed it; refused: no request can
# succeed; interrupted: by the user.
Ended = Literal["done", "decided", "cap", "refused", "interrupted"]
Ask = Callable[[str, Mapping[str, Any]], Answered | Failure]
# What is recorded of an item's answer, or of one that will never come.
Read = Callable[[Item, Answered | Failure, int], dict[str, Any]]
# Told every item's record, or None if there is none, in the order of the plan; a word ends the run.
Decide = Callable[[Item, Mapping[str, Any] | None], str]
Progress = Callable[[int, int, Decimal], None]

WORKERS: Final = 8
_TRIES: Final = 6
_UNBILLED_TRIES: Final = 3
_AGAIN_S: Final = 2.0
# So many first requests refused in a row say that none will be answered.
_REFUSED_AT_ONCE: Final = 3


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in all, and what earlier runs have used of it."""

    cap_usd: Decimal
    used_usd: Decimal = Decimal(0)


@dataclass(slots=True)
class Outcome:
    """How a run ended; money is of this run alone."""

    reason: Ended = "done"
    detail: str = ""
    answered: int = 0
    # Refused without a bill.
    unbilled: int = 0
    # Without an answer, and perhaps billed: the ids.
    lost: list[str] = field(default_factory=list[str])
    paid_usd: Decimal = Decimal(0)
    at_risk_usd: Decimal = Decimal(0)
    # Parameters that the model turned out not to take, each with its other name or "" if it has none.
    changed: dict[str, str] = field(default_factory=dict[str, str])


class Run:
    """One run over items in order; `execute` is its only door."""

    def __init__(
        self, items: Sequence[Item], budget: Budget, ledger: Ledger, ask: Ask, read: Read, decide: Decide
    ) -> None:
        self.outcome = Outcome()
        self._items = items
        self._budget = budget
        self._ledger = ledger
        self._ask = ask
        self._read = read
        self._decide = decide
        self._changed = threading.Condition()
        self._pace = Pace()
        self._next = 0
        self._under_way: dict[int, Decimal] = {}
        self._records: dict[int, Mapping[str, Any] | None] = {}
        self._told = 0
        self._is_over = False
        self._error: BaseException | None = None

    def execute(
        self,
        workers: int = WORKERS,
        progress: Progress | None = None,
        on_interrupt: Callable[[int], None] | None = None,
    ) -> Outcome:
        """Sends what may be sent and returns when everything that was sent has ended; a second interrupt leaves it.

        `on_interrupt` is told how many requests are still under way.
        """
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(workers, len(self._items)))]
        for thread in threads:
            thread.start()
        try:
            self._wait(threads, progress)
        except KeyboardInterrupt:
            self._stop("interrupted")
            if on_interrupt is not None:
                on_interrupt(len(self._under_way))
            self._wait(threads, progress)
        if self._error is not None:
            raise self._error
        return self.outcome

    def _wait(self, threads: Sequence[threading.Thread], progress: Progress | None) -> None:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
                if progress is not None:
                    progress(len(self._records), len(self._items), self.outcome.paid_usd)

    def _stop(self, reason: Ended, detail: str = "") -> None:
        with self._changed:
            if not self._is_over:
                self._is_over = True
                self.outcome.reason, self.outcome.detail = reason, detail
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (index := self._take()) is not None:
                self._finish(index)
        except BaseException as e:
            with self._changed:
                self._error = self._error or e
            self._stop("refused", str(e))

    # --- what may leave

    def _take(self) -> int | None:
        """The next item, written down as sent; None when nothing more may leave."""
        with self._changed:
            while not self._is_over and self._next < len(self._items):
                item = self._items[self._next]
                if not self._is_affordable(item):
                    if not self._under_way:
                        self._stop("cap")
                    # What is under way may cost less than its reserve.
                    self._changed.wait(1.0)
                    continue
                delay = self._pace.wait_s(item.tokens, time.monotonic())
                if delay > 0:
                    self._changed.wait(min(delay, 1.0))
                    continue
                return self._send(item)
        return None

    def _send(self, item: Item) -> int:
        index, self._next = self._next, self._next + 1
        self._under_way[index] = item.reserved_usd
        self._pace.left(item.tokens)
        # Under the lock, so that the order of the records is the order of the plan.
        self._ledger.sent(item)
        return index

    def _is_affordable(self, item: Item) -> bool:
        used = self._budget.used_usd + self.outcome.paid_usd + self.outcome.at_risk_usd
        return used + sum(self._under_way.values()) + item.reserved_usd <= self._budget.cap_usd

    # --- what comes back

    def _finish(self, index: int) -> None:
        item = self._items[index]
        result, retries = self._asked(item)
        record = self._record(item, result, retries)
        self._ledger.ended(item, record)
        with self._changed:
            del self._under_way[index]
            self._count(item, record)
            is_final = record["state"] == "answered" or record.get("facts") is not None
            self._records[index] = record if is_final else None
            self._tell()
            self._changed.notify_all()
        if isinstance(result, Failure):
            self._consider(result)

    def _record(self, item: Item, result: Answered | Failure, retries: int) -> dict[str, Any]:
        if isinstance(result, Answered) or result.kind == "lost":
            return self._read(item, result, retries)
        # Zero is said only where a refusal is known not to be billed.
        cost = None if result.kind == "unknown" else Decimal(0)
        return {"state": "failed", "error": result.message, "cost_usd": cost, "retries": retries}

    def _asked(self, item: Item) -> tuple[Answered | Failure, int]:
        """(the answer, or the failure that stands; how often it was tried before), again only what was not billed."""
        tries = refusals = 0
        while True:
            changed = {name: new for name, new in [*self.outcome.changed.items()] if name in item.body}
            body = {new: value for name, value in item.body.items() if (new := changed.get(name, name))}
            result = self._ask(item.family, body)
            now = time.monotonic()
            if isinstance(result, Answered):
                with self._changed:
                    self._pace.answered(result.headers, now)
                return replace(result, changed=changed), tries
            if result.kind == "parameter":
                # Each can be refused but once, and what was learned holds for every later request.
                self._learn(result.param, result.instead)
                pause: float | None = 0.0
            else:
                tries += 1
                refusals += result.kind != "rate"
                pause = self._pause(result, now)
            given_up = tries >= _TRIES or refusals >= _UNBILLED_TRIES
            if pause is None or given_up or not self._sleep(pause):
                return result, max(tries - 1, 0)

    def _pause(self, failure: Failure, now: float) -> float | None:
        """Seconds until another try; None where none is made."""
        with self._changed:
            if failure.kind == "rate":
                return self._pace.refused(failure.headers, now)
            if failure.kind == "again":
                return _AGAIN_S
        return None

    def _learn(self, param: str, instead: str) -> None:
        """Later requests go without the parameter, or name it otherwise; a new name that is refused goes too."""
        with self._changed:
            known = self.outcome.changed
            renamed = next((name for name, new in known.items() if new == param), "")
            if renamed:
                known[renamed] = ""
            else:
                known.setdefault(param, instead)

    def _sleep(self, seconds: float) -> bool:
        """True after the pause; False at once when the run is over."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._is_over and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._is_over

    def _count(self, item: Item, record: Mapping[str, Any]) -> None:
        outcome = self.outcome
        cost = record.get("cost_usd")
        outcome.answered += record["state"] == "answered"
        if cost is None:
            outcome.at_risk_usd += item.reserved_usd
            if record["state"] != "answered":
                outcome.lost.append(item.id)
        else:
            outcome.paid_usd += cost
            outcome.unbilled += record["state"] != "answered" and not cost

    def _tell(self) -> None:
        """In the order of the plan, whatever the order of the answers."""
        while self._told in self._records:
            word = self._decide(self._items[self._told], self._records[self._told])
            self._told += 1
            if word:
                self._stop("decided", word)

    def _consider(self, failure: Failure) -> None:
        if failure.kind == "fatal":
            self._stop("refused", failure.message)
        elif not self.outcome.answered and self.outcome.unbilled >= _REFUSED_AT_ONCE:
            count = self.outcome.unbilled
            self._stop("refused", f"the first {count} requests were refused, the last with {failure.message}")
