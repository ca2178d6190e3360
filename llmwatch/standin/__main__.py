"""`python -m llmwatch.standin --port N` serves until interrupted; the first line of stdout is its base_url."""

import argparse
import signal
import sys
import threading

from llmwatch.standin import brain
from llmwatch.standin.server import StandinServer


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m llmwatch.standin", description="An OpenAI-compatible server.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 picks a free one")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same answers")
    parser.add_argument("--realistic", action="store_true", help="take the time a hosted model takes")
    asked = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: done.set())
    said = brain.timed_answer if asked.realistic else brain.answer
    with StandinServer(asked.port, seed=asked.seed, brain=said) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        done.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
