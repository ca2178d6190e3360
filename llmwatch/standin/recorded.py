"""Owns reading a folder of recorded API responses and serving them again, byte for byte.

The folder holds `index.jsonl` (a line per response) and the bodies it names; see the folder's own README.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from llmwatch.standin.exchange import Json, RawReply
from llmwatch.standin.server import StandinServer


@dataclass(frozen=True)
class Recording:
    """One recorded response: what was sent, what came back, and what an independent reader found in it."""

    id: str
    method: str
    endpoint: str
    status: int
    content_type: str
    is_stream: bool
    request: Json
    body: bytes
    truth: Json
    request_id: str | None

    def reply(self) -> RawReply:
        """The recorded bytes with their status and content type; a missing content type is told from the body."""
        headers = {"content-type": self.content_type or self._guessed_type()}
        if self.request_id:
            headers["x-request-id"] = self.request_id
        return RawReply(self.status, headers, self.body)

    def _guessed_type(self) -> str:
        return "text/event-stream; charset=utf-8" if self.is_stream else "application/json"


def load(folder: Path) -> list[Recording]:
    """Every recording of the folder, in the index's order."""
    lines = (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return [_recording(folder, json.loads(line)) for line in lines if line.strip()]


def _recording(folder: Path, row: Json) -> Recording:
    sent = (folder / row["request"]).read_bytes() if row.get("request") else b""
    return Recording(
        id=row["id"],
        method=row["method"],
        endpoint=row["endpoint"],
        status=row["status"],
        content_type=row["content_type"],
        is_stream=row["streaming"],
        request=_object(sent),
        body=(folder / row["file"]).read_bytes(),
        truth=row["truth"],
        request_id=row.get("request_id"),
    )


def _object(sent: bytes) -> Json:
    """The request as a JSON object; empty for a form or no body."""
    try:
        decoded = json.loads(sent)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def serve(server: StandinServer, recording: Recording) -> None:
    """The next request to the recording's endpoint gets exactly its bytes."""
    server.script(recording.endpoint, [recording.reply()])
