"""Owns what a program says beside its calls: money earned, outcomes reached, what somebody thought of an answer.

Each is one record, one write, to the spool that calls go to; before or without `init` by the settings of file and
environment. Nothing here raises into the program: what cannot be understood is dropped, counted as an event of kind
`argument_refused`, and logged once.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, ParamSpec, cast

from opentelemetry import trace as trace_api

from ..call import encode_record
from ..settings import Settings, load_settings
from ..spool import EVENT, FEEDBACK, REVENUE, SpoolWriter, encode_event
from .content import cap
from .guard import Observe
from .recorder import state
from .redact import Redactor
from .tags import current_tags, is_content_refused

_P = ParamSpec("_P")
Amount = Decimal | int | float | str
Time = datetime | date | str

_log: Final = logging.getLogger("llmwatch")
# As tags are cut, so that a name given here is the name that calls carry.
_NAME_CHARS: Final = 256
_TEXT_CHARS: Final = 4096
_NANO: Final = Decimal("1e-9")
_MOST_USD: Final = 10**9
_EVIDENCE: Final = ("feedback", "label", "reference")
_SPAN: Final = re.compile("[0-9a-f]{16}")
_TRACE: Final = re.compile("[0-9a-f]{32}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# The last moment the store knows, 2100-01-01.
_LAST_US: Final = 4_102_444_800_000_000

_refused: Final[set[str]] = set()
_writers: Final[dict[tuple[int, str], tuple[Settings, SpoolWriter | None, Redactor]]] = {}


class _Refused(Exception):
    """An argument that cannot be understood; never leaves this module."""


def _recorded(function: Callable[_P, bool]) -> Callable[_P, bool]:
    """The same function, whose errors are counted and said instead of raised: also those of its call."""

    @functools.wraps(function)
    def recorded(*args: _P.args, **kwargs: _P.kwargs) -> bool:
        is_written = False
        with Observe(function.__name__):
            try:
                is_written = function(*args, **kwargs)
            except (_Refused, TypeError) as e:
                _refuse(function.__name__, str(e))
        return is_written

    return recorded


@_recorded
def revenue(  # noqa: PLR0913 - each is one fact of the record
    amount_usd: Amount,
    *,
    customer: str | None = None,
    task: str | None = None,
    feature: str | None = None,
    plan: str | None = None,
    call: object = None,
    span_id: str | None = None,
    trace_id: str | None = None,
    response_id: str | None = None,
    event_id: str | None = None,
    at: Time | None = None,
    period: tuple[Time, Time] | None = None,
    note: str | None = None,
) -> bool:
    """Records US dollars earned, a refund or credit as a negative amount; True if no crash can lose the record.

    Recognised at once, at `at` (default: now), or by the second over `period`, (from, until) with until excluded;
    a time without a zone is UTC. `call` is an answer of the SDK, or its id. What is not given comes from the tags in
    force. A second record of one `event_id` replaces the first.
    """
    values = _who(customer, task, feature) | _call_ids(call, span_id, trace_id, response_id)
    begins, ends = _period(period)
    values |= {
        "event_id": _name(event_id, "event_id") or os.urandom(16).hex(),
        "occurred_us": begins if at is None and begins is not None else _moment(at, "at"),
        "kind": "revenue",
        "amount_usd": _dollars(amount_usd, "amount_usd"),
        "plan": _name(plan, "plan"),
        "recognised_from_us": begins,
        "recognised_until_us": ends,
        "note": _safe_text(note, "note"),
    }
    return _write(REVENUE, values)


@_recorded
def outcome(  # noqa: PLR0913 - each is one fact of the record
    name: str,
    *,
    success: bool = True,
    value_usd: Amount | None = None,
    customer: str | None = None,
    task: str | None = None,
    feature: str | None = None,
    call: object = None,
    span_id: str | None = None,
    trace_id: str | None = None,
    response_id: str | None = None,
    event_id: str | None = None,
    at: Time | None = None,
) -> bool:
    """Records that what the calls were for was reached, a ticket resolved say, or was not; True if it is written.

    `value_usd` is what it is worth to you: it divides revenue among tasks, and is no revenue itself. The rest is as
    in `revenue`.
    """
    values = _who(customer, task, feature) | _call_ids(call, span_id, trace_id, response_id)
    values |= {
        "event_id": _name(event_id, "event_id") or os.urandom(16).hex(),
        "occurred_us": _moment(at, "at"),
        "kind": "outcome",
        "amount_usd": None if value_usd is None else _dollars(value_usd, "value_usd"),
        "outcome": _required(name, "name"),
        "is_success": _truth(success, "success"),
    }
    return _write(REVENUE, values)


@_recorded
def feedback(  # noqa: PLR0913 - each is one fact of the record
    score: bool | float | None = None,
    *,
    call: object = None,
    response_id: str | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    task: str | None = None,
    name: str = "quality",
    label: str | None = None,
    comment: str | None = None,
    false_facts: int | None = None,
    scorer: str | None = None,
    evidence: str = "feedback",
    score_id: str | None = None,
    at: Time | None = None,
) -> bool:
    """Records what somebody says of an answer: True, False, or 0 to 1 where 1 is fully acceptable; True if written.

    The answer is the SDK's object or an id, from any process and at any time. `evidence` says what it rests on: the
    word of a user (feedback), of a reviewer (label), or a known right answer (reference). One `scorer` has one opinion
    of one answer and `name`, the latest; a `score_id` of your own decides otherwise. The comment is redacted as
    content is, and not kept where no content is.
    """
    if evidence not in _EVIDENCE:
        raise _Refused(f"evidence is not one of {', '.join(_EVIDENCE)}")
    named = _call_ids(call, span_id, trace_id, response_id, ambient=False)
    values = (named or _ambient_trace()) | {
        "task": _name(task, "task") or current_tags().get("task"),
        "name": _required(name, "name"),
        "value": None if score is None else _unit(score),
        "label": _name(label, "label"),
        "evidence": evidence,
        "scorer": _name(scorer, "scorer"),
        "false_facts": _facts(false_facts),
    }
    if not values.get("trace_id") and not named and not values["task"]:
        raise _Refused("nothing says which call it is about: give call, response_id, trace_id or span_id")
    if score is None and label is None and false_facts is None:
        raise _Refused("it has neither a score nor a label nor a number of false facts")
    identity = [named, values["name"], evidence, values["scorer"]]
    values |= {
        "score_id": _name(score_id, "score_id") or (_digest(identity) if named else os.urandom(16).hex()),
        "scored_us": _moment(at, "at"),
        "comment": _safe_text(comment, "comment", is_content=True),
        "source": "code",
    }
    return _write(FEEDBACK, values, is_dated=at is not None)


# --- what arguments mean


def _who(customer: object, task: object, feature: object) -> dict[str, Any]:
    """Whom and what it is for: as given, else by the tags in force."""
    tags = current_tags()
    given = {
        "customer_id": _name(customer, "customer"),
        "task": _name(task, "task"),
        "feature": _name(feature, "feature"),
    }
    return {column: value or tags.get(column) for column, value in given.items()} | {"source": "code"}


def _call_ids(
    call: object, span_id: object, trace_id: object, response_id: object, *, ambient: bool = True
) -> dict[str, Any]:
    """The ids by which the call is found; with none given, the trace in force if `ambient`."""
    found = {
        "span_id": _name(span_id, "span_id"),
        "trace_id": _name(trace_id, "trace_id"),
        "response_id": _name(response_id, "response_id"),
    }
    if call is not None:
        column, value = _call_id(call)
        found[column] = found[column] or value
    given = {column: value for column, value in found.items() if value}
    return given or (_ambient_trace() if ambient else {})


def _call_id(call: object) -> tuple[str, str]:
    """An answer's id, or an id as text: 16 hex digits are a span's, 32 a trace's."""
    value: object = call
    if isinstance(call, Mapping):
        value = cast("Mapping[str, object]", call).get("id")
    elif not isinstance(call, str):
        value = getattr(call, "id", None)
    if not isinstance(value, str) or not value:
        raise _Refused(f"call is a {type(call).__name__} without an id")
    column = "span_id" if _SPAN.fullmatch(value) else "trace_id" if _TRACE.fullmatch(value) else "response_id"
    return column, value[:_NAME_CHARS]


def _ambient_trace() -> dict[str, Any]:
    context = trace_api.get_current_span().get_span_context()
    return {"trace_id": f"{context.trace_id:032x}"} if context.is_valid else {}


def _name(value: object, argument: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise _Refused(f"{argument} is a {type(value).__name__}, not a text")
    return str(value)[:_NAME_CHARS]


def _required(value: object, argument: str) -> str:
    found = _name(value, argument)
    if found is None:
        raise _Refused(f"{argument} is empty")
    return found


def _dollars(value: object, argument: str) -> str:
    """Decimal text to the nano-dollar; a float by its repr, so that 0.1 is ten cents."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise _Refused(f"{argument} is a {type(value).__name__}, not an amount")
    try:
        amount = Decimal(repr(float(value)) if isinstance(value, float) else value)
        if amount.is_finite() and abs(amount) < _MOST_USD:
            return f"{amount.quantize(_NANO):f}"
    except InvalidOperation:
        pass
    raise _Refused(f"{argument} is no number of dollars below {_MOST_USD:,}")


def _unit(value: object) -> float:
    try:
        number = float(cast("float", value)) if not isinstance(value, str) else float("nan")
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 <= number <= 1:
        raise _Refused("the score is neither True or False nor a number from 0 to 1")
    return number


def _truth(value: object, argument: str) -> bool:
    if not isinstance(value, bool):
        raise _Refused(f"{argument} is a {type(value).__name__}, not True or False")
    return value


def _facts(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000:
        raise _Refused("false_facts is not a number of facts")
    return value


def _moment(value: object, argument: str) -> int:
    """Microseconds since the epoch; without a zone it is UTC, without a value it is now."""
    if value is None:
        recorder = state.recorder
        return (recorder.wall() if recorder is not None else time.time_ns()) // 1000
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _Refused(f"{argument} is not a date or a time") from None
    if not isinstance(value, date):
        raise _Refused(f"{argument} is a {type(value).__name__}, not a date or a time")
    at = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    found = ((at.replace(tzinfo=UTC) if at.tzinfo is None else at) - _EPOCH) // _MICROSECOND
    if not 0 <= found <= _LAST_US:
        raise _Refused(f"{argument} is not between 1970 and 2100")
    return found


def _period(period: object) -> tuple[int | None, int | None]:
    if period is None:
        return None, None
    if not isinstance(period, tuple | list) or len(cast("tuple[object, ...]", period)) != 2:
        raise _Refused("period is not (from, until)")
    begins, ends = (_moment(each or "", "period") for each in cast("tuple[object, object]", period))
    if begins >= ends:
        raise _Refused("period ends before it begins")
    return begins, ends


def _digest(parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- writing


def _safe_text(value: object, argument: str, *, is_content: bool = False) -> str | None:
    """Words of people, redacted unless content is kept as it is; None where content is not kept at all."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _Refused(f"{argument} is a {type(value).__name__}, not a text")
    settings, _, redactor = _target()
    if is_content and (settings.content == "metadata" or is_content_refused()):
        return None
    if settings.content == "full":
        return cap(value, _TEXT_CHARS)
    redacted, _ = redactor.text(value[: 2 * _TEXT_CHARS])
    return None if redacted is None else cap(redacted, _TEXT_CHARS)


def _target() -> tuple[Settings, SpoolWriter | None, Redactor]:
    """The settings in force, where to write (None: nowhere), and what redacts."""
    recorder = state.recorder
    if recorder is not None and recorder.spool is not None:
        return recorder.settings, recorder.spool, recorder.redactor
    settings = state.settings
    key = (id(settings), os.environ.get("LLMWATCH_HOME", ""))
    known = _writers.get(key)
    if known is None:
        settings = settings or load_settings(on_error=lambda e: _log.error("llmwatch: %s", e))
        spool = None if settings.disabled else SpoolWriter(settings.spool_dir, settings.spool_max_mb << 20)
        known = _writers.setdefault(key, (settings, spool, Redactor(settings.redact)))
    return known


def _write(kind: bytes, values: Mapping[str, Any], *, is_dated: bool = False) -> bool:
    _, spool, _ = _target()
    record = {column: value for column, value in values.items() if value is not None}
    if kind == REVENUE or is_dated:
        record["recorded_us"] = _moment(None, "")
    return spool is not None and spool.append(kind, encode_record(record))


def _refuse(function: str, reason: str) -> None:
    _, spool, _ = _target()
    detail = f"{function}(): {reason}"[:_NAME_CHARS]
    if spool is not None:
        spool.append(EVENT, encode_event("argument_refused", 1, detail, time.time_ns() // 1000))
    if detail not in _refused:
        _refused.add(detail)
        # A program whose log handlers raise must not learn of it here.
        with suppress(Exception):
            _log.warning("llmwatch dropped a record: %s", detail)
