"""Owns how what is printed to be pasted is written: a command as a shell reads it, a string as Python and TOML do."""

from __future__ import annotations

import json
import shlex


def command(*words: object, **options: object) -> str:
    """`llmwatch` with these words and options, each one word of a shell: `command("drift", task="a b")`.

    An option of True is a flag; one of None, False or "" is left out. `max_usd` is written --max-usd.
    """
    names = [str(word) for word in words]
    # A name that begins with a dash would be read as an option.
    dashed = next((n for n, name in enumerate(names) if name.startswith("-")), len(names))
    said = ["llmwatch", *map(shlex.quote, names[:dashed])]
    for name, value in options.items():
        if value is None or value is False or value == "":
            continue
        said.append(f"--{name.replace('_', '-')}")
        if value is not True:
            said.append(shlex.quote(str(value)))
    if dashed < len(names):
        said += ["--", *map(shlex.quote, names[dashed:])]
    return " ".join(said)


def literal(text: str) -> str:
    """The text in double quotes, as both Python and TOML read it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
