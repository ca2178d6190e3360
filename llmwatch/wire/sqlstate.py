"""Owns what clients are told of DuckDB's errors: an honest SQLSTATE and the first sentence, without any path."""

from __future__ import annotations

import re
from typing import Final

from .protocol import Problem

# (kind of exception, or empty for any; words in its text; SQLSTATE), the first that fits.
_RULES: Final = (
    ("", "read-only mode", "25006"),
    ("", "Could not set lock", "55006"),
    ("", "Resource In Use", "55006"),
    ("InterruptException", "", "57014"),
    ("", "INTERRUPT", "57014"),
    ("OutOfMemoryException", "", "53200"),
    ("", "bad_alloc", "53200"),
    ("", "ut of memory", "53200"),
    ("ParserException", "", "42601"),
    ("", "syntax error", "42601"),
    ("CatalogException", "Table with name", "42P01"),
    ("CatalogException", "unction with name", "42883"),
    ("CatalogException", "Type with name", "42704"),
    ("CatalogException", "chema", "3F000"),
    ("CatalogException", "configuration parameter", "42704"),
    ("CatalogException", "", "42704"),
    ("BinderException", "mbiguous", "42702"),
    ("BinderException", "Referenced table", "42P01"),
    ("BinderException", "Referenced column", "42703"),
    ("BinderException", "does not have a column", "42703"),
    ("BinderException", "No function matches", "42883"),
    ("BinderException", "best candidate", "42725"),
    ("BinderException", "does not support the supplied arguments", "42883"),
    ("BinderException", "GROUP BY", "42803"),
    ("BinderException", "aggregate", "42803"),
    ("BinderException", "Cannot compare", "42883"),
    ("BinderException", "only delete from", "25006"),
    ("BinderException", "", "42601"),
    ("ConversionException", "out of range", "22003"),
    ("ConversionException", "date", "22007"),
    ("ConversionException", "time", "22007"),
    ("ConversionException", "DECIMAL", "22003"),
    ("ConversionException", "", "22P02"),
    ("OutOfRangeException", "", "22003"),
    ("InvalidInputException", "ivision by zero", "22012"),
    ("InvalidInputException", "parameter", "08P01"),
    ("InvalidInputException", "", "22023"),
    ("PermissionException", "", "42501"),
    ("NotImplementedException", "", "0A000"),
    ("TypeMismatchException", "", "42804"),
    ("ConstraintException", "", "23000"),
    ("TransactionException", "aborted", "25P02"),
    ("TransactionException", "", "25006"),
    ("IOException", "", "58030"),
)
# What is said where DuckDB's own words name files, processes or settings of this machine.
_GENERIC: Final = {
    "55006": "the store is being merged into; repeat the query",
    "58030": "the store cannot be read",
    "42501": "permission denied: a query reads the store and nothing else",
    "53200": "the query needs more memory than it may have",
    "57014": "canceling statement due to user request",
    "25006": "cannot execute that in a read-only transaction",
}
# Clients look for PostgreSQL's words, to make up for what is not there.
_MISSING: Final = (
    (re.compile(r"Referenced column (\".*?\") (?:was )?not found"), "column {} does not exist"),
    (re.compile(r"does not have a column named (\".*?\")"), "column {} does not exist"),
    (re.compile(r"Referenced table (\".*?\") not found"), "missing FROM-clause entry for table {}"),
    (re.compile(r"unction with name (\"?[\w$.]+\"?) does not exist"), "function {} does not exist"),
    (re.compile(r"No function matches the given name and argument types '(.*?)'"), "function {} does not exist"),
    (re.compile(r"Type with name (\"?[\w$.]+\"?) does not exist"), "type {} does not exist"),
    (re.compile(r"Table with name (\"?[\w$.]+\"?) does not exist"), "relation {} does not exist"),
)
_HEAD: Final = re.compile(r"^[\w ]{2,40} Error: ")
_PATH: Final = re.compile(r"(?:/[\w.\-]+){2,}")


def problem_of(error: BaseException) -> Problem:
    """The error as clients see it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, MemoryError):
        return Problem("53200", _GENERIC["53200"], "Ask for fewer rows or a shorter period.")
    kind, text = type(error).__name__, str(error)
    code = next((c for k, words, c in _RULES if k in ("", kind) and words in text), "XX000")
    if code in _GENERIC:
        return Problem(code, _GENERIC[code])
    if code == "XX000":
        return Problem(code, "internal error: the query could not be answered")
    first, _, rest = text.partition("\n\nLINE ")[0].partition("\n")
    hint = rest.strip().split("\n")[0]
    return Problem(code, _without_paths(_said(_HEAD.sub("", first))), _without_paths(hint))


def _said(text: str) -> str:
    for pattern, words in _MISSING:
        if found := pattern.search(text):
            return words.format(found[1])
    return text


def _without_paths(text: str) -> str:
    return _PATH.sub("...", text)[:500]
