"""Five weeks of the support desk's work in half a minute: its own functions, the real SDK, HTTP, a virtual clock.

What is planted, to be found again in a report, stands in `planted.py`. The same seed and end give the same history.
"""

import contextlib
import gc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random

from openai import OpenAI

import llmwatch
from llmwatch.standin import StandinServer, VirtualClock
from support_desk import tickets
from support_desk.model import DeskModel
from support_desk.planted import BY_NAME, DAYS, holds
from support_desk.service import TROUBLE, SupportDesk, Ticket

DAY_NS = 86_400_000_000_000


@dataclass
class Worker:
    """Drives the desk through one ticket after another."""

    desk: SupportDesk
    rng: Random
    calls: int = 0
    failed: int = 0

    def work(self, ticket: Ticket, day: float) -> None:
        """Everything that happens around one ticket on that day."""
        self.desk.reply_prompt = "thorough" if holds("thorough-prompt", day) else "short"
        self.desk.stamps_prompts = holds("stamped-prompt", day)
        self._try(lambda: self.desk.classify(ticket))
        drawn = self.rng.random()
        if drawn < 0.40:
            self._try(lambda: self.desk.draft_reply(ticket))
        elif drawn < 0.72:
            self._try(lambda: self._chat(ticket))
        for chance, job in self._side_jobs(ticket):
            if self.rng.random() < chance:
                self._try(job)

    def _side_jobs(self, ticket: Ticket) -> tuple[tuple[float, Callable[[], object]], ...]:
        rng = self.rng
        is_long = rng.random() < BY_NAME["long-invoices"].share
        return (
            (0.10, lambda: self.desk.extract_invoice(tickets.invoice(rng, 40 if is_long else rng.randint(2, 9)))),
            (0.05, lambda: self.desk.review_contract(ticket.customer, tickets.contract(rng, rng.randint(40, 160)))),
            (0.09, lambda: self.desk.embed_article(tickets.contract(rng, rng.randint(3, 12)))),
            (0.07, lambda: self.desk.find_order(ticket.text)),
            (0.05, lambda: self.desk.translate(ticket.customer, ticket.text)),
            (0.02 * BY_NAME["bad-requests"].share, lambda: self.desk.classify(tickets.error_ticket(ticket.number))),
        )

    def _chat(self, ticket: Ticket) -> None:
        events = count()
        leaves_at = self.rng.randint(3, 6) if self.rng.random() < BY_NAME["left-visitors"].share else 10_000
        on_phone = self.rng.random() < BY_NAME["phone"].share
        with llmwatch.session(f"visit-{ticket.number}"):
            self.desk.chat(ticket, on_phone=on_phone, has_left=lambda: next(events) > leaves_at)

    def _try(self, job: Callable[[], object]) -> None:
        self.calls += 1
        try:
            job()
        except TROUBLE:
            self.failed += 1


def run(
    end_ns: int, *, seed: int = 11, scale: float = 1.0, on_progress: Callable[[float], None] | None = None
) -> Worker:
    """Makes the five weeks before `end_ns` happen, captured into the home that LLMWATCH_HOME or llmwatch.toml names."""
    # Days are whole days UTC; the last one is cut off at `end_ns`.
    start_ns = (end_ns // DAY_NS - DAYS + 1) * DAY_NS
    clock = VirtualClock(start_ns)
    llmwatch.init(clock=clock.time_ns, service_name="support-desk")
    with (
        StandinServer(clock=clock, seed=seed, brain=DeskModel(clock, start_ns), keep_requests=1) as server,
        OpenAI(base_url=server.base_url, api_key="sk-standin") as client,
        contextlib.ExitStack() as ending,
    ):
        ending.callback(llmwatch.shutdown)
        ending.callback(gc.collect)
        incoming = tickets.batches(start_ns, end_ns, scale, Random(f"{seed}:batches"))
        return _work_through(clock, start_ns, incoming, Worker(SupportDesk(client), Random(seed)), on_progress)


def _work_through(
    clock: VirtualClock,
    start_ns: int,
    batches: list[tickets.Batch],
    worker: Worker,
    on_progress: Callable[[float], None] | None,
) -> Worker:
    incoming = tickets.tickets(worker.rng)
    for batch in batches:
        clock.move_to(batch.at_ns)
        for _ in range(batch.size):
            worker.work(next(incoming), (clock.peek_ns() - start_ns) / DAY_NS)
            clock.advance(worker.rng.expovariate(1 / 8))
        if on_progress:
            on_progress(batch.day / DAYS)
    return worker
