"""The truths planted in the history, one line each, so that a report can be checked against them.

Days count from the history's first midnight UTC, 0 to 35; `share` is the part of the concerned calls it touches.
"""

from dataclasses import dataclass

DAYS = 35


@dataclass(frozen=True)
class Truth:
    """Something that is so in the history from one day until another."""

    name: str
    what: str
    from_day: float = 0
    until_day: float = DAYS
    share: float = 1.0


TRUTHS = (
    Truth("growth", "Traffic grows by 12 % a week; weekends have a third of a weekday's."),
    Truth("thorough-prompt", "A new prompt makes replies of reply.draft about 2.2 times as long.", from_day=21),
    Truth("stamped-prompt", "The ticket number in front of the prompt ends cache hits of reply.draft.", from_day=28),
    Truth("rate-limits", "A day of 429s: most calls are retried once, some fail.", 16.375, 16.75, share=0.45),
    Truth("server-errors", "A working day of 500s that go away on the second retry.", 24.375, 24.7, share=0.25),
    Truth("left-visitors", "Visitors leave before chat.answer has finished.", share=0.12),
    Truth("phone", "The phone app streams without include_usage.", share=0.45),
    Truth("long-invoices", "Invoices with many lines hit max_output_tokens: truncated, not parseable.", share=0.06),
    Truth("refusals", "reply.draft refuses some tickets.", share=0.015),
    Truth("bad-requests", "One user of northwind sends attachments that are too long: 400.", share=0.35),
    Truth("unpriced", "acme-llm-1 has no price.", share=1.0),
)
BY_NAME = {truth.name: truth for truth in TRUTHS}
ERROR_CUSTOMER, ERROR_USER = "northwind", "northwind-u1"


def holds(name: str, day: float) -> bool:
    """Whether a truth holds on that day."""
    truth = BY_NAME[name]
    return truth.from_day <= day < truth.until_day
