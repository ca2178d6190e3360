"""Owns the verdicts of `llmwatch doctor`: each check says what was found and, if it is not well, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from .measures import Measures
from .report import Column, Note, Report, Row, Section, Table, Text, Verdict, count, counted, money_text
from .unknowns import OLD_PRICES_DAYS, REPORT_USAGE, gateway_notes, percent

# Beyond these shares a gap is worth a warning: below, it does not change what a report says to the first digit.
UNTAGGED_SHARE: Final = Decimal("0.05")
ESTIMATED_SHARE: Final = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `remedy` and `code` are for verdicts other than ok."""

    key: str
    verdict: Verdict
    found: str
    remedy: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder: whether it is there, may be written, and can be read by others."""

    path: str
    exists: bool
    is_writable: bool
    is_private: bool
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Everything doctor looked at."""

    probe: Mapping[str, Any]
    home: Place
    store: Place
    spool_bytes: int
    spool_max_bytes: int
    now: datetime
    content: str
    stream_usage: str
    # Sums of the last days' calls, and the events of the pipeline in them.
    calls: Measures = field(default_factory=lambda: Measures({}))
    last_call_at: datetime | None = None
    events: Sequence[Mapping[str, Any]] = ()
    defects: Sequence[Mapping[str, Any]] = ()
    prices_age_days: int | None = None
    prices_digest: str = ""
    prices_error: str = ""
    # Models of the user's own prices that no call names -> snapshots that are called and that they do not cover.
    missed_models: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    # Rows of query `unpriced` with the provider that one table would name, and of query `taken_as_global`.
    unpriced: Sequence[Mapping[str, Any]] = ()
    global_deployments: Sequence[Mapping[str, Any]] = ()
    # What the settings hold that will hardly do what it was written for, a sentence each.
    doubts: tuple[str, ...] = ()
    # What figures are made with; calls whose cost is of an older price table, those of them that would cost something
    # else by the one in force, and by how many US dollars.
    configuration: str = ""
    older_calls: int = 0
    changed_calls: int = 0
    changed_usd: Decimal = Decimal(0)
    store_error: str = ""
    hindrances: tuple[str, ...] = ()
    pending_records: int | None = 0
    torn_segments: int = 0
    quarantined: tuple[str, ...] = ()
    # Sentences about permissions, links, owners and file systems, each with its remedy.
    problems: tuple[str, ...] = ()


def doctor_report(found: Found) -> Report:
    """Every check in the order in which a call travels; the summary counts what is not well."""
    checks = (
        *_capture_checks(found.probe),
        *_place_checks(found),
        _merge_check(found),
        *_loss_checks(found),
        *_knowledge_checks(found),
        _price_check(found),
        *_own_price_checks(found),
        *_gateway_checks(found),
        *(Check("settings", "warn", doubt, "Correct it in llmwatch.toml.") for doubt in found.doubts),
        *_history_checks(found),
    )
    rows = tuple(
        Row(check.key, (Text(check.key.replace("_", " ")), Text(check.found)), check.verdict) for check in checks
    )
    notes = tuple(
        Note(f"{c.key.replace('_', ' ')}: {c.remedy}", "", c.code) for c in checks if c.verdict != "ok" and c.remedy
    )
    columns = (Column("check", "", is_number=False), Column("found", "", is_number=False, can_wrap=True))
    failed, warned = sum(c.verdict == "fail" for c in checks), sum(c.verdict == "warn" for c in checks)
    summary = f"{len(checks)} checks: {len(checks) - failed - warned} ok, {warned} to look at, {failed} failed"
    sections = [Section("checks", "", (Table("checks", "check", columns, rows),))]
    if notes:
        sections.append(Section("remedies", "WHAT TO DO", notes=notes, is_warning=True))
    facts = (("checks", count(len(checks))), ("warned", count(warned)), ("failed", count(failed)))
    return Report("doctor", "llmwatch doctor", facts, (summary,), tuple(sections), main_table="checks")


def has_failed(report: Report) -> bool:
    """A check of the report failed, so that the command exits with 1."""
    return any(row.verdict == "fail" for section in report.sections for table in section.tables for row in table.rows)


def _capture_checks(probe: Mapping[str, Any]) -> list[Check]:
    error = probe.get("error")
    if error:
        remedy = "Capture could not be tried in this Python. Run doctor with the service's own interpreter:"
        return [Check("capture", "fail", str(error), remedy, "/path/to/service/venv/bin/python -m llmwatch doctor")]
    hooks: Mapping[str, bool] = probe.get("hooks") or {}
    missing = [name for name, is_hooked in hooks.items() if not is_hooked]
    records = int(probe.get("records") or 0)
    checks = [Check("sdk", "ok", f"openai {probe.get('openai')} on Python {probe.get('python')}")]
    if missing or not hooks:
        found = f"not hooked: {', '.join(missing) or 'no method found'}"
        checks.append(
            Check("hooks", "fail", found, "This version of the SDK is not supported yet:", "pip install 'openai<4'")
        )
    else:
        checks.append(
            Check("hooks", "ok", f"{len(hooks)} of {len(hooks)} methods hooked, init() took {probe.get('init_ms')} ms")
        )
    if records == 1:
        checks.append(Check("capture", "ok", "a test call that left no machine was recorded once"))
    else:
        checks.append(
            Check(
                "capture",
                "fail",
                f"a test call was recorded {records} times",
                "Report this with the output of:",
                "python -m llmwatch.capture.probe",
            )
        )
    return checks


def _place_checks(found: Found) -> list[Check]:
    home = found.home
    checks: list[Check] = []
    if not home.exists:
        remedy = "It is made by the first captured call. If the service runs elsewhere, name its home:"
        checks.append(
            Check("home", "warn", f"{home.path} does not exist", remedy, "llmwatch doctor --home /path/to/home")
        )
    elif not home.is_writable:
        checks.append(
            Check(
                "home",
                "fail",
                f"{home.path} cannot be written",
                "Calls are dropped until it can:",
                f"chmod u+rwx {home.path}",
            )
        )
    else:
        checks.append(Check("home", "ok", home.path))
    checks += _permission_checks(found)
    share = Decimal(found.spool_bytes) / max(found.spool_max_bytes, 1)
    pending = "too many to count" if found.pending_records is None else f"{found.pending_records:,}"
    size = (
        f"{found.spool_bytes / 2**20:.1f} of {found.spool_max_bytes / 2**20:.0f} MiB, {pending} records not yet merged"
    )
    if share > Decimal("0.8"):
        checks.append(
            Check(
                "spool", "fail", size, "Calls are dropped when it is full. Merge now, and more often:", "llmwatch merge"
            )
        )
    else:
        checks.append(Check("spool", "ok", size))
    return checks


def _permission_checks(found: Found) -> list[Check]:
    places = (found.home, found.store)
    opened = [place.path for place in places if place.exists and not place.is_private]
    if opened:
        code = "\n".join(f"chmod go-rwx {path}" for path in opened)
        return [Check("permissions", "fail", f"others can read {', '.join(opened)}", "Close it:", code)]
    if found.problems:
        return [Check("permissions", "fail", " ".join(found.problems), "Correct what it names.")]
    return [Check("permissions", "ok", "only you can read the spool and the store")] if found.home.exists else []


def _merge_check(found: Found) -> Check:
    if found.store_error:
        # Only a damaged store is set aside; for a newer or forbidden one the error itself says what to do.
        code = "llmwatch doctor --repair" if "--repair" in found.store_error else ""
        return Check("store", "fail", found.store_error, "Nothing in the spool is lost.", code)
    if found.quarantined:
        code = "\n".join(found.quarantined)
        return Check(
            "store",
            "warn",
            f"{len(found.quarantined)} damaged files were set aside",
            "What they hold is in no report:",
            code,
        )
    if found.hindrances:
        return Check(
            "merge", "warn", " ".join(found.hindrances), "Try again when that process is done:", "llmwatch merge"
        )
    if found.last_call_at is None:
        remedy = "No call has arrived. In the service, before its first call:"
        return Check("calls", "warn", "the store has no calls", remedy, "import llmwatch\nllmwatch.init()")
    hours = (found.now - found.last_call_at).total_seconds() / 3600
    age = f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"
    return Check("merge", "ok", f"the newest call is {age} old; the store has {found.store.size_bytes / 2**20:.1f} MiB")


def _loss_checks(found: Found) -> list[Check]:
    lost = [row for row in found.events if "dropped" in str(row["kind"])]
    damaged = [row for row in found.events if row not in lost]
    torn = (
        f"; {found.torn_segments} segments end inside a record that nobody acknowledged" if found.torn_segments else ""
    )
    checks = [Check("drops", "ok", f"no call was dropped{torn}")]
    if lost:
        number = sum(int(row["count"]) for row in lost)
        remedy = f"The spool was full or could not be written. Give it room ({found.home.path}) and merge more often:"
        checks = [Check("drops", "fail", f"{number:,} records were dropped", remedy, "llmwatch merge")]
    if damaged:
        kinds = ", ".join(f"{row['kind']} ({int(row['count']):,})" for row in damaged)
        checks.append(
            Check(
                "pipeline",
                "warn",
                kinds,
                "What could be read was read. Details:",
                'llmwatch sql "select * from pipeline_events"',
            )
        )
    unredacted = sum(int(row["calls"]) for row in found.defects if "redaction" in str(row["defect"]))
    if unredacted:
        remedy = "Their content was not kept, the calls were. The reason stands in their defects:"
        checks.append(
            Check(
                "redaction",
                "warn",
                f"failed on {counted(unredacted, 'call')}",
                remedy,
                'llmwatch calls --where "defects~redaction"',
            )
        )
    else:
        checks.append(Check("redaction", "ok", f"no failures; content mode {found.content}"))
    other = [row for row in found.defects if "redaction" not in str(row["defect"])]
    if other:
        named = ", ".join(f"{row['defect']} ({int(row['calls']):,})" for row in other[:4])
        checks.append(
            Check("fields", "warn", f"could not be read: {named}", "Look at one:", 'llmwatch calls --where "defects!="')
        )
    return checks


def _knowledge_checks(found: Found) -> list[Check]:
    now = found.calls
    if not now.calls:
        return []
    checks = [
        _share_check(
            "priced",
            now.unpriced,
            now.calls,
            Decimal(0),
            "calls without a price",
            "They are named in:",
            "llmwatch report",
        ),
        _share_check(
            "usage",
            now.count("estimated_calls"),
            now.calls,
            ESTIMATED_SHARE,
            "calls with estimated usage",
            "Streams do not report usage unless asked:",
            REPORT_USAGE,
        ),
    ]
    tags = (("customer", 'with llmwatch.customer("acme"):'), ("task", 'with llmwatch.task("reply.draft"):'))
    for tag, code in tags:
        untagged = now.count(f"untagged_{tag}_calls")
        checks.append(
            _share_check(
                f"{tag}_tags", untagged, now.calls, UNTAGGED_SHARE, f"calls without a {tag}", "Around the call:", code
            )
        )
    return checks


def _share_check(key: str, part: int, whole: int, allowed: Decimal, what: str, remedy: str, code: str) -> Check:
    text = f"{part:,} of {whole:,} {what} ({percent(part, whole)}) in the last 7 days"
    if Decimal(part) > allowed * whole:
        return Check(key, "warn", text, remedy, code)
    return Check(key, "ok", text)


def _price_check(found: Found) -> Check:
    if found.prices_error:
        return Check("prices", "fail", found.prices_error, "Correct that entry; until then calls are unpriced.")
    if found.prices_age_days is None:
        return Check(
            "prices", "warn", "the price table says no date", "Update it:", "pip install --upgrade genai-prices"
        )
    text = f"list prices were checked {found.prices_age_days} days ago (table {found.prices_digest})"
    if found.prices_age_days >= OLD_PRICES_DAYS:
        return Check("prices", "warn", text, "Prices may have changed since:", "pip install --upgrade genai-prices")
    return Check("prices", "ok", text)


def _history_checks(found: Found) -> list[Check]:
    checks = [Check("configuration", "ok", found.configuration)] if found.configuration else []
    if not found.older_calls:
        return checks
    text = f"{counted(found.older_calls, 'call')} keep the cost of older price tables"
    if not found.changed_calls:
        return [*checks, Check("stored_costs", "ok", f"{text}; the one in force would change none")]
    sign = "+" if found.changed_usd > 0 else ""
    change = f"{found.changed_calls:,} of them by {sign}{money_text(found.changed_usd)} in all"
    remedy = "Past figures stay as they are unless you price these calls again:"
    return [
        *checks,
        Check(
            "stored_costs",
            "warn",
            f"{text}; the one in force would change {change}",
            remedy,
            "llmwatch reprice --dry-run",
        ),
    ]


def _own_price_checks(found: Found) -> list[Check]:
    """A contract rate covers snapshots, but none that the list gives another price; one that has no effect is named."""
    if not found.missed_models:
        return []
    words = "; ".join(
        f"the price of {model} is used by no call: the list has another price for {', '.join(dated)}"
        for model, dated in found.missed_models.items()
    )
    code = "\n".join(f'model = "{dated}"' for names in found.missed_models.values() for dated in names)
    return [Check("own_prices", "warn", words, "Name the model in llmwatch.toml as the answers do:", code)]


def _gateway_checks(found: Found) -> list[Check]:
    """Hosts that one table of settings would price, or price better; the table is the remedy."""
    checks = [Check("gateway", "warn", note.text, note.remedy, note.code) for note in gateway_notes(found.unpriced)]
    for row in found.global_deployments:
        host, calls = row["host"], int(row["calls"])
        text = f"{counted(calls, 'call')} to {host} priced as Global deployments; a data zone costs 10 to 20 % more"
        remedy = "Say where its deployments run: global, us, eu, apac, us-gov or regional:"
        code = f'[[prices]]\nhost = "{host}"\nprovider = "azure"\ndeployment = "global"'
        checks.append(Check("azure", "warn", text, remedy, code))
    return checks
