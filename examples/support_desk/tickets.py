"""Who writes to the support desk, when, and what: forty customers on three plans, five weeks of work."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from support_desk.planted import ERROR_CUSTOMER, ERROR_USER
from support_desk.service import Ticket

ENTERPRISE = ("acme", "globex", "initech", "umbra")
TEAM = (
    *(ERROR_CUSTOMER, "hooli", "stark", "wayne", "tyrell", "cyberdyne"),
    *("soylent", "vandelay", "wonka", "gringotts", "oceanic", "massive"),
)
STARTER = tuple(f"shop-{number:02d}" for number in range(1, 25))
PLAN_WEIGHT = {"enterprise": 30.0, "team": 6.0, "starter": 1.0}
PLANS = {
    **dict.fromkeys(ENTERPRISE, "enterprise"),
    **dict.fromkeys(TEAM, "team"),
    **dict.fromkeys(STARTER, "starter"),
}
# Calls a history holds at scale 1; the mix per task is in `history`.
JOBS = 2450
HOUR_NS = 3_600_000_000_000
_OPENINGS = ("Hello,", "Hi team,", "Good morning,", "Dear support,", "Quick question:")
_PROBLEMS = (
    "our invoice shows {n} seats although we use fewer",
    "the export of {n} rows stops halfway",
    "I cannot log in since yesterday, code {n}",
    "the webhook for order A-{n} never arrived",
    "the calendar shows {n} events twice",
    "the nightly report {n} is empty",
    "we want to move {n} users to another workspace",
    "the import says line {n} is wrong, but it looks fine",
)
_CLOSINGS = (
    "Please answer soon, we close the month tomorrow.",
    "You can reach me at kim.{n}@example.com or +49 30 5550{n}.",
    "Thanks a lot!",
    "It worked last week.",
    "My colleague saw the same on another machine.",
)
_CLAUSES = (
    "The supplier may change the fees with a notice of {n} days and without the customer's consent.",
    "Liability is limited to the fees paid in the {n} days before the event that caused the damage.",
    "Data of the customer is deleted {n} days after the end of the agreement, backups included.",
    "Either party may end the agreement with a notice of {n} days to the end of a quarter.",
    "The supplier names its subcontractors on request within {n} days and answers for them.",
    "Confidential information stays confidential for {n} months after the end of the agreement.",
)


@dataclass(frozen=True)
class Batch:
    """Tickets that an agent works through in one go, so that their prompts follow each other closely."""

    at_ns: int
    day: float
    size: int


def batches(start_ns: int, end_ns: int, scale: float, rng: Random) -> list[Batch]:
    """The work of five weeks in order: growing by 12 % a week, mostly on weekdays and in office hours."""
    # The last two hours stay free: work takes time, and nothing may happen after the end.
    hours = [(hour, _weight(start_ns, hour)) for hour in range((end_ns - start_ns) // HOUR_NS - 2)]
    total = sum(weight for _, weight in hours)
    made: list[Batch] = []
    owed = 0.0
    for hour, weight in hours:
        owed += JOBS * scale * weight / total
        if owed < rng.uniform(4, 14):
            continue
        at_s = hour * 3600 + rng.uniform(0, 2400)
        made.append(Batch(start_ns + round(at_s * 1e9), at_s / 86_400, round(owed)))
        owed -= round(owed)
    return made


def _weight(start_ns: int, hour: int) -> float:
    moment = datetime.fromtimestamp(start_ns / 1e9 + hour * 3600, UTC)
    is_work = 7 <= moment.hour < 18
    return (1.12 ** (hour / 168)) * (1.0 if moment.weekday() < 5 else 0.33) * (1.0 if is_work else 0.12)


def tickets(rng: Random) -> Iterator[Ticket]:
    """Tickets without end; a customer's share follows its plan, and within a plan its place in the list."""
    names = list(PLANS)
    weights = [PLAN_WEIGHT[PLANS[name]] / (1 + 0.25 * place) for place, name in enumerate(names)]
    number = 1000
    while True:
        number += rng.randint(1, 3)
        customer = rng.choices(names, weights)[0]
        yield Ticket(f"T-{number}", customer, f"{customer}-u{rng.randint(1, 5)}", _text(rng))


def error_ticket(number: str) -> Ticket:
    """A ticket of the user whose attachments are too long."""
    return Ticket(number, ERROR_CUSTOMER, ERROR_USER, "The log is attached.\nATTACHMENT " + "0123456789 " * 400)


def _text(rng: Random) -> str:
    lines = [rng.choice(_OPENINGS), rng.choice(_PROBLEMS) + ".", rng.choice(_CLOSINGS)]
    return " ".join(lines).format(n=rng.randint(11, 99))


def invoice(rng: Random, lines: int) -> str:
    """A printed invoice with so many lines."""
    body = "\n".join(f"{at}  Seats and storage, part {at}  {rng.randint(10, 900)}.00" for at in range(1, lines + 1))
    return f"INVOICE 2026-{rng.randint(1000, 9999)}\nAcme Software GmbH\n{body}\nTOTAL EUR {rng.randint(100, 9000)}.00"


def contract(rng: Random, clauses: int) -> str:
    """A contract of so many clauses."""
    return "\n".join(f"§ {at} {rng.choice(_CLAUSES).format(n=rng.randint(5, 90))}" for at in range(1, clauses + 1))
