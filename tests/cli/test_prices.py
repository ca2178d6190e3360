"""`llmwatch prices`: the book as a person reads it, and what another table of prices says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLMWATCH_CONFIG", raising=False)


def run(home: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints; it must exit with the code."""
    result = CliRunner().invoke(app, ["prices", *arguments, "--home", str(home)])
    assert result.exit_code == code, result.output
    return result.stdout


def rows(home: Path, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """The rows of the one table."""
    report = json.loads(run(home, *arguments, "--format", "json", code=code))
    return report["sections"][0]["tables"][0]["rows"] if report["sections"][0]["tables"] else []


def values(row: dict[str, Any], *names: str) -> tuple[str, ...]:
    """Cells as text."""
    return tuple(str(row[name]) for name in names)


def test_the_list_has_every_model_at_the_price_of_the_day(tmp_path: Path) -> None:
    """The cut of 2026-07-30: from $1 and $6 to $0.20 and $1.20."""
    before = {row["key"]: row for row in rows(tmp_path, "list", "--as-of", "2026-07-29")}
    after = {row["key"]: row for row in rows(tmp_path, "list", "--as-of", "2026-07-30")}

    assert values(before["gpt-5.6-luna"], "input", "output") == ("1", "6")
    assert values(after["gpt-5.6-luna"], "input", "output") == ("0.2", "1.2")
    assert len(after) > 200


def test_one_model_is_shown_with_its_tiers_and_sources(tmp_path: Path) -> None:
    """Fast costs gpt-4o 1.7 times as much; flex is not sold."""
    found = {row["key"]: row for row in rows(tmp_path, "show", "gpt-4o")}
    text = run(tmp_path, "show", "gpt-4o")

    assert values(found["output"], "default", "priority", "batch") == ("10", "17", "5")
    assert "no flex price for gpt-4o" in text
    assert "retires on 2027-01-14" in text


def test_a_contract_is_the_price_in_force_and_says_where_it_stands(tmp_path: Path) -> None:
    """The user's own file is the source."""
    (tmp_path / "llmwatch.toml").write_text('[[prices]]\nmodel = "gpt-6-luna"\ninput = 0.09\noutput = 0.45\n')

    [found] = [row for row in rows(tmp_path, "list") if row["key"] == "gpt-6-luna"]

    assert values(found, "input", "cached_input", "output") == ("0.09", "0.01", "0.45")
    assert "prices entry 1" in found["source"]


def test_a_model_without_a_price_is_one_sentence(tmp_path: Path) -> None:
    """Never a price of a name that only begins like it."""
    result = CliRunner().invoke(app, ["prices", "show", "gpt-9-foo", "--home", str(tmp_path)])

    assert "no price for model gpt-9-foo on openai" in str(result.exception)


def test_the_history_of_a_model_is_its_dated_prices(tmp_path: Path) -> None:
    """The newest first."""
    found = rows(tmp_path, "history", "o3")

    assert values(found[0], "from", "input", "output") == ("2025-06-10", "2", "8")
    assert values(found[1], "input", "output") == ("10", "40")


def test_another_price_file_is_compared_rate_by_rate(tmp_path: Path) -> None:
    """Only what differs: input of the standard tier."""
    other = tmp_path / "other.toml"
    other.write_text('[[prices]]\nmodel = "gpt-4o"\ninput = 2\noutput = 10\n')

    found = [row for row in rows(tmp_path, "diff", str(other)) if row["rate"] == "input"]

    assert [values(row, "model", "tier", "in_force", "other") for row in found] == [("gpt-4o", "default", "2.5", "2")]


def test_litellm_s_table_is_compared_and_a_difference_is_trouble(tmp_path: Path) -> None:
    """Per token there, per million here; equal numbers are no difference, and a known dispute is none that counts."""
    theirs = tmp_path / "map.json"
    same = {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05}
    theirs.write_text(
        json.dumps({"gpt-4o": {**same, "cache_read_input_token_cost": 1.5e-06}, "gpt-4o-2024-08-06": same})
    )

    [found] = rows(tmp_path, "check", str(theirs), code=1)

    assert values(found, "model", "tier", "rate", "ours", "theirs") == (
        "gpt-4o", "default", "cached input", "1.25", "1.5",
    )  # fmt: skip


def test_what_is_not_verified_is_named(tmp_path: Path) -> None:
    """Each with its reason; the exit code says whether the data are old."""
    result = CliRunner().invoke(app, ["prices", "check", "--home", str(tmp_path)])

    assert "unverified: audio input is $6 in genai-prices 0.2.3 and $2.50 in litellm 1.109.1" in " ".join(
        result.stdout.split()
    )


@pytest.mark.parametrize("text", ["[]", "{", '{"a": {}}'])
def test_a_file_that_is_no_price_map_is_named(tmp_path: Path, text: str) -> None:
    """With its path."""
    (tmp_path / "map.json").write_text(text)

    result = CliRunner().invoke(app, ["prices", "check", str(tmp_path / "map.json"), "--home", str(tmp_path)])

    assert str(tmp_path / "map.json") in str(result.exception)


def newer_list(path: Path, **changes: Any) -> Path:
    """A data.json as genai-prices publishes it, of one model."""
    model = {
        "id": "gpt-9",
        "match": {"equals": "gpt-9"},
        "price_comments": "checked 2027-01-05",
        "prices": {"input_mtok": 7, "output_mtok": 0.7, "cache_read_mtok": {"base": 0.07, "tiers": []}},
        **changes,
    }
    providers = [
        {"id": name, "name": name, "api_pattern": name, "models": [model]} for name in ("openai", "openai-decisions")
    ]
    path.write_text(json.dumps(providers))
    return path


def test_a_newer_list_is_kept_in_the_home_and_is_the_source(tmp_path: Path) -> None:
    """From a file, exact to the digit; removed, the bundled list holds again."""
    home = tmp_path / "home"

    said = run(home, "update", str(newer_list(tmp_path / "data.json")))
    [shown] = [row for row in rows(home, "list") if row["key"] == "gpt-9"]

    assert values(shown, "input", "cached_input", "output") == ("7", "0.07", "0.7")
    assert shown["source"] == "genai-prices file price_list.json of 2027-01-05"
    assert "prices of 2027-01-05 are kept as" in said
    assert (home / "price_list.json").stat().st_mode & 0o777 == 0o600
    (home / "price_list.json").unlink()
    assert "gpt-9" not in {row["key"] for row in rows(home, "list")}


def test_a_price_file_can_be_kept_too(tmp_path: Path) -> None:
    """Its tables lie over the list."""
    file = tmp_path / "mine.toml"
    file.write_text('[[prices]]\nmodel = "gpt-4o"\ninput = 2\noutput = 8\n')

    run(tmp_path / "home", "update", str(file))
    [shown] = [row for row in rows(tmp_path / "home", "list") if row["key"] == "gpt-4o"]

    assert values(shown, "input", "cached_input") == ("2", "1.25")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", "[]", "no prices of OpenAI in it"),
        ("a.json", "{", "not a price list of genai-prices"),
        ("a.json", '[{"id": 3}]', "not a price list of genai-prices"),
        ("a.toml", "[[prices]]\nmodel = 3\n", "model = 3"),
        ("a.csv", "", "must end in .json or .toml"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    """It is checked before it is kept."""
    (tmp_path / name).write_text(text)

    result = CliRunner().invoke(app, ["prices", "update", str(tmp_path / name), "--home", str(tmp_path / "home")])

    assert sentence in str(result.exception)
    assert not (tmp_path / "home").exists()


def test_an_older_list_is_refused(tmp_path: Path) -> None:
    """The newer one stays."""
    file = newer_list(tmp_path / "data.json", price_comments="checked 2026-01-05")

    result = CliRunner().invoke(app, ["prices", "update", str(file), "--home", str(tmp_path / "home")])

    assert "is of 2026-01-05, the prices in force are of 2026-10-26" in str(result.exception)
