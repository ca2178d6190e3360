"""The process that serves, started by `llmwatch serve` in its own place with the options as one JSON argument.

The command line has more loaded than a process needs that runs for months (27 MB here against 110 MB there).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..errors import LlmwatchError
from ..render.inert import one_line
from ..settings import CONFIG_NAME, find_config, load_settings
from . import Listening, Options, serve


def options_of(text: str) -> tuple[str | None, Options]:
    """(home, options) as `llmwatch serve` wrote them down."""
    given: dict[str, Any] = json.loads(text)
    home = given.pop("home")
    paths: dict[str, Any] = {name: Path(given[name]) for name in ("tls_cert", "tls_key") if given.get(name)}
    names: tuple[str, ...] = tuple(given.get("host_names", ()))
    given |= {"tls_cert": None, "tls_key": None, **paths, "host_names": names}
    return home, Options(**given)


def _say(listening: Listening, home: Path) -> None:
    none = f"the store's own: no {CONFIG_NAME} in {Path.cwd()}, above it or in {home}"
    found = find_config(home=home) or none
    sys.stderr.write(f"llmwatch: the wire   {listening.connection}\nllmwatch: the page   {listening.page}\n")
    sys.stderr.write(f"llmwatch: settings   {one_line(str(found))}\n")
    sys.stderr.flush()


def main() -> None:
    """Serves until it is told to stop; an error is one sentence, as of every command."""
    home, options = options_of(sys.argv[1])
    try:
        settings = load_settings({"home": home})
        serve(settings, options, lambda listening: _say(listening, settings.home))
    except LlmwatchError as e:
        sys.stderr.write(f"llmwatch: error: {one_line(e.message)}\n{one_line(e.hint)}\n")
        sys.exit(e.exit_code)


if __name__ == "__main__":
    main()
