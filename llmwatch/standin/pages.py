"""Owns the list shape of the API and its `after` and `limit` cursors."""

from typing import Any

from llmwatch.standin.exchange import Json, RequestInfo


def page(items: list[Any], info: RequestInfo, default_limit: int = 20) -> Json:
    """The items after the cursor, as many as the limit allows, and whether more follow."""
    after, limit = info.request.query.get("after"), int(info.request.query.get("limit", default_limit))
    ids = [item["id"] for item in items]
    start = ids.index(after) + 1 if after in ids else 0
    shown = items[start : start + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + limit < len(items),
    }
