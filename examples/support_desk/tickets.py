"""Who writes to the support desk, when, and what: forty customers on three plans, nine weeks of work."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from support_desk.planted import ERROR_CUSTOMER, ERROR_USER, holds
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
# Tickets that a history holds at scale 1; the mix per task is in `history`.
JOBS = 2000
HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True)
class Problem:
    """Something customers write about: what it is, what the handbook says, and how it reads in each language."""

    category: str
    queue: str
    rule: int
    text: dict[str, str]


PROBLEMS = (
    Problem("billing", "finance", 0, {
        "en": "our invoice shows {n} seats although we use fewer",
        "de": "auf unserer Rechnung stehen {n} Plätze, obwohl wir weniger nutzen",
        "ja": "請求書に{n}席と書かれていますが、もっと少ないです",
    }),
    Problem("bug", "data", 7, {
        "en": "the export of {n} rows stops halfway",
        "de": "der Export von {n} Zeilen bleibt auf halbem Weg stehen",
        "ja": "{n}行のエクスポートが途中で止まります",
    }),
    Problem("account", "access", 11, {
        "en": "I cannot log in since yesterday, code {n}",
        "de": "ich kann mich seit gestern nicht anmelden, Code {n}",
        "ja": "昨日からログインできません、コードは{n}です",
    }),
    Problem("bug", "platform", 17, {
        "en": "the webhook for order A-{n} never arrived",
        "de": "der Webhook für die Bestellung A-{n} kam nie an",
        "ja": "注文A-{n}のウェブフックが届きませんでした",
    }),
    Problem("bug", "platform", 27, {
        "en": "the calendar shows {n} events twice",
        "de": "der Kalender zeigt {n} Termine doppelt",
        "ja": "カレンダーに{n}件の予定が二重に表示されます",
    }),
    Problem("bug", "data", 32, {
        "en": "the nightly report {n} is empty",
        "de": "der nächtliche Bericht {n} ist leer",
        "ja": "毎晩のレポート{n}が空です",
    }),
    Problem("account", "access", 21, {
        "en": "we want to move {n} users to another workspace",
        "de": "wir möchten {n} Nutzer in einen anderen Bereich verschieben",
        "ja": "{n}人のユーザーを別のワークスペースに移したいです",
    }),
    Problem("how-to", "data", 36, {
        "en": "how do I import {n} lines from a spreadsheet",
        "de": "wie importiere ich {n} Zeilen aus einer Tabelle",
        "ja": "表から{n}行を取り込むにはどうすればいいですか",
    }),
)  # fmt: skip
_OPENINGS = {
    "en": ("Hello,", "Hi team,", "Good morning,", "Dear support,", "Quick question:"),
    "de": ("Hallo,", "Guten Morgen,", "Liebes Team,", "Eine kurze Frage:"),
    "ja": ("こんにちは、", "お世話になっております。", "おはようございます。"),
}
_CLOSINGS = {
    "calm": {
        "en": ("Thanks a lot!", "You can reach me at kim.{n}@example.com or +49 30 5550{n}.", "It worked last week."),
        "de": ("Vielen Dank!", "Letzte Woche ging es noch.", "Sie erreichen mich unter kim.{n}@example.com."),
        "ja": ("よろしくお願いします。", "先週は動いていました。"),
    },
    "urgent": {
        "en": ("Please answer soon, we close the month tomorrow.",),
        "de": ("Bitte antworten Sie bald, wir schließen morgen den Monat ab.",),
        "ja": ("明日が締め切りなので、早めにお返事ください。",),
    },
    "upset": {
        "en": ("This is the third time, and nobody answers me!", "My colleague is as annoyed as I am."),
        "de": ("Das ist das dritte Mal, und niemand antwortet mir!",),
        "ja": ("これで三回目です。誰も返事をくれません。",),
    },
}
MOOD_CHANCES = {"calm": 0.6, "urgent": 0.2, "upset": 0.2}
_CLAUSES = (
    "The supplier may change the fees with a notice of {n} days and without the customer's consent.",
    "Liability is limited to the fees paid in the {n} days before the event that caused the damage.",
    "Data of the customer is deleted {n} days after the end of the agreement, backups included.",
    "Either party may end the agreement with a notice of {n} days to the end of a quarter.",
    "The supplier names its subcontractors on request within {n} days and answers for them.",
    "Confidential information stays confidential for {n} months after the end of the agreement.",
)
_REMARKS = (
    *("parcel", "late", "green box", "where", "yesterday", "please", "address", "wrong", "courier", "again", "still"),
    *("missing", "two", "pieces", "invoice", "paid", "twice", "since Monday", "neighbour", "nobody", "rang", "broken"),
    *("refund", "size", "colour", "return", "label", "printed", "never", "email", "tracking", "says", "delivered"),
    *("but", "not", "here", "office", "closed", "when", "will", "it", "come", "thanks", "urgent", "gift", "card"),
)
_STREETS = ("Hill Road", "Mill Lane", "Harbour Street", "Station Way", "Kings Avenue")
_TOWNS = ("Leeds", "York", "Bath", "Derby", "Truro")


@dataclass(frozen=True)
class Batch:
    """Tickets that an agent works through in one go, so that their prompts follow each other closely."""

    at_ns: int
    day: float
    size: int


def batches(start_ns: int, end_ns: int, scale: float, rng: Random) -> list[Batch]:
    """The work of nine weeks in order: growing by 8 % a week, mostly on weekdays and in office hours."""
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
    return (1.08 ** (hour / 168)) * (1.0 if moment.weekday() < 5 else 0.33) * (1.0 if is_work else 0.12)


class Inbox:
    """Tickets without end; a customer's share follows its plan, and within a plan its place in the list."""

    def __init__(self, rng: Random) -> None:
        """Start at ticket 1000."""
        self._rng = rng
        self._number = 1000
        self._names = list(PLANS)
        self._weights = [PLAN_WEIGHT[PLANS[name]] / (1 + 0.25 * place) for place, name in enumerate(self._names)]

    def next_ticket(self, day: float) -> Ticket:
        """The next one, in the languages of that day."""
        rng = self._rng
        self._number += rng.randint(1, 3)
        customer = rng.choices(self._names, self._weights)[0]
        in_japanese = 0.50 if holds("harder-mix", day) else 0.12
        language = rng.choices(("en", "de", "ja"), (0.72 * (1 - in_japanese), 0.28 * (1 - in_japanese), in_japanese))[0]
        return Ticket(f"T-{self._number}", customer, f"{customer}-u{rng.randint(1, 5)}", _text(rng, language))


def tickets(rng: Random, day: float = 0.0) -> Iterator[Ticket]:
    """Tickets without end, all of one day."""
    inbox = Inbox(rng)
    while True:
        yield inbox.next_ticket(day)


def error_ticket(number: str) -> Ticket:
    """A ticket of the user whose attachments are too long."""
    return Ticket(number, ERROR_CUSTOMER, ERROR_USER, "The log is attached.\nATTACHMENT " + "0123456789 " * 400)


def _text(rng: Random, language: str) -> str:
    mood = rng.choices(tuple(MOOD_CHANCES), tuple(MOOD_CHANCES.values()))[0]
    problem = rng.choice(PROBLEMS).text[language]
    stop = "。" if language == "ja" else "?" if problem.startswith(("how", "wie")) else "."
    lines = [rng.choice(_OPENINGS[language]), problem + stop, rng.choice(_CLOSINGS[mood][language])]
    return " ".join(lines).replace("{n}", str(rng.randint(11, 99)))


@dataclass(frozen=True)
class Facts:
    """What is true of a ticket, for whoever has to know better than a model."""

    problem: Problem
    language: str
    mood: str


def facts_of(text: str) -> Facts | None:
    """What is true of a ticket's text; None if it is not one of ours."""
    found = next(
        ((p, lang) for p in PROBLEMS for lang, sentence in p.text.items() if _holds_sentence(text, sentence)), None
    )
    if found is None:
        return None
    problem, language = found
    mood = next((m for m in ("urgent", "upset") if any(c in text for c in _CLOSINGS[m][language])), "calm")
    return Facts(problem, language, mood)


def _holds_sentence(text: str, sentence: str) -> bool:
    before, _, after = sentence.partition("{n}")
    return before in text and after in text


def invoice(rng: Random, lines: int) -> str:
    """A printed invoice with so many lines."""
    body = "\n".join(f"{at}  Seats and storage, part {at}  {rng.randint(10, 900)}.00" for at in range(1, lines + 1))
    return f"INVOICE 2026-{rng.randint(1000, 9999)}\nAcme Software GmbH\n{body}\nTOTAL EUR {rng.randint(100, 9000)}.00"


def contract(rng: Random, clauses: int) -> str:
    """A contract of so many clauses."""
    return "\n".join(f"§ {at} {rng.choice(_CLAUSES).format(n=rng.randint(5, 90))}" for at in range(1, clauses + 1))


def address(rng: Random) -> str:
    """A postal address as somebody typed it."""
    postcode = f"LS{rng.randint(1, 29)} {rng.randint(1, 9)}AB"
    return f"{rng.randint(1, 240)} {rng.choice(_STREETS)}, {rng.choice(_TOWNS)} {postcode}"


def remark(rng: Random) -> str:
    """What a visitor types into a small field: few words in any order, about an order or not."""
    words = rng.sample(_REMARKS, rng.randint(5, 9))
    if rng.random() < 0.7:
        words.insert(rng.randrange(len(words)), f"order A-{rng.randint(11, 99)}")
    return " ".join(words).capitalize()


def picture(rng: Random) -> str:
    """Where a customer's screenshot lies."""
    return f"https://files.example.com/shots/{rng.randint(10_000, 99_999)}.png"
