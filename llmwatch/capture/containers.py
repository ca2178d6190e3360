"""Owns which containers a response used, and how large they are: what OpenAI bills by the session, not by the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Json = Mapping[str, Any]
_SIZES: Final = frozenset({"1g", "4g", "16g", "64g"})


def container_of(item: Json) -> str | None:
    """The id of the container that an output item ran in; a shell call names it in its environment."""
    environment = item.get("environment")
    for home in (item, environment if isinstance(environment, Mapping) else {}):
        found = home.get("container_id")
        if isinstance(found, str) and found:
            return found[:256]
    return None


def memory_of(tools: Any) -> str | None:
    """The memory limit that tools ask of the container they create; None where they name none."""
    if not isinstance(tools, list | tuple):
        return None
    for tool in tools:
        if isinstance(tool, Mapping):
            for home in (tool.get("container"), tool.get("environment")):
                limit = home.get("memory_limit") if isinstance(home, Mapping) else None
                if isinstance(limit, str) and limit in _SIZES:
                    return limit
    return None
