"""Settings: arguments win over the environment, that over the file, that over defaults; nonsense is one sentence."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from llmwatch.errors import UsageError
from llmwatch.settings import CHOICES, Settings, load_settings

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LLMWATCH_HOME", "LLMWATCH_CONFIG", "LLMWATCH_CONTENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def write(folder: Path, text: str) -> Path:
    """An llmwatch.toml in `folder`."""
    path = folder / "llmwatch.toml"
    path.write_text(text)
    return path


def test_arguments_win_over_environment_over_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One setting from each place, each overriding the weaker ones."""
    write(tmp_path, 'content = "full"\nattempts = "off"\nsample_rate = 0.5\nsample_floor = 7\n')
    monkeypatch.setenv("LLMWATCH_CONTENT", "metadata")
    monkeypatch.setenv("LLMWATCH_ATTEMPTS", "on")

    settings = load_settings({"content": "redacted"})

    assert (
        settings.content,
        settings.attempts,
        settings.sample_rate,
        settings.sample_floor,
    ) == ("redacted", "on", 0.5, 7)
    assert Settings().spool_max_mb == settings.spool_max_mb


def test_the_file_is_found_in_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service started from a subfolder of its project finds the project's file."""
    write(tmp_path, 'service_name = "desk"')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)

    assert load_settings().service_name == "desk"


def test_the_home_s_own_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a store is the same wherever it is asked for; the project's file comes before it."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    write(home, 'service_name = "of the home"')
    monkeypatch.chdir(project)

    assert load_settings({"home": home}).service_name == "of the home"
    assert load_settings().service_name is None
    monkeypatch.setenv("LLMWATCH_HOME", str(home))
    assert load_settings().service_name == "of the home"
    write(project, 'service_name = "of the project"')
    assert load_settings({"home": home}).service_name == "of the project"
    with pytest.raises(UsageError, match="home = 5"):
        load_settings({"home": 5})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('content = "ful"', "content = 'ful' is not one of metadata, redacted, full."),
        ("sample_rate = 3", "sample_rate = 3 is not a number from 0 to 1."),
        ("sample_floor = 1.5", "sample_floor = 1.5 is not a whole number."),
        ("home = 3", "home = 3 is not a path."),
        ("disabled = 'perhaps'", "disabled = 'perhaps' is not one of 1, 0, true, false."),
        ("[sample_rates]\nreply = 2", "sample_rates.reply = 2 is not a number from 0 to 1."),
        ("prices = 3", "prices is not a list of [[prices]] tables."),
        ("colour = 1", "colour is not a setting."),
        (
            '[hosts]\n"https://llm.acme.example/v1" = "openai"',
            "hosts: 'https://llm.acme.example/v1' must be a host, without scheme, path or wildcard."
            " Write 'llm.acme.example'.",
        ),
        ('[hosts]\n"http://llm.acme.example:4000" = "openai"', "Write 'llm.acme.example:4000'."),
        ('[hosts]\n"llm.acme.example/v1" = "openai"', "Write 'llm.acme.example'."),
        ('[hosts]\nllm.acme.example = "openai"', "hosts.llm is a table. Put a host in quotes:"),
        ('[redact]\ncode = "(["', "redact.code = '([' is not a regular expression: unterminated character set"),
        ('[redact]\ncode = "(a+)+$"', "redact.code = '(a+)+$' repeats a group that repeats,"),
        ('[redact]\ncode = "x*"', "redact.code = 'x*' matches the empty text."),
        (
            '[[prices]]\nmodel = "m"\ninput = 2\n[[prices]]\nmodel = "n"\ninput = 0.0000025',
            "prices entry 2: input = 0.0000025 is a price per token; prices are US dollars per million: input = 2.5.",
        ),
        (
            '[[prices]]\nhost = "http://a.example"\nprovider = "openai"',
            "host = 'http://a.example' must be a host",
        ),
        ('[[prices]]\nhost = "a.example"\nprovider = "opnai"', "Did you mean 'openai'?"),
        ("content = ", "is not valid TOML"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_place_and_allowed_values(tmp_path: Path, text: str, sentence: str) -> None:
    """The sentence names the file, the key and what is allowed."""
    path = write(tmp_path, text)

    with pytest.raises(UsageError) as refused:
        load_settings()

    assert str(path) in str(refused.value)
    assert sentence in str(refused.value)


def test_a_wrong_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader looks for the variable, not for the key."""
    monkeypatch.setenv("LLMWATCH_CONTENT", "everything")

    with pytest.raises(UsageError, match="^LLMWATCH_CONTENT = 'everything' is not one of"):
        load_settings()


def test_in_the_host_a_wrong_value_outside_the_code_is_reported_and_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in a deployment reveals nothing and stops nothing."""
    monkeypatch.setenv("LLMWATCH_CONTENT", "everything")
    monkeypatch.setenv("LLMWATCH_SAMPLE_RATE", "often")
    reported: list[UsageError] = []

    settings = load_settings({"attempts": "off"}, on_error=reported.append)

    assert (settings.content, settings.sample_rate, settings.attempts) == ("metadata", 0.1, "off")
    assert len(reported) == 2


def test_in_the_host_a_broken_file_means_no_content(tmp_path: Path) -> None:
    """A file that cannot be read may have said metadata."""
    write(tmp_path, "content = ")
    reported: list[UsageError] = []

    assert load_settings(on_error=reported.append).content == "metadata"
    assert len(reported) == 1


@pytest.mark.parametrize("key", CHOICES)
def test_every_word_of_a_choice_is_taken(tmp_path: Path, key: str) -> None:
    """Each is in the README, and in the file it is what it says; another word is named beside those."""
    for word in CHOICES[key]:
        assert f"`{word}`" in README
        write(tmp_path, f'[stakes]\ndraft = "{word}"\n' if key == "stakes" else f'{key} = "{word}"\n')
        loaded = getattr(load_settings(), key)
        assert (loaded["draft"] if key == "stakes" else loaded) == word
    write(tmp_path, '[stakes]\ndraft = "no"\n' if key == "stakes" else f'{key} = "no"\n')
    with pytest.raises(UsageError, match=f"'no' is not one of {', '.join(CHOICES[key])}"):
        load_settings()


def test_in_the_host_a_wrong_argument_is_reported_too() -> None:
    """It may have been worked out from the environment: a service that starts today starts tomorrow."""
    reported: list[UsageError] = []

    settings = load_settings({"content": "all", "sample_rat": 1, "sample_rate": 0.5}, on_error=reported.append)

    assert (settings.content, settings.sample_rate) == ("metadata", 0.5)
    assert [str(error).partition(" Settings are")[0] for error in reported] == [
        "init(): content = 'all' is not one of metadata, redacted, full.",
        "init(): sample_rat is not a setting.",
    ]


def test_a_broken_file_leaves_the_environment_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home that a variable names is where the calls go, whatever is wrong with the file."""
    write(tmp_path, "content = ")
    monkeypatch.setenv("LLMWATCH_HOME", str(tmp_path / "named"))

    assert load_settings(on_error=lambda error: None).home == tmp_path / "named"


def test_a_file_that_is_none_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody writes to, a device that never ends, a folder, and tables that nest for ever."""
    os.mkfifo(tmp_path / "pipe")
    deep = tmp_path / "deep.toml"
    deep.write_text("a = " + "[" * 100_000, "utf-8")
    for path, words in (
        (tmp_path / "pipe", "is not a file"),
        (Path("/dev/zero"), "is not a file"),
        (tmp_path, "is not a file"),
        (deep, "deeper than can be read"),
        (Path("~nosuchuser/llmwatch.toml"), "a user who is not known"),
    ):
        monkeypatch.setenv("LLMWATCH_CONFIG", str(path))
        with pytest.raises(UsageError, match=words):
            load_settings()


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object)
    | st.sampled_from(["~", "~nobody-here/x", "\0", "x" * 5000, "/dev/null/x", 10**400, "redacted", Path("a")]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["text", "file"]), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings_of_hypothesis(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([f.name for f in fields(Settings)]) | st.text(), ODD, max_size=8))
def test_in_the_host_no_argument_raises(arguments: dict[str, Any]) -> None:
    """Whatever it is: settings come out, with a whole path for their home."""
    loaded = load_settings(arguments, on_error=lambda error: None, on_doubt=lambda text: None)

    assert loaded.home.is_absolute()
    assert loaded.content in ("metadata", "redacted", "full")


@settings_of_hypothesis(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"[prices]\n{text}".encode("utf-8", "replace")),
       st.dictionaries(st.sampled_from([f"LLMWATCH_{f.name.upper()}" for f in fields(Settings)]),
                       st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
                       max_size=6))  # fmt: skip
def test_in_the_host_no_file_and_no_variable_raises(tmp_path: Path, data: bytes, variables: dict[str, str]) -> None:
    """Any bytes in the file and any text in the environment."""
    (tmp_path / "llmwatch.toml").write_bytes(data)
    with mock.patch.dict(os.environ, {**variables, "LLMWATCH_CONFIG": str(tmp_path / "llmwatch.toml")}):
        loaded = load_settings(on_error=lambda error: None, on_doubt=lambda text: None)

    assert loaded.home.is_absolute()


def test_in_the_host_a_faulty_entry_leaves_the_others_and_keeps_patterns_closed(tmp_path: Path) -> None:
    """One URL among the hosts does not unname the others; a pattern that cannot run still stops content."""
    write(
        tmp_path,
        '[hosts]\n"https://a.example" = "openai"\n"b.example:4000" = "deepseek"\n[redact]\ncode = "(["\n'
        '[[prices]]\nmodel = "m"\ninput = 0.0000025\n',
    )
    reported: list[UsageError] = []

    settings = load_settings(on_error=reported.append)

    assert settings.hosts == {"b.example:4000": "deepseek"}
    assert settings.redact == {"code": "(["}
    assert [str(e).split(": ")[1].split(" ")[0] for e in reported] == ["hosts", "redact.code", "prices"]


def test_a_byte_order_mark_is_skipped_and_named(tmp_path: Path) -> None:
    """Editors of Windows write one before the first setting."""
    path = tmp_path / "llmwatch.toml"
    path.write_bytes(b"\xef\xbb\xbfsample_rate = 0.5\n")
    named: list[str] = []

    assert load_settings(on_doubt=named.append).sample_rate == 0.5
    assert named == [f"{path} begins with a byte order mark, which was skipped. Save it as UTF-8 without one."]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("sample_rate = 0.5".encode("utf-16"), "is encoded in UTF-16. Save it as UTF-8."),
        ('service_name = "Müller"'.encode("latin-1"), "is not encoded in UTF-8:"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, data: bytes, sentence: str) -> None:
    """The remedy is to save the file as UTF-8, not to look for a wrong line."""
    (tmp_path / "llmwatch.toml").write_bytes(data)

    with pytest.raises(UsageError) as refused:
        load_settings()

    assert sentence in str(refused.value)


@pytest.mark.parametrize(("name", "near"), [("opnai", " Did you mean 'openai'?"), ("vllm", "")])
def test_a_provider_without_list_prices_is_named(tmp_path: Path, name: str, near: str) -> None:
    """It may be a gateway of one's own, so it is no error; a typing error leaves all its calls unpriced."""
    path = write(tmp_path, f'[hosts]\n"llm.acme.example" = "{name}"\n"b.example" = "OpenAI"\n')
    named: list[str] = []

    assert load_settings(on_doubt=named.append).hosts["llm.acme.example"] == name
    assert named == [
        f"{path}: hosts: {name!r} of 'llm.acme.example' is not a provider with list prices.{near}"
        " Its calls have a price only by [[prices]] tables of your own."
    ]
