"""Owns what the commands that spend money share: their options, and how a run under way is shown."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..analysis.report import money_text
from ..errors import UsageError

if TYPE_CHECKING:
    from ..runs.engine import Ended, Outcome, Run

Task = Annotated[str, typer.Option("--task", "-t", help="The task; llmwatch tasks lists them.")]
MaxUsd = Annotated[
    str, typer.Option("--max-usd", help="The most that may be spent on this question, earlier runs included.")
]
IsRun = Annotated[bool, typer.Option("--run", help="Send the requests. Without it nothing is sent.")]
Concurrency = Annotated[int, typer.Option("--concurrency", help="Requests at a time, 1 to 64.")]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Where to send. Also OPENAI_BASE_URL; else OpenAI.", show_default=False),
]
RetryLost = Annotated[
    bool, typer.Option("--retry-lost", help="Repeat requests that may have been billed without an answer.")
]

# What an exit means where a run did not come to its own end.
_CODES: Final[dict[Ended, int]] = {"interrupted": 130, "refused": 1}
_BAR: Final = 24


def dollars(text: str) -> Decimal:
    """--max-usd as an amount above 0."""
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation as e:
        raise UsageError(f"--max-usd {text!r} is not an amount of dollars.", "Give one as 0.50.") from e
    if not amount.is_finite() or not 0 < amount <= 100_000:
        raise UsageError(f"--max-usd {text!r} is not between 0 and 100,000 dollars.")
    return amount


def whole(value: int, low: int, high: int, flag: str) -> int:
    """The number if it is in range."""
    if not low <= value <= high:
        raise UsageError(f"{flag} {value} is not between {low:,} and {high:,}.")
    return value


def again(arguments: list[str]) -> str:
    """A command to paste, without what only belongs to this time."""
    return "llmwatch " + " ".join(shlex.quote(argument) for argument in arguments)


def carried_out(run: Run, workers: int, word: str) -> Outcome:
    """Runs it with a bar on a terminal; an interrupt lets what is under way end."""
    with _bar(word) as show:
        return run.execute(workers, show, _interrupted)


def exit_code(outcome: Outcome) -> int:
    """0 if the run came to an end of its own."""
    return _CODES.get(outcome.reason, 0)


def _interrupted(under_way: int) -> None:
    sys.stderr.write(f"\nFinishing {under_way} requests under way; press Ctrl-C again to leave them.\n")
    sys.stderr.flush()


@contextmanager
def _bar(word: str) -> Generator[_Show | None]:
    if not sys.stderr.isatty():
        yield None
        return
    try:
        yield _Show(word)
    finally:
        sys.stderr.write("\r\x1b[K")


class _Show:
    """A bar with what was paid so far."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __call__(self, done: int, total: int, paid: Decimal) -> None:
        """Draws it anew."""
        filled = _BAR * done // max(total, 1)
        bar = "#" * filled + "." * (_BAR - filled)
        sys.stderr.write(f"\r\x1b[K{self._word} [{bar}] {done:,} of {total:,}, {money_text(paid)}")
        sys.stderr.flush()
