"""Owns what a request of a run may cost before it is sent, and what it did cost by its own usage."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from ..errors import UsageError
from ..prices import INCOMING_COLUMNS, PriceBook, PriceKey, PriceRow, Unpriced, price_one
from ..prices.bill import bill, rate_of
from .ask import Place

# Another tokenizer counts up to 3 % more; a run's own words around a prompt are few.
_INPUT_SLACK: Final = Decimal("1.1")
_INPUT_MORE: Final = 64
# Counts of an answer that is text, with nothing beside it; of reasoning the output knows already.
_PLAIN: Final = frozenset(
    {"input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens"}
)
# Where nothing limits an answer: more than this many times the length of the known one is hardly ever written.
_OUTPUT_TIMES: Final = 4
_OUTPUT_MORE: Final = 1_000
# What a model that thinks before it answers may think, where nothing limits it.
_THOUGHT: Final = 8_000


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of a request before it is sent, in the tokens of the stored call."""

    input_tokens: int
    output_tokens: int
    # The request's own limit on its output, for each of `choices` answers.
    max_tokens: int | None = None
    choices: int = 1
    service_tier: str = "default"


class Meter:
    """Prices of one model at one place today, and the costs of answers by them; safe for threads."""

    def __init__(
        self, book: PriceBook, place: Place, provider: str, model: str, *, reasons: bool | None, most_output: int | None
    ) -> None:
        self._book = book
        self._place = place
        self._provider = provider
        self._model = model
        self._reasons = reasons is not False
        self._most_output = most_output
        self._lock = threading.Lock()
        self._rows: dict[str, PriceRow] = {}
        # Short answers use the same few counts again and again, and pricing one takes a dozen statements.
        self._costs: dict[str, Decimal | None] = {}

    def row(self, tier: str = "default") -> PriceRow:
        """The prices of a tier; UsageError if there are none, for a run without prices could not be capped."""
        found = self._rows.get(tier)
        if found is None:
            day: date = datetime.now(UTC).date()
            key = PriceKey(self._provider, self._model, tier, self._place.host, day)
            found = self._rows[tier] = self._book.resolve([key])[0]
        if not found.is_priced or "input" not in found.rates or "output" not in found.rates:
            reason = found.unpriced_reason or f"no price per token for {self._model}"
            raise UsageError(
                f"{self._model} has no price ({reason}), so its cost cannot be capped.",
                "Name a priced model, or add [[prices]] for it to llmwatch.toml.",
            )
        return found

    def has_tier(self, tier: str) -> bool:
        """Whether there are prices for this tier."""
        try:
            self.row(tier)
        except UsageError:
            return False
        return True

    def is_bounded(self, size: Size) -> bool:
        """Whether an answer cannot cost more than its reserve."""
        return size.max_tokens is not None

    def output_limit(self, size: Size) -> int:
        """The most output tokens reckoned with."""
        if size.max_tokens is not None:
            return size.max_tokens * size.choices
        likely = size.output_tokens * _OUTPUT_TIMES + _OUTPUT_MORE + (_THOUGHT if self._reasons else 0)
        return min(likely, self._most_output or likely) * size.choices

    def reserve(self, size: Size) -> Decimal:
        """The most the request may cost: nothing cached, everything written to the cache, the longest answer."""
        tokens = int(size.input_tokens * _INPUT_SLACK) + _INPUT_MORE
        return self._cost(size.service_tier, tokens, self.output_limit(size), is_worst=True)

    def expected(self, size: Size) -> tuple[Decimal, Decimal, Decimal]:
        """(least, likely, most) of what the request will cost, cache cold; nothing is known of the model's own length.

        Answers of another model were measured at 0.5 to 1.5 times the length; thinking comes on top.
        """
        thought = 500 if self._reasons else 0
        lengths = (size.output_tokens // 2, size.output_tokens, size.output_tokens * 3 // 2 + thought)
        limit = self.output_limit(size)
        low, likely, high = (
            self._cost(size.service_tier, size.input_tokens, min(n, limit), is_worst=False) for n in lengths
        )
        return low, likely, high

    def _cost(self, tier: str, input_tokens: int, output_tokens: int, *, is_worst: bool) -> Decimal:
        row = self.row(tier)
        is_long = row.long_above is not None and input_tokens > row.long_above
        fresh, written = (rate_of(kind, row.rates, is_long=is_long) for kind in ("input", "cache_write"))
        is_written = written is not None and (not is_worst or written > (fresh or 0))
        units = {"cache_write" if is_written else "input": input_tokens, "output": output_tokens, "request": 1}
        return bill(units, row.rates, is_long=is_long) or Decimal(0)

    def cost(self, usage: Mapping[str, Any], family: str) -> Decimal | None:
        """What an answer cost, as a merge would say; None if its usage or price is not known."""
        if usage.get("input_tokens") is None:
            return None
        now = datetime.now(UTC)
        call: dict[str, Any] = {key: value for key, value in usage.items() if key in INCOMING_COLUMNS}
        call |= {
            "provider_name": self._provider,
            "request_model": self._model,
            "server_address": self._place.host,
            "endpoint": "/responses" if family == "responses" else "/chat/completions",
        }
        key = f"{now.date()} {sorted(call.items())}"
        with self._lock:
            if key not in self._costs and (plain := self._plain_cost(call, now.date())) is not None:
                self._costs[key] = plain
            if key not in self._costs:
                found = price_one({**call, "started_at": now}, self._book)
                self._costs[key] = None if isinstance(found, Unpriced) else found.cost_usd
            return self._costs[key]

    def _plain_cost(self, call: Mapping[str, Any], day: date) -> Decimal | None:
        """The cost of text in and text out; None of everything else, which the SQL of a merge prices, in 120 ms."""
        counts = {name: call[name] for name in call if name.endswith(("_tokens", "_calls", "_seconds")) and call[name]}
        if set(counts) - _PLAIN or not counts.get("output_tokens"):
            return None
        whole, cached = counts.get("input_tokens", 0), counts.get("cached_input_tokens", 0)
        written = counts.get("cache_write_tokens", 0)
        model = str(call.get("response_model") or self._model)
        row = self._plain_row(model, str(call.get("service_tier") or "default"), day)
        if row is None or cached + written > whole:
            return None
        kinds = {"input": whole - cached - written, "cached_input": cached, "cache_write": written,
                 "output": counts["output_tokens"], "request": 1}  # fmt: skip
        return bill(kinds, row.rates, is_long=row.long_above is not None and whole > row.long_above)

    def _plain_row(self, model: str, tier: str, day: date) -> PriceRow | None:
        key = f"{model} {tier} {day}"
        if key not in self._rows:
            self._rows[key] = self._book.resolve([PriceKey(self._provider, model, tier, self._place.host, day)])[0]
        row = self._rows[key]
        return row if row.is_priced else None
