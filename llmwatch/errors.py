"""The errors of the reading half, each one sentence with a remedy.

LlmwatchError(message, hint)
├── UsageError            a flag, filter or setting that means nothing            exit 2
├── StoreError            the store cannot be opened, read or written             exit 3
│   ├── StoreLocked       another process holds the file or the merge lock
│   ├── SchemaTooNew      written by a newer llmwatch
│   └── StoreCorrupt      not a DuckDB database, or damaged
├── PriceError            a price entry that cannot be used                       exit 2
└── InputFileError        a file given by the user, with its path and line        exit 2

The half inside the customer's process raises none of these into a call: only `init` may refuse settings.
"""

from __future__ import annotations


class LlmwatchError(Exception):
    """What happened, to which thing; `hint` is what to do about it, a command where one exists."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(LlmwatchError):
    """A flag, filter or setting has a value that means nothing."""


class StoreError(LlmwatchError):
    """The store cannot be opened, read or written."""

    exit_code = 3


class StoreLocked(StoreError):
    """Another process holds the store's file or its merge lock."""


class SchemaTooNew(StoreError):
    """The store was written by a newer llmwatch; nothing was touched."""


class StoreCorrupt(StoreError):
    """The file is not a DuckDB database, or a part of it is damaged."""


class PriceError(LlmwatchError):
    """A price entry cannot be used as written."""


class InputFileError(LlmwatchError):
    """A file given by the user cannot be read; says where."""

    def __init__(self, path: str, problem: str, hint: str = "", line: int | None = None) -> None:
        place = path if line is None else f"{path}, line {line}"
        super().__init__(f"{place}: {problem}", hint)
        self.path = path
        self.line = line
