"""Proves capture in a process of its own: `python -m llmwatch.capture.probe` makes one call that leaves no machine.

Prints one line of JSON: the SDK's version, which methods are hooked, and how many records that call left in a spool
made for it and thrown away. For `llmwatch doctor`, which belongs to the half that must not import this one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

_ANSWER = {
    "id": "chatcmpl-probe",
    "object": "chat.completion",
    "created": 0,
    "model": "gpt-6-luna",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


def probe(home: Path) -> dict[str, Any]:
    """What was found; `error` is set if capture could not be tried, and names why."""
    found: dict[str, Any] = {"python": sys.version.split()[0]}
    started = time.perf_counter()
    from . import hook, init, shutdown

    init(home=home, content="metadata")
    found["init_ms"] = round((time.perf_counter() - started) * 1000, 1)
    try:
        import openai
    except ImportError as e:
        return found | {"error": f"openai cannot be imported: {e}"}
    found["openai"] = openai.__version__
    base: Any = import_module("openai._base_client")
    found["hooks"] = hook.hooked_methods(base)
    # openai 3 speaks through httpx2, 1 and 2 through httpx.
    http: Any = getattr(base, "httpx2", None) or base.httpx

    def answer(request: Any) -> Any:
        return http.Response(200, json=_ANSWER)

    transport = http.MockTransport(answer)
    client: Any = openai.OpenAI(
        api_key="none", base_url="http://probe.invalid/v1", http_client=http.Client(transport=transport)
    )
    client.chat.completions.create(model="gpt-6-luna", messages=[{"role": "user", "content": "ok?"}])
    shutdown()
    found["records"] = sum(path.read_bytes().count(b"chatcmpl-probe") for path in home.rglob("*") if path.is_file())
    return found


def main() -> None:
    """Prints the finding; every failure is one too."""
    with tempfile.TemporaryDirectory(prefix="llmwatch-probe-") as folder:
        try:
            found = probe(Path(folder))
        except Exception as e:
            found = {"error": f"{type(e).__name__}: {e}"}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
