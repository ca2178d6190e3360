"""What is mutated, and which tests are asked: folders and files of the repository, not lines of them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
# Code that decides what something costs or earns, or what is said of it.
PYTHON = (
    "llmwatch/prices/*.py",
    "llmwatch/analysis/*.py",
    "llmwatch/figures/*.py",
    "llmwatch/runs/money.py",
    "llmwatch/runs/ledger.py",
    "llmwatch/store/plans.py",
    "llmwatch/store/kept_money.py",
    "llmwatch/store/revenue.py",
)
# Text for people: a changed word there is no changed figure.
NOT_PYTHON = (
    "*wording*.py", "*_report.py", "*_tables.py", "*_chart.py", "__init__.py", "transcript.py", "prompt_diff.py",
    "review.py", "report.py", "doctor.py", "answers.py", "calls.py", "score_files.py", "weekly_rows.py",
)  # fmt: skip
SQL = (
    "llmwatch/prices/*.sql",
    "llmwatch/store/macros/*.sql",
    "llmwatch/store/views/*.sql",
    "llmwatch/store/steps/*.sql",
    "llmwatch/store/queries/*.sql",
)
# Text and names: which calls are shown, what they said, how tasks are named.
NOT_SQL = (
    "prices.sql", "call.sql", "calls.sql", "calls_named.sql", "content.sql", "contents.sql", "attempts.sql",
    "events.sql", "meta.sql", "defects.sql", "stored_contents.sql", "stored_events.sql", "stored_attempts.sql",
    "known_spans.sql", "task_names.sql", "task_tags.sql", "task_parts.sql", "names_*.sql", "other_names_then.sql",
    "prompt*.sql", "*_texts.sql", "unread_*.sql", "tidied.sql", "moved_*.sql", "renamed_*.sql",
    "origins_before.sql", "forgotten_*.sql", "refit*.sql", "split_*.sql", "unnamed_tasks.sql", "no_parts.sql",
    "no_calls_left.sql", "unresolved_scores.sql", "references.sql", "stored_inputs.sql", "pair_contents.sql",
    "judgement_requests.sql", "replay_requests.sql", "arrived_*.sql", "known_task_edits.sql", "review_sample.sql",
    "kept_state.sql",
)  # fmt: skip
TESTS = (
    "tests/prices", "tests/recount", "tests/analysis", "tests/figures", "tests/store", "tests/runs", "tests/cli",
    "tests/dashboards/test_figures.py", "tests/dashboards/test_queries.py", "tests/oracles",
)  # fmt: skip


def files(patterns: tuple[str, ...], without: tuple[str, ...] = ()) -> list[Path]:
    """The files of the repository that a pattern names, in order."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path for path in found if not any(path.match(pattern) for pattern in without))


def python_files() -> list[Path]:
    """The modules that are mutated."""
    return files(PYTHON, NOT_PYTHON)


def measured_files() -> list[Path]:
    """The modules of which is measured who reaches them: those, and the wording that named mutants stand in."""
    return files(
        tuple(f"llmwatch/{part}/*.py" for part in ("prices", "analysis", "figures", "runs", "store", "render"))
    )


def sql_files() -> list[Path]:
    """The statements that are mutated; tables are not: their digests are pinned."""
    return files(SQL, NOT_SQL)


def test_files() -> list[str]:
    """The files of the tests that are asked, as pytest takes them."""
    places = [ROOT / name for name in TESTS]
    found = [file for place in places for file in (place.rglob("test_*.py") if place.is_dir() else [place])]
    return [str(file.relative_to(ROOT)) for file in sorted(found) if file.exists()]
