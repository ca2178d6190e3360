"""Owns the options that commands share, and how their texts become values; a wrong one is one sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ..errors import UsageError
from ..render.inert import one_line
from ..settings import Settings, load_settings

Home = Annotated[
    Path | None,
    typer.Option("--home", help="The folder of spool and store. Also LLMWATCH_HOME.", show_default=False),
]
Format = Annotated[str, typer.Option("--format", "-f", help="text, json, csv or md.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.", show_default=False)]
Since = Annotated[
    str,
    typer.Option("--since", "-s", help="Start: 24h, 7d, 4w, a date or a date with time, UTC; it is included."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", "-u", help="End, in the same forms; it is excluded. Default: now.", show_default=False),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Answer as of this moment, UTC, from what was known then: the same bytes whatever came later.",
        show_default=False,
    ),
]

_SPANS: Final[Mapping[str, timedelta]] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_FORMS: Final = "Give 24h, 7d or 4w, a date as 2026-11-01, or 2026-11-01T15:30; times are UTC."


def settings_for(home: Path | None, on_doubt: Callable[[str], None] | None = None) -> Settings:
    """The settings of a reading command; a wrong one is refused, an odd one named on standard error."""
    return load_settings({"home": home}, on_doubt=on_doubt or _note)


def _note(text: str) -> None:
    sys.stderr.write(f"llmwatch: note: {one_line(text)}\n")


def moment(text: str, now: datetime, flag: str) -> datetime:
    """A span before `now`, or a date, or a date with time; without a zone, as the store has it."""
    text = text.strip()
    if span := re.fullmatch(r"(\d{1,5})([mhdw])", text):
        return _before(now, int(span[1]) * _SPANS[span[2]], text, flag)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise UsageError(f"{flag} {text!r} is neither a span nor a date.", _FORMS) from e
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _before(now: datetime, span: timedelta, text: str, flag: str) -> datetime:
    try:
        if span:
            return now - span
    except OverflowError:
        pass
    raise UsageError(f"{flag} {text!r} is not a span of time.", _FORMS)


def now_utc(as_of: str | None) -> datetime:
    """The moment the answer is for, without a zone: `--as-of`, else the clock, so that a call of this second counts."""
    clock = (datetime.now(UTC) + timedelta(seconds=1)).replace(tzinfo=None, microsecond=0)
    return clock if as_of is None else moment(as_of, clock, "--as-of")


def known_at(as_of: str | None) -> datetime | None:
    """The moment whose knowledge the answer is from; without `--as-of` it is from all there is."""
    return None if as_of is None else now_utc(as_of)


def period(since: str, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    """[since, until); refuses an empty one."""
    end = now if until is None else moment(until, now, "--until")
    start = moment(since, end if re.fullmatch(r"\d{1,5}[mhdw]", since.strip()) else now, "--since")
    if start >= end:
        raise UsageError(
            f"The period is empty: it would start on {start:%Y-%m-%d %H:%M} and end on {end:%Y-%m-%d %H:%M} UTC.",
            _FORMS,
        )
    return start, end


def one_of(value: str, allowed: Sequence[str], flag: str) -> str:
    """The value if it is allowed; else a sentence with the nearest names first."""
    if value in allowed:
        return value
    near = get_close_matches(value, allowed, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else ""
    raise UsageError(f"{flag} {value!r} is not one of {', '.join(allowed)}.", hint)


def optional_one_of(value: str | None, allowed: Sequence[str], flag: str) -> Any:
    """The same for an option that need not be given: None then."""
    return None if value is None else one_of(value, allowed, flag)


def mapping_of(maps: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """Field -> column of every --map FIELD=COLUMN."""
    found: dict[str, str] = {}
    for text in maps:
        field, separator, column = text.partition("=")
        if not separator or not column:
            raise UsageError(f"--map {text!r} is not FIELD=COLUMN.", 'Write --map "amount=Net Amount".')
        found[one_of(field.strip(), fields, "--map")] = column.strip()
    return found
