"""The texts of replays and judgements are content and expire with it; what they cost stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from llmwatch.store import Store
from llmwatch.store.file import connect

from ..stores import empty_store, fill


def test_texts_of_runs_expire_with_content_and_their_cost_does_not(tmp_path: Path) -> None:
    """After content_days the answer and the judge's reason are gone."""
    settings = empty_store(tmp_path / "home")
    now = datetime.now(UTC).replace(tzinfo=None)
    for age, name in ((timedelta(settings.content_days + 2), "old"), (timedelta(days=1), "new")):
        row = {"state": "answered", "recorded_at": now - age, "cost_usd": Decimal("0.01")}
        fill(settings, [{"replay_id": name, "output_messages": "text", **row}], "replays")
        fill(settings, [{"judgement_id": name, "reason": "text", **row}], "judgements")
    with connect(settings.store_path, settings.home, read_only=False) as con:
        con.execute("delete from meta where key = 'retained_on'")

    Store(settings).merge()

    with Store(settings).read() as con:
        replays = con.execute("select replay_id, output_messages, cost_usd from replays order by 1").fetchall()
        judgements = con.execute("select judgement_id, reason, cost_usd from judgements order by 1").fetchall()
    cost = Decimal("0.010000000000")
    assert replays == judgements == [("new", "text", cost), ("old", None, cost)]
