"""`--standin` for the small examples: the stand-in on loopback in place of OpenAI, with no key and no network."""

import sys
from typing import Any

from llmwatch.standin import StandinServer


def client_options() -> dict[str, Any]:
    """Arguments for OpenAI(): the stand-in's when `--standin` is given, otherwise none, so the environment decides."""
    if "--standin" not in sys.argv:
        return {}
    return {"base_url": StandinServer(seed=1).start().base_url, "api_key": "sk-standin"}
