"""Owns which models the stand-in offers, their dated snapshots, and which announced a shutdown date.

An unknown model answers all the same, as a compatible server would; only names with "does-not-exist" are refused.
"""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"gpt-(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Model:
    """One offered model; `snapshot` is the name answers carry."""

    name: str
    snapshot: str
    created: int
    shutdown_date: str | None = None


_OFFERED = (
    Model("gpt-4o", "gpt-4o-2024-08-06", 1715367049, "2027-01-14"),
    Model("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 1721172741, "2027-01-14"),
    Model("gpt-4.1", "gpt-4.1-2025-04-14", 1744316542, "2027-01-14"),
    Model("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 1744318173, "2027-01-14"),
    Model("gpt-5", "gpt-5-2025-08-07", 1754425777, "2026-12-11"),
    Model("gpt-5-mini", "gpt-5-mini-2025-08-07", 1754425928, "2026-12-11"),
    Model("gpt-5.5", "gpt-5.5-2026-04-23", 1776900000),
    Model("gpt-5.6-luna", "gpt-5.6-luna", 1780300000),
    Model("gpt-5.6-terra", "gpt-5.6-terra", 1780300000),
    Model("gpt-6-luna", "gpt-6-luna", 1787000000),
    Model("gpt-6.1-terra", "gpt-6.1-terra", 1790000000),
    Model("gpt-6.1-sol", "gpt-6.1-sol", 1790000000),
    Model("text-embedding-3-small", "text-embedding-3-small", 1705948997),
    Model("text-embedding-3-large", "text-embedding-3-large", 1705953180),
    Model("omni-moderation-latest", "omni-moderation-latest", 1731689265),
    Model("gpt-image-1.5", "gpt-image-1.5", 1765000000),
    Model("whisper-1", "whisper-1", 1677532384, "2027-02-10"),
    Model("gpt-4o-transcribe", "gpt-4o-transcribe", 1742068463),
    Model("gpt-4o-mini-tts", "gpt-4o-mini-tts", 1742403959),
    Model("gpt-realtime", "gpt-realtime-2025-08-28", 1756271701),
)
MODELS = {model.name: model for model in _OFFERED}


def answering_name(model: str) -> str:
    """The name the answer carries: the dated snapshot of a known alias, otherwise the name asked for."""
    return MODELS[model].snapshot if model in MODELS else model


def is_missing(model: str) -> bool:
    """Whether this name plays a model that is not there."""
    return "does-not-exist" in model


def reasons(model: str) -> bool:
    """Whether the model thinks before it answers: gpt-5 and later, and the o-series."""
    return bool(re.match(r"o\d", model)) or _version(model) >= (5, 0)


def reports_cache_writes(model: str) -> bool:
    """Whether usage carries `cache_write_tokens`: gpt-5.6 and later."""
    return _version(model) >= (5, 6)


def _version(model: str) -> tuple[int, int]:
    found = _VERSION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
