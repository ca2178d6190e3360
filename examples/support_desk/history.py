"""Nine weeks of the support desk's work in a minute: its own functions, the real SDK, HTTP, a virtual clock.

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
from support_desk.model import FALSE_PROMISE, DeskModel
from support_desk.planted import BY_NAME, DAYS, HEAVY_CUSTOMER, holds
from support_desk.service import TROUBLE, Answer, SupportDesk, Ticket

DAY_NS = 86_400_000_000_000
# The share of answers that an agent corrects or confirms by the way they close the ticket.
LABELLED = 0.5


@dataclass
class Worker:
    """Drives the desk through one ticket after another, and its agents through judging the answers."""

    desk: SupportDesk
    rng: Random
    calls: int = 0
    failed: int = 0

    def work(self, ticket: Ticket, day: float) -> None:
        """Everything that happens around one ticket on that day."""
        self.desk.reply_prompt = "thorough" if holds("thorough-prompt", day) else "short"
        self.desk.stamps_prompts = holds("stamped-prompt", day)
        facts = tickets.facts_of(ticket.text)
        if facts:
            self._judged(lambda: self.desk.classify(ticket), lambda v: v["category"] == facts.problem.category)
            self._judged_some(0.32, lambda: self.desk.route(ticket), lambda v: v["queue"] == facts.problem.queue)
            self._judged_some(0.32, lambda: self.desk.find_rule(ticket), lambda v: v["rule"] == facts.problem.rule)
            self._judged_some(0.40, lambda: self.desk.tag_mood(ticket), lambda v: v["mood"] == facts.mood)
        self._answer(ticket)
        for chance, job in self._side_jobs(ticket):
            if self.rng.random() < chance:
                self._try(job)

    def _answer(self, ticket: Ticket) -> None:
        drawn = self.rng.random()
        if drawn < 0.40:
            is_fine = self._judged(
                lambda: self.desk.draft_reply(ticket), lambda text: text and FALSE_PROMISE not in text
            )
            self.desk.close(ticket, is_solved=bool(is_fine))
        elif drawn < 0.72:
            self._try(lambda: self._chat(ticket))

    def _side_jobs(self, ticket: Ticket) -> tuple[tuple[float, Callable[[], object]], ...]:
        rng = self.rng
        is_long = rng.random() < BY_NAME["long-invoices"].share
        is_heavy = rng.random() < BY_NAME["below-zero"].share
        reviewed, clauses = (
            (HEAVY_CUSTOMER, rng.randint(1800, 2200)) if is_heavy else (ticket.customer, rng.randint(40, 160))
        )
        return (
            (0.30, lambda: self.desk.title(ticket)),
            (0.06, lambda: self.desk.check_image(ticket.customer, tickets.picture(rng))),
            (0.14, lambda: self.desk.parse_address(tickets.address(rng))),
            (0.10, lambda: self.desk.extract_invoice(tickets.invoice(rng, 40 if is_long else rng.randint(2, 9)))),
            (0.05, lambda: self.desk.review_contract(reviewed, tickets.contract(rng, clauses))),
            (0.09, lambda: self.desk.embed_article(tickets.contract(rng, rng.randint(3, 12)))),
            (0.07, lambda: self.desk.find_order(tickets.remark(rng))),
            (0.05, lambda: self._translate(ticket.customer, tickets.remark(rng))),
            (0.02 * BY_NAME["bad-requests"].share, lambda: self.desk.classify(tickets.error_ticket(ticket.number))),
        )

    def _translate(self, customer: str, remark: str) -> None:
        # Two customers read German: with more calls without a price no margin of all could be stated.
        if customer in ("initech", "umbra"):
            self.desk.translate(customer, remark)

    def _chat(self, ticket: Ticket) -> None:
        events = count()
        leaves_at = self.rng.randint(3, 6) if self.rng.random() < BY_NAME["left-visitors"].share else 10_000
        on_phone = self.rng.random() < BY_NAME["phone"].share
        with llmwatch.session(f"visit-{ticket.number}"):
            self.desk.chat(ticket, on_phone=on_phone, has_left=lambda: next(events) > leaves_at)

    def _judged_some(self, chance: float, job: Callable[[], Answer], is_right: Callable[..., object]) -> None:
        if self.rng.random() < chance:
            self._judged(job, is_right)

    def _judged(self, job: Callable[[], Answer], is_right: Callable[..., object]) -> bool | None:
        """Whether the answer was right, as the agent sees it; every other time the agent says so. None if it failed."""
        answer = self._try(job)
        if answer is None:
            return None
        is_fine = bool(is_right(answer.value))
        if self.rng.random() < LABELLED:
            llmwatch.feedback(is_fine, call=answer.id, evidence="label")
        return is_fine

    def _try(self, job: Callable[[], object]) -> "Answer | None":
        self.calls += 1
        try:
            made = job()
        except TROUBLE:
            self.failed += 1
            return None
        return made if isinstance(made, Answer) else None


def run(
    end_ns: int, *, seed: int = 11, scale: float = 1.0, on_progress: Callable[[float], None] | None = None
) -> Worker:
    """Makes the nine weeks before `end_ns` happen, captured into the home that LLMWATCH_HOME or llmwatch.toml names."""
    start_ns = first_day(end_ns)
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


def first_day(end_ns: int) -> int:
    """The history's first midnight: days are whole days UTC; the last one is cut off at `end_ns`."""
    return (end_ns // DAY_NS - DAYS + 1) * DAY_NS


def _work_through(
    clock: VirtualClock,
    start_ns: int,
    batches: list[tickets.Batch],
    worker: Worker,
    on_progress: Callable[[float], None] | None,
) -> Worker:
    inbox = tickets.Inbox(worker.rng)
    is_refunded = False
    for batch in batches:
        clock.move_to(batch.at_ns)
        for _ in range(batch.size):
            day = (clock.peek_ns() - start_ns) / DAY_NS
            if holds("refund", day) and not is_refunded:
                llmwatch.revenue(-12, customer="globex", note="goodwill for the outage")
                is_refunded = True
            worker.work(inbox.next_ticket(day), day)
            clock.advance(worker.rng.expovariate(1 / 8))
        if on_progress:
            on_progress(batch.day / DAYS)
    return worker
