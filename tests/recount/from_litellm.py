"""Writes litellm.json anew from a wheel of litellm: `python -m tests.recount.from_litellm WHEEL`."""

from __future__ import annotations

import json
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODELS = (
    "gpt-4o", "gpt-4o-2024-05-13", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o3", "o3-pro", "o4-mini",
    "gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.4-pro",
    "gpt-5.5", "gpt-5.5-pro", "gpt-5.6-luna", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-6-astra", "gpt-6-luna", "gpt-6-sol",
    "gpt-6.1-sol", "gpt-6.1-terra", "gpt-5-search-api", "gpt-audio", "gpt-audio-mini", "gpt-realtime",
    "gpt-realtime-mini", "gpt-image-1.5", "gpt-image-2", "text-embedding-3-small", "text-embedding-3-large",
    "whisper-1", "gpt-transcribe", "tts-1", "tts-1-hd", "ft:gpt-4o-2024-08-06", "ft:gpt-4o-mini-2024-07-18",
    "ft:gpt-4.1-2025-04-14", "ft:gpt-4.1-mini-2025-04-14", "ft:o4-mini-2025-04-16",
)  # fmt: skip


def main(wheel: Path) -> None:
    """The cost of each model, without what else litellm knows of it; a number keeps the text it has there."""
    file = tomllib.loads((HERE / "facts.toml").read_text("utf-8"))["wheel"]["file"]
    with zipfile.ZipFile(wheel) as content:
        listed: dict[str, dict[str, Any]] = json.loads(content.read(file), parse_float=str)
    costs = {
        model: {
            key: str(value) for key, value in sorted(listed[model].items()) if "_cost" in key and "search" not in key
        }
        for model in MODELS
    }
    (HERE / "litellm.json").write_text(json.dumps(costs, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
