"""Owns which static prompt texts of a task are one version: texts alike but for what changes from call to call.

Pure. A version is an edit that somebody made, so numbers, dates and ids are placeholders, and so is text of which many
variants were in use side by side, names of customers say. A version keeps its id while most of its texts stay in it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from .discovery.moments import masked, moments

PLACEHOLDER: Final = "{…}"
# A static text that was never seen with content is a version from so many calls on.
LEAST_CALLS: Final = 20
# More distinct texts than this, once numbers are masked: the prompt is filled in for each call.
_STATIC_TEXTS: Final = 8
# Four neighbours are the template's own where so many of a task's filled-in texts hold them, at least that part of all,
# and so much of those between their first and last use: an edit is in nearly every text while it lasts.
_LEAST_TEXTS: Final = 3
_SHARE: Final = 0.05
_WHILE_USED: Final = 0.6
# Part of a text's uses at either end that do not stretch its time: a rollout, a rollback.
_STRAGGLERS: Final = 0.05
# A template seen in fewer texts than this is a chance likeness of others.
_LEAST_OF_TEMPLATE: Final = 3
_MOST: Final = 50
_TOKEN: Final = re.compile(r"\s+|\w+|[^\w\s]")
_PLACEHOLDERS: Final = re.compile(r"\{…\}(?:[\s\-:./,+]*\{…\})+")


@dataclass(frozen=True, slots=True)
class StaticText:
    """A digest of a task's static text and its calls; the text where content of one of them was kept."""

    prompt_hash: str
    calls: int
    first_seen_at: datetime
    last_seen_at: datetime
    text: str | None = None
    # The version it was of before.
    prompt_version: str | None = None


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """Texts that are one version; number 1 is the first seen."""

    prompt_version: str
    number: int
    first_seen_at: datetime
    last_seen_at: datetime
    calls: int
    text: str | None
    prompt_hashes: tuple[str, ...]


def prompt_versions(texts: Iterable[StaticText], kept_texts: Mapping[str, str]) -> list[PromptVersion]:
    """Versions of one task in the order first seen; texts in none of them are unknown. `kept_texts` is id -> text."""
    ordered = sorted(texts, key=lambda t: (t.first_seen_at, t.prompt_hash))
    groups: defaultdict[str, list[StaticText]] = defaultdict(list)
    solid = {_solid(kept): kept for kept in sorted(kept_texts.values())}
    for template, members in _by_template(ordered).items():
        groups[solid.get(_solid(template), template)] += members
    without = [t for t in ordered if t.text is None]
    for text in without:
        if (kept := kept_texts.get(text.prompt_version or "")) is not None:
            groups[kept].append(text)
        elif text.calls >= LEAST_CALLS:
            groups[f"\0{text.prompt_hash}"].append(text)
    found = [_version(template, members) for template, members in groups.items()]
    largest = sorted(found, key=lambda v: (-v.calls, v.first_seen_at))[:_MOST]
    named = _with_ids(largest, {t.prompt_hash: t.prompt_version for t in ordered})
    named.sort(key=lambda v: (v.first_seen_at, v.prompt_version))
    return [replace(version, number=number) for number, version in enumerate(named, 1)]


def masked_text(text: str) -> str:
    """The text with numbers, dates and ids as placeholders.

    >>> masked_text("Ticket 4711, 21 Nov 2026: be brief.")
    'Ticket {…}: be brief.'
    """
    tokens = _TOKEN.findall(text)
    places = [n for n, token in enumerate(tokens) if not token.isspace()]
    parts: list[str] = []
    begin = 0
    for first, behind in moments([masked(tokens[n]) for n in places]):
        parts += [*tokens[begin : places[first]], PLACEHOLDER]
        begin = places[behind - 1] + 1
    return _PLACEHOLDERS.sub(PLACEHOLDER, "".join([*parts, *tokens[begin:]]))


def _solid(template: str) -> str:
    """The template without its placeholders, which may fall elsewhere when other texts are read."""
    return " ".join(template.replace(PLACEHOLDER, " ").split())


def _by_template(texts: Sequence[StaticText]) -> dict[str, list[StaticText]]:
    groups: defaultdict[str, list[StaticText]] = defaultdict(list)
    for text in texts:
        if text.text is not None:
            groups[masked_text(text.text)].append(text)
    if len(groups) <= _STATIC_TEXTS:
        return groups
    return _filled_in(groups)


def _filled_in(groups: Mapping[str, list[StaticText]]) -> dict[str, list[StaticText]]:
    """Masked texts of a prompt that is filled in for each call, by what they share; stray ones to the nearest."""
    words = {text: _TOKEN.findall(text) for text in groups}
    places: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, text in enumerate(groups):
        for shingle in set(_shingles(words[text])):
            places[shingle].append(place)
    least = max(_LEAST_TEXTS, _SHARE * len(groups))
    shared = {s for s, held in places.items() if len(held) >= least and _lasts(held)}
    templates: defaultdict[str, list[str]] = defaultdict(list)
    for text in groups:
        templates[_template(words[text], shared)].append(text)
    known = {t: members for t, members in templates.items() if len(members) >= _LEAST_OF_TEMPLATE}
    if not known:
        # Nothing is shared: every text is filled in from its first word to its last.
        return {PLACEHOLDER: [t for members in groups.values() for t in members]}
    result: dict[str, list[StaticText]] = {t: [] for t in known}
    shapes = {t: set(_shingles(_TOKEN.findall(t))) for t in known}
    for template, members in templates.items():
        home = template if template in known else _nearest(set(_shingles(_TOKEN.findall(template))), shapes)
        result[home] += [text for member in members for text in groups[member]]
    return result


def _lasts(places: Sequence[int]) -> bool:
    """Whether most texts between the first and the last of these places are among them."""
    cut = int(_STRAGGLERS * len(places))
    first, last = places[cut], places[-1 - cut]
    return len(places) - 2 * cut >= _WHILE_USED * (last - first + 1)


def _nearest(shape: set[tuple[str, ...]], shapes: Mapping[str, set[tuple[str, ...]]]) -> str:
    return max(shapes, key=lambda t: (len(shape & shapes[t]) / max(1, len(shape | shapes[t])), t))


def _shingles(words: Sequence[str]) -> list[tuple[str, ...]]:
    solid = [word for word in words if not word.isspace()]
    return [tuple(solid[n : n + 4]) for n in range(max(1, len(solid) - 3))]


def _template(words: Sequence[str], shared: set[tuple[str, ...]]) -> str:
    """The words of which some four neighbours are shared; what lies between them as one placeholder."""
    places = [n for n, word in enumerate(words) if not word.isspace()]
    is_own = set(places)
    for start, shingle in enumerate(_shingles(words)):
        if shingle in shared:
            is_own.difference_update(places[start : start + 4])
    parts: list[str] = []
    for n, word in enumerate(words):
        if n in is_own:
            if not parts or not parts[-1].endswith(PLACEHOLDER):
                parts.append(PLACEHOLDER)
        elif not (word.isspace() and n + 1 < len(words) and n + 1 in is_own and parts and parts[-1] == PLACEHOLDER):
            parts.append(word)
    return _PLACEHOLDERS.sub(PLACEHOLDER, "".join(parts))


def _version(template: str, members: Sequence[StaticText]) -> PromptVersion:
    digest = hashlib.blake2b(template.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return PromptVersion(
        digest,
        0,
        min(t.first_seen_at for t in members),
        max(t.last_seen_at for t in members),
        sum(t.calls for t in members),
        None if template.startswith("\0") else template,
        tuple(sorted(t.prompt_hash for t in members)),
    )


def _with_ids(found: Sequence[PromptVersion], before: Mapping[str, str | None]) -> list[PromptVersion]:
    """The versions with the ids that most of their texts had."""
    claims = Counter(
        (known, place)
        for place, version in enumerate(found)
        for prompt_hash in version.prompt_hashes
        if (known := before.get(prompt_hash)) is not None
    )
    ids: dict[int, str] = {}
    used: set[str] = set()
    for (known, place), _ in sorted(claims.items(), key=lambda item: (-item[1], item[0][1])):
        if place not in ids and known not in used:
            ids[place] = known
            used.add(known)
    result: list[PromptVersion] = []
    for place, version in enumerate(found):
        name = ids.get(place, version.prompt_version)
        while place not in ids and name in used:
            name = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
        used.add(name)
        result.append(replace(version, prompt_version=name))
    return result
