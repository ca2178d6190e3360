"""Each check fails for its own reason and says what to do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from llmwatch.analysis.doctor import Found, Place, doctor_report, has_failed
from llmwatch.analysis.measures import Measures

NOW = datetime(2026, 11, 20)  # noqa: DTZ001 - stored times are UTC without a zone
PROBE = {"openai": "3.52.0", "python": "3.11.7", "hooks": {"A.request": True}, "records": 1, "init_ms": 30}
WELL: dict[str, Any] = {
    "probe": PROBE,
    "home": Place("/h", exists=True, is_writable=True, is_private=True),
    "store": Place("/h/s", exists=True, is_writable=True, is_private=True),
    "spool_bytes": 0,
    "spool_max_bytes": 2**30,
    "now": NOW,
    "content": "redacted",
    "stream_usage": "never",
    "calls": Measures({"calls": 100}),
    "last_call_at": NOW - timedelta(minutes=5),
    "prices_age_days": 3,
    "prices_digest": "abcd",
}


def verdicts(**changes: Any) -> dict[str, str]:
    """Check -> verdict, of a machine that is well but for the changes."""
    report = doctor_report(Found(**(WELL | changes)))
    return {row.key: row.verdict for row in report.sections[0].tables[0].rows}


def test_a_machine_that_is_well_has_no_warning() -> None:
    """Every check is ok and nothing is to be done."""
    assert set(verdicts().values()) == {"ok"}
    assert not has_failed(doctor_report(Found(**WELL)))


@pytest.mark.parametrize(
    ("changes", "check", "verdict"),
    [
        ({"probe": {"error": "openai cannot be imported"}}, "capture", "fail"),
        ({"probe": PROBE | {"hooks": {"A.request": False}}}, "hooks", "fail"),
        ({"probe": PROBE | {"records": 2}}, "capture", "fail"),
        ({"home": Place("/h", exists=False, is_writable=False, is_private=True)}, "home", "warn"),
        ({"home": Place("/h", exists=True, is_writable=False, is_private=True)}, "home", "fail"),
        ({"store": Place("/h/s", exists=True, is_writable=True, is_private=False)}, "permissions", "fail"),
        ({"problems": ("/h belongs to another user.",)}, "permissions", "fail"),
        ({"spool_bytes": 2**30}, "spool", "fail"),
        ({"store_error": "damaged"}, "store", "fail"),
        ({"quarantined": ("/h/q",)}, "store", "warn"),
        ({"hindrances": ("open elsewhere",)}, "merge", "warn"),
        ({"last_call_at": None}, "calls", "warn"),
        ({"events": [{"kind": "spool_dropped", "count": 3}]}, "drops", "fail"),
        ({"events": [{"kind": "spool_damaged", "count": 3}]}, "pipeline", "warn"),
        ({"defects": [{"defect": "redaction_failed", "calls": 2}]}, "redaction", "warn"),
        ({"defects": [{"defect": "usage_unreadable", "calls": 2}]}, "fields", "warn"),
        ({"calls": Measures({"calls": 100, "unpriced_calls": 1})}, "priced", "warn"),
        ({"calls": Measures({"calls": 100, "estimated_calls": 3})}, "usage", "warn"),
        ({"calls": Measures({"calls": 100, "untagged_customer_calls": 6})}, "customer_tags", "warn"),
        ({"calls": Measures({"calls": 100, "untagged_task_calls": 6})}, "task_tags", "warn"),
        ({"prices_error": "entry 1 is wrong"}, "prices", "fail"),
        ({"prices_age_days": 90}, "prices", "warn"),
        (
            {"missed_models": {"gpt-4o": ["gpt-4o-2024-05-13"]}},
            "own_prices",
            "warn",
        ),
        ({"prices_age_days": 14}, "prices", "warn"),
        ({"doubts": ("llmwatch.toml begins with a byte order mark.",)}, "settings", "warn"),
        ({"global_deployments": [{"host": "acme.openai.azure.com", "calls": 6}]}, "azure", "warn"),
        ({"unpriced": [{"host": "llm.acme.example", "provider": "openai", "calls": 2}]}, "gateway", "warn"),
    ],
)
def test_each_trouble_has_its_check(changes: dict[str, Any], check: str, verdict: str) -> None:
    """That check, and no other that was ok, changes; its remedy is in the report."""
    found = verdicts(**changes)
    report = doctor_report(Found(**(WELL | changes)))

    assert found[check] == verdict
    assert any(note.text.startswith(check.replace("_", " ")) for note in report.sections[1].notes)
    assert has_failed(report) is (verdict == "fail")


def test_only_a_damaged_store_is_to_be_repaired() -> None:
    """The remedy for a store of a newer version is the one in its error; setting it aside would help nobody."""
    newer = doctor_report(Found(**(WELL | {"store_error": "has schema 99. Run: pip install --upgrade llmwatch"})))
    damaged = doctor_report(Found(**(WELL | {"store_error": "not a database. Run `llmwatch doctor --repair`"})))

    assert [note.code for note in newer.sections[1].notes] == [""]
    assert [note.code for note in damaged.sections[1].notes] == ["llmwatch doctor --repair"]


def test_thirteen_days_are_not_old() -> None:
    """A list is checked every other week."""
    assert verdicts(prices_age_days=13)["prices"] == "ok"


def test_the_table_that_prices_a_gateway_is_there_to_paste() -> None:
    """One host, one provider, the exact lines."""
    row = {"host": "llm.acme.example", "provider": "openai", "calls": 2}
    report = doctor_report(Found(**(WELL | {"unpriced": [row]})))

    assert report.sections[1].notes[0].code == '[[prices]]\nhost = "llm.acme.example"\nprovider = "openai"'
