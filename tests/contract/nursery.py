"""A process with the SDK and OpenTelemetry loaded that becomes, in a fork of itself, each program it is asked for.

Each line on standard input is {"script", "environment", "said"}: the program's file, its variables, and the file that
takes what it says on standard error. The answer is its exit code. Importing them takes a second, a fork does not; a
program runs as `__main__` and ends as any other does, by the interpreter's own way out.
"""

from __future__ import annotations

import json
import os
import runpy
import sys

import openai
import opentelemetry.instrumentation.httpx
import opentelemetry.sdk.trace  # noqa: F401 - with the line above: what llmwatch loads of others


def next_program() -> str:
    """The program that this process is to be, in a fork; the process that was started answers until nobody asks."""
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.environ.clear()
            os.environ.update(asked["environment"])
            said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT, 0o600)
            nothing = os.open(os.devnull, os.O_RDWR)
            for ours, stream in ((nothing, 0), (nothing, 1), (said, 2)):
                os.dup2(ours, stream)
            return asked["script"]
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    sys.exit()


if __name__ == "__main__":
    # What a client loads when it is first used.
    _ = openai.OpenAI(api_key="k").chat.completions
    assert "llmwatch" not in sys.modules
    runpy.run_path(next_program(), run_name="__main__")
