"""Owns the prompts of stored calls: their messages as kept, and the versions of each task's static text.

Texts are read from sampled content once and are kept as versions, with placeholders, when the content is gone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, cast

from .steps import step

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ..analysis.prompt_versions import StaticText

# Static texts of one task that are looked at, the newest first, and how long such a text may be.
TEXTS_PER_TASK: Final = 400
_LONGEST: Final = 65_536
_FETCHED: Final = 200


def messages_of(system_instructions: str | None, input_messages: str | None) -> list[tuple[str, str]]:
    """(role, text) of each message in order, as OpenAI's endpoints take them; what is not text is left out."""
    found: list[tuple[str, str]] = []
    instructions = _text(_decoded(system_instructions))
    if instructions:
        found.append(("system", instructions))
    given = _decoded(input_messages)
    for row in cast("list[Any]", given) if isinstance(given, list) else [given]:
        role = str(row.get("role") or "user") if isinstance(row, dict) else "user"
        text = _text(row)
        if text:
            found.append((role, text))
    return found


def static_text_of(messages: list[tuple[str, str]]) -> str | None:
    """The text that a call's prompt_hash is the digest of."""
    return next((text for role, text in messages if role in ("system", "developer")), None)


def _decoded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        row = cast("dict[str, Any]", value)
        if "content" in row:
            return _text(row["content"])
        return next(
            (row[key] for key in ("text", "refusal", "output", "arguments") if isinstance(row.get(key), str)), ""
        )
    if isinstance(value, list):
        return "\n".join(t for part in cast("list[Any]", value) if (t := _text(part)))
    return ""


def keep_prompt_versions(con: DuckDBPyConnection) -> int:
    """Tables `prompts` and `prompt_versions` are those of the stored calls; returns how many versions there are."""
    # Takes half a second with scipy's matrices behind it, and most commands store nothing.
    from ..analysis.prompt_versions import StaticText, prompt_versions

    con.execute(step("static_texts"), {"texts": TEXTS_PER_TASK})
    texts = _read_texts(con)
    by_task: defaultdict[str, list[StaticText]] = defaultdict(list)
    # By task, and by version alone for a task that had another name.
    known = {
        (task, version): text
        for task, version, text in con.execute(
            "select task_name, prompt_version, text from prompt_versions where text is not null order by all"
        ).fetchall()
    }
    anywhere = {version: text for (_, version), text in known.items()}
    kept: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for (task, version), text in known.items():
        kept[task][version] = text
    for task, prompt_hash, calls, first, last, version in con.execute("from static_texts").fetchall():
        by_task[task].append(StaticText(prompt_hash, calls, first, last, texts.get(prompt_hash), version))
        if version in anywhere:
            kept[task].setdefault(version, anywhere[version])
    versions: list[tuple[Any, ...]] = []
    prompts: list[tuple[str, str, str]] = []
    for task in sorted(by_task):
        for v in prompt_versions(by_task[task], kept[task]):
            text = v.text if v.text is not None else kept[task].get(v.prompt_version)
            versions.append((task, v.prompt_version, v.number, v.first_seen_at, v.last_seen_at, v.calls, text))
            prompts += [(task, prompt_hash, v.prompt_version) for prompt_hash in v.prompt_hashes]
    con.execute("delete from prompts")
    con.execute("delete from prompt_versions")
    _insert(con, "prompt_versions", versions)
    _insert(con, "prompts", prompts)
    return len(versions)


def _insert(con: DuckDBPyConnection, table: str, rows: list[Any]) -> None:
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        con.execute(f"insert into {table} select {', '.join(['unnest(?)'] * len(columns))}", columns)


def _read_texts(con: DuckDBPyConnection) -> dict[str, str]:
    """prompt_hash -> static text, of hashes whose version is not known yet and all those of tasks that have such."""
    found: dict[str, str] = {}
    con.execute(step("unread_texts"), {"longest": _LONGEST})
    rows = con.execute("select prompt_hash, span_id from unread_texts order by all").fetchall()
    for start in range(0, len(rows), _FETCHED):
        part = dict((span, prompt_hash) for prompt_hash, span in rows[start : start + _FETCHED])
        for span, instructions, messages in con.execute(
            "select span_id, system_instructions, input_messages from content where span_id in (select unnest(?))",
            [list(part)],
        ).fetchall():
            text = static_text_of(messages_of(instructions, messages))
            if text:
                found[part[span]] = text[:_LONGEST]
    return found


__all__ = ["keep_prompt_versions", "messages_of", "static_text_of"]
