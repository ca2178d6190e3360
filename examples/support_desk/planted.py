"""The truths planted in the history, one line each, so that a report can be checked against them.

Days count from the history's first midnight UTC, 0 to 63; `share` is the part of the concerned calls it touches.
"""

from dataclasses import dataclass

DAYS = 63


@dataclass(frozen=True)
class Truth:
    """Something that is so in the history from one day until another."""

    name: str
    what: str
    from_day: float = 0
    until_day: float = DAYS
    share: float = 1.0


TRUTHS = (
    # what was spent
    Truth("growth", "Traffic grows by 8 % a week; weekends have a third of a weekday's."),
    Truth("thorough-prompt", "A new prompt makes replies of reply.draft about 2.2 times as long.", from_day=49),
    Truth("stamped-prompt", "The ticket number in front of the prompt ends cache hits of reply.draft.", from_day=56),
    Truth("rate-limits", "A day of 429s: most calls are retried once, some fail.", 44.375, 44.75, share=0.45),
    Truth("server-errors", "Two days of 500s that go away on the second retry.", 52.25, 54.25, share=0.25),
    Truth("left-visitors", "Visitors leave before chat.answer has finished.", share=0.12),
    Truth("phone", "The phone app streams without include_usage.", share=0.45),
    Truth("long-invoices", "Invoices with many lines hit max_output_tokens: truncated, not parseable.", share=0.15),
    Truth("refusals", "reply.draft refuses some tickets.", share=0.015),
    Truth("bad-requests", "One user of northwind sends attachments that are too long: 400.", share=0.35),
    Truth("unpriced", "acme-llm-1 has no price."),
    # what was earned
    Truth("below-zero", "shop-03 pays a dollar a month and has every contract of its landlord reviewed.", share=0.55),
    Truth("refund", "globex is given 12 dollars back.", from_day=58),
    # what got worse
    Truth("worse-replies", "The new prompt also makes reply.draft promise refunds that nobody gives.", from_day=49),
    Truth("harder-mix", "More Japanese tickets, which ticket.classify never read well; nothing else changed.", 49),
    Truth("alias-flip", "gpt-4o answers parse_address from another snapshot, inside code fences.", from_day=42),
    # what a cheaper model can do
    Truth(
        "equal", "gpt-6-luna answers ticket.route as gpt-4o does, but for the thinking it adds to some.", share=0.004
    ),
    Truth("worse-by-8", "gpt-6-luna names the wrong rule in faq.answer where gpt-4o did not.", share=0.08),
    Truth("worse-in-japanese", "gpt-6-luna misreads the mood of Japanese tickets in mood.tag.", share=0.35),
    Truth("dearer-images", "gpt-4o-mini counts 33 times the tokens for an image of image.check."),
    Truth("chattier", "gpt-6-luna thinks 180 tokens before it gives the same ticket.title as gpt-4o."),
    Truth("dying", "gpt-4o-mini and gpt-4o stop answering on 2027-01-14."),
)
BY_NAME = {truth.name: truth for truth in TRUTHS}
ERROR_CUSTOMER, ERROR_USER = "northwind", "northwind-u1"
HEAVY_CUSTOMER = "shop-03"


def holds(name: str, day: float) -> bool:
    """Whether a truth holds on that day."""
    truth = BY_NAME[name]
    return truth.from_day <= day < truth.until_day
