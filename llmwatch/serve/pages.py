"""Owns what the web side shows: where things are, the report, health as JSON, metrics as Prometheus reads them."""

from __future__ import annotations

import asyncio
import html
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ..settings import Settings
from ..wire import Wire
from .helper import command, span_of
from .keeper import Freshness, ended
from .web import NOTHING, Answer, Refused, Request

_REPORT_S: Final = 60.0
_KEPT_S: Final = 30.0
_KEPT_REPORTS: Final = 8
# Behind by more than this, something holds the merging up.
_BEHIND_S: Final = 30.0
_KINDS: Final = {"html": "text/html", "json": "application/json", "csv": "text/csv", "md": "text/markdown"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where this server listens, as it is told to users."""

    wire: str
    started_at: float


class Pages:
    """Every page; reports are made one at a time and kept for half a minute."""

    def __init__(self, settings: Settings, wire: Wire, freshness: Freshness, place: Place) -> None:
        self._settings = settings
        self._wire = wire
        self._freshness = freshness
        self._place = place
        self._making = asyncio.Lock()
        self._kept: dict[tuple[str, str], tuple[float, str]] = {}

    def routes(self) -> dict[str, Any]:
        """Path -> page."""
        return {
            "/": self.index,
            "/report": self.report,
            **{f"/report.{kind}": self.report for kind in _KINDS},
            "/health": self.health,
            "/metrics": self.metrics,
        }

    async def index(self, request: Request) -> Answer:
        """What there is, in words."""
        del request
        state = self._health()
        links = "".join(
            f'<li><a href="{path}">{words}</a></li>'
            for path, words in (
                ("/report", "The report of the last 7 days"),
                ("/report?since=30d", "of the last 30 days"),
                ("/report.json", "as JSON"),
                ("/health", "Health"),
                ("/metrics", "Metrics for Prometheus"),
            )
        )
        behind = state["behind_seconds"]
        said = f"The store is {behind:.1f} s behind." if behind else "Every recorded call is in the store."
        if state["merge_blocked"]:
            said += f" Merging waits: {state['merge_blocked']}"
        body = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>llmwatch</title>'
            f"<h1>llmwatch</h1><p>{html.escape(said)}</p>"
            f"<p>Configuration: {html.escape(state['configuration'] or 'not read yet')}.</p><ul>{links}</ul>"
            "<p>Ask the store with psql, Grafana or any client of PostgreSQL:</p>"
            f"<pre>{html.escape(self._place.wire)}</pre></html>"
        )
        return Answer(body, "text/html")

    async def report(self, request: Request) -> Answer:
        """The weekly report, in the format of the path."""
        kind = request.path.rpartition(".")[2] if "." in request.path else "html"
        span = request.query.get("since", "7d")
        if span_of(span) is None:
            raise Refused(400, "since is a span as 24h, 7d or 4w.")
        text = await self._report(span, kind)
        policy = NOTHING
        if kind == "html":
            from ..render.html import content_policy

            policy = f"{content_policy()}; frame-ancestors 'none'"
        return Answer(text, _KINDS[kind], policy=policy)

    async def _report(self, span: str, kind: str) -> str:
        async with self._making:
            made_at, text = self._kept.get((span, kind), (-_KEPT_S, ""))
            if time.monotonic() - made_at < _KEPT_S:
                return text
            text = await self._made(span, kind)
            if len(self._kept) >= _KEPT_REPORTS:
                self._kept.clear()
            self._kept[span, kind] = (time.monotonic(), text)
            return text

    async def _made(self, span: str, kind: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *command(self._settings.home, "report", span, kind),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_REPORT_S):
                written, _ = await process.communicate()
        except TimeoutError as e:
            raise Refused(503, "The report takes too long.") from e
        finally:
            await ended(process)
        if process.returncode != 0:
            raise Refused(503, "The report cannot be made now; `llmwatch report` says why.")
        return written.decode("utf-8", "replace")

    async def health(self, request: Request) -> Answer:
        """Whether the store keeps up; 503 where it does not."""
        del request
        state = self._health()
        status = 200 if state["status"] == "ok" else 503
        return Answer(json.dumps(state, indent=1) + "\n", "application/json", status)

    def _health(self) -> dict[str, Any]:
        fresh, wire = self._freshness, self._wire.state()
        behind = round(fresh.behind_s(), 1)
        merged_at = fresh.merged_at
        return {
            "status": "behind" if behind > _BEHIND_S else "ok",
            "behind_seconds": behind,
            "pending_bytes": fresh.pending_bytes,
            "merged_at": None
            if merged_at is None
            else datetime.fromtimestamp(merged_at, UTC).isoformat("T", "seconds"),
            "merge_seconds": round(fresh.last_seconds, 3),
            "merge_blocked": fresh.blocked,
            "configuration": fresh.configuration,
            "refresh_failed": fresh.refresh_failed,
            "connections": wire.open_connections,
            "queries": wire.queries,
            "failed_queries": wire.failed_queries,
            "up_seconds": round(time.time() - self._place.started_at),
        }

    async def metrics(self, request: Request) -> Answer:
        """Counters and gauges in Prometheus' text form, without a label."""
        del request
        fresh, wire = self._freshness, self._wire.state()
        numbers: list[tuple[str, str, float]] = [
            ("behind_seconds", "gauge", fresh.behind_s()),
            ("pending_bytes", "gauge", fresh.pending_bytes),
            ("merge_blocked", "gauge", fresh.blocked is not None),
            ("merges_total", "counter", fresh.merges),
            ("merged_calls_total", "counter", fresh.calls),
            ("merge_seconds", "gauge", fresh.last_seconds),
            ("refreshes_total", "counter", fresh.refreshes),
            ("wire_connections", "gauge", wire.open_connections),
            ("wire_connections_total", "counter", wire.connections),
            ("wire_connections_refused_total", "counter", wire.refused),
            ("wire_passwords_failed_total", "counter", wire.failed_passwords),
            ("wire_connections_broken_total", "counter", wire.broken),
            ("wire_queries_total", "counter", wire.queries),
            ("wire_queries_failed_total", "counter", wire.failed_queries),
            ("wire_workers", "gauge", wire.workers),
            ("wire_workers_ended_total", "counter", wire.worker_deaths),
        ]
        lines = [
            f"# TYPE llmwatch_{name} {kind}\nllmwatch_{name} {float(value):.15g}\n" for name, kind, value in numbers
        ]
        return Answer("".join(lines), "text/plain; version=0.0.4")
