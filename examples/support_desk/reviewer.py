"""An agent who knows the desk: compares two answers to one ticket, as `llmwatch review --pairs --csv` asks for it."""

import csv
import json
from pathlib import Path

from support_desk import tickets


def fill_in(file: Path) -> int:
    """Writes into the file which answer of each pair is better; returns how many pairs it holds."""
    with file.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(opened)
        names, rows = list(reader.fieldnames or ()), list(reader)
    for row in rows:
        row["better"] = row["better"] or better(row["question"], row["left"], row["right"])
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, names)
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def better(question: str, left: str, right: str) -> str:
    """left, right, same or both bad, by what is true of the ticket at the end of the question."""
    facts = tickets.facts_of(question.rpartition("[user]")[2])
    if facts is None:
        return "same"
    truth = {"queue": facts.problem.queue, "rule": facts.problem.rule, "mood": facts.mood}

    def is_right(answer: str) -> bool:
        return all(truth.get(key) == value for key, value in json.loads(answer).items())

    if is_right(left) == is_right(right):
        return "same" if is_right(left) else "both bad"
    return "left" if is_right(left) else "right"
