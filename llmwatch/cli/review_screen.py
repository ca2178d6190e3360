"""Owns the review at a terminal: what is shown, which key says what, and taking the last word back.

What is shown is a stranger's text and is made inert first. A score is on disk before "saved" is written.
"""

from __future__ import annotations

import os
import shutil
import sys
import termios
import textwrap
import tty
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ..analysis.review import Item, PairItem, Preference, Said, acceptable, deleted, graded, pair_record, review_record
from ..errors import UsageError
from ..figures.review import Texts
from ..figures.scoring import Scoring
from ..render.inert import lines, one_line

# Of a text longer than this only its start and end are shown, until the reader asks for more.
_SHOWN_LINES: Final = 40
# Two answers stand side by side on a screen at least this wide.
_WIDE: Final = 100
_ANSWER_KEYS: Final = (
    "a acceptable   n not acceptable   1-5 grade (5 best)   f a made-up fact   c comment\n"
    "s skip   m show all   u undo   q quit"
)
_PAIR_KEYS: Final = (
    "l left better   r right better   = same   b both bad   c comment\ns skip   m show all   u undo   q quit"
)
_PREFERENCES: Final[Mapping[str, Preference]] = {"l": "left", "r": "right", "=": "same", "e": "same", "b": "both bad"}
_END: Final = "\x04"


@dataclass(slots=True)
class Done:
    """What a session did."""

    saved: int = 0
    skipped: int = 0
    is_quit: bool = False


@dataclass(slots=True)
class _Draft:
    """What was said of the answer on the screen before its score."""

    false_facts: int = 0
    comment: str = ""
    is_whole: bool = False


@dataclass(slots=True)
class Screen:
    """One session over items in order; `record` is made from an item, a key and the draft."""

    scoring: Scoring
    scorer: str
    keyboard: Keyboard
    write: Callable[[str], None]

    def review(self, answers: Mapping[Item, Texts]) -> Done:
        """Asks about every answer until the last or `q`."""
        return self._ask(list(answers.items()), _ANSWER_KEYS, self._answer_record, _show_answer)

    def compare(self, pairs: Mapping[PairItem, Texts]) -> Done:
        """Asks about every pair until the last or `q`."""
        return self._ask(list(pairs.items()), _PAIR_KEYS, self._pair_record, _show_pair)

    def _answer_record(self, item: Item, key: str, draft: _Draft) -> dict[str, Any] | None:
        said: Said | None = None
        if key in {"a", "n"}:
            said = acceptable(key == "a", draft.false_facts, draft.comment)
        elif key in {"1", "2", "3", "4", "5"}:
            said = graded(int(key), draft.false_facts, draft.comment)
        return said and review_record(item, said, self.scorer, self.scoring.now_us())

    def _pair_record(self, item: PairItem, key: str, draft: _Draft) -> dict[str, Any] | None:
        preference = _PREFERENCES.get(key)
        return preference and pair_record(item, preference, draft.comment, self.scorer, self.scoring.now_us())

    def _ask(
        self,
        items: Sequence[tuple[Any, Texts]],
        keys: str,
        record_of: Callable[[Any, str, _Draft], dict[str, Any] | None],
        show: Callable[[Texts, bool], str],
    ) -> Done:
        done, at = Done(), 0
        # Of every item left behind: the record that was saved, None if it was skipped.
        history: list[dict[str, Any] | None] = []
        while at < len(items):
            item, texts = items[at]
            key, record = self._one(f"{at + 1} of {len(items)}", item, texts, keys, show, record_of)
            if key == "q":
                done.is_quit = True
                break
            if key == "u":
                at = self._undo(history, at)
                continue
            history.append(record)
            at += 1
        done.saved = sum(record is not None for record in history)
        done.skipped = len(history) - done.saved
        return done

    def _one(
        self,
        place: str,
        item: Any,
        texts: Texts,
        keys: str,
        show: Callable[[Texts, bool], str],
        record_of: Callable[[Any, str, _Draft], dict[str, Any] | None],
    ) -> tuple[str, dict[str, Any] | None]:
        """The key that ends an item, and the record that was saved for it."""
        draft = _Draft()
        self.write(f"\n{'─' * min(_width(), 100)}\n{place} · {one_line(item.task)}\n{show(texts, False)}\n{keys}\n> ")
        while True:
            key = self.keyboard.key()
            record = record_of(item, key, draft)
            if record is not None:
                self.scoring.keep(record)
                self.write(f"{one_line(_words(record, item))} · saved\n")
                return key, record
            if key in {"q", "u", "s", _END}:
                self.write({"s": "skipped\n", "u": "undo\n"}.get(key, "\n"))
                return ("q" if key == _END else key), None
            self._aside(key, draft, texts, keys, show)

    def _aside(self, key: str, draft: _Draft, texts: Texts, keys: str, show: Callable[[Texts, bool], str]) -> None:
        """Keys after which the same item waits for its score."""
        if key == "f" and "made-up" in keys:
            draft.false_facts += 1
            self.write(f"{draft.false_facts} made up · ")
        elif key == "c":
            self.write("comment: ")
            draft.comment = one_line(self.keyboard.line())
            self.write("> ")
        elif key == "m":
            self.write(f"\n{show(texts, True)}\n{keys}\n> ")
        else:
            self.write(f"\n{keys}\n> ")

    def _undo(self, history: list[dict[str, Any] | None], at: int) -> int:
        """Back to the item before; its score, if it had one, is taken back."""
        if not history:
            self.write("Nothing to undo.\n")
            return at
        record = history.pop()
        if record is not None:
            self.scoring.keep(deleted(record, self.scoring.now_us()))
            self.write("The last score was taken back.\n")
        return at - 1


def _words(record: Mapping[str, Any], item: Any) -> str:
    if isinstance(item, PairItem):
        # What was pressed, not whose answer it was: the next pair is blind too.
        side = {1.0: "left", -1.0: "right"}.get(record["difference"] * (1 if item.is_candidate_left else -1))
        return f"{side} better" if side else str(record["label"])
    facts = record["false_facts"]
    return str(record["label"]) + (f", {facts} made up" if facts else "")


def _show_answer(texts: Texts, is_whole: bool) -> str:
    return f"\nQUESTION\n{_cut(texts.question, is_whole)}\n\nANSWER\n{_cut(texts.answer, is_whole)}\n"


def _show_pair(texts: Texts, is_whole: bool) -> str:
    head = f"\nQUESTION\n{_cut(texts.question, is_whole)}\n"
    if _width() < _WIDE:
        return f"{head}\nLEFT\n{_cut(texts.answer, is_whole)}\n\nRIGHT\n{_cut(texts.other, is_whole)}\n"
    half = (min(_width(), 200) - 3) // 2
    left, right = (
        _column(name, text, half, is_whole) for name, text in (("LEFT", texts.answer), ("RIGHT", texts.other))
    )
    height = max(len(left), len(right))
    left += [""] * (height - len(left))
    right += [""] * (height - len(right))
    return head + "\n" + "\n".join(f"{a:<{half}} │ {b}".rstrip() for a, b in zip(left, right, strict=True)) + "\n"


def _column(title: str, text: str, width: int, is_whole: bool) -> list[str]:
    plain = _cut(text, is_whole).split("\n")
    return [title, *(part for line in plain for part in textwrap.wrap(line, width, drop_whitespace=False) or [""])]


def _cut(text: str, is_whole: bool) -> str:
    """The text made inert; long ones without their middle."""
    width = max(_width(), 40)
    shown = [p for line in lines(text).split("\n") for p in textwrap.wrap(line, width, drop_whitespace=False) or [""]]
    if is_whole or len(shown) <= _SHOWN_LINES:
        return "\n".join(shown)
    left_out = len(shown) - _SHOWN_LINES
    half = _SHOWN_LINES // 2
    return "\n".join([*shown[:half], f"… {left_out} lines more: press m …", *shown[-half:]])


def _width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


@contextmanager
def single_keys() -> Generator[None]:
    """Keys arrive one by one, without Enter and unseen; Ctrl-C still interrupts. A sentence where nobody is."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "There is no terminal to review at.",
            "Write the sample to a file, fill it in and import it:\n"
            "llmwatch review --csv review.csv\nllmwatch review import review.csv",
        )
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


class Keyboard:
    """Keys and lines as they were typed; what is typed ahead is kept for the next question."""

    def __init__(self) -> None:
        self._ahead = ""

    def key(self) -> str:
        """One key in lower case; arrow keys and the like are none; the end of input quits."""
        if not self._ahead:
            pressed = os.read(sys.stdin.fileno(), 4096)
            if not pressed:
                return _END
            text = pressed.decode("utf-8", "replace")
            # An escape sequence comes in one piece.
            self._ahead = " " if text[0] == "\x1b" else text
        key, self._ahead = self._ahead[0], self._ahead[1:]
        return key.lower()

    def line(self) -> str:
        """One line, with echo and editing."""
        if self._ahead:
            text, _, self._ahead = self._ahead.replace("\r", "\n").partition("\n")
            return text.strip()
        fd = sys.stdin.fileno()
        single = termios.tcgetattr(fd)
        cooked = termios.tcgetattr(fd)
        cooked[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(fd, termios.TCSADRAIN, cooked)
        try:
            return os.read(fd, 4096).decode("utf-8", "replace").strip()
        finally:
            termios.tcsetattr(fd, termios.TCSADRAIN, single)
