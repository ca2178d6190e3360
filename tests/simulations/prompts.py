"""Makes prompts as programs write them, with the task that each came from: a corpus of known truth.

Sentences are composed, so that tasks differ as much and as little as templates of one team do: shared headers, the
same phrases everywhere, siblings one noun apart, examples drawn from pools, several languages, edits over time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmwatch.analysis.discovery import PromptRecord
from tests.simulations.phrases import COMPANIES, DOMAINS, NAMES, TOOLS, foreign, instructions, sentence, user_text

KINDS = (
    "static system", "dynamic system", "one string", "few-shot", "tools differ", "schema differs", "edited versions",
)  # fmt: skip
Messages = list[tuple[str, str]]


@dataclass(frozen=True)
class Task:
    """One true task: how its calls are made. `write(rng, age)` makes the messages of a call, age 0 first to 1 last."""

    name: str
    kind: str
    call_site: str
    tools: tuple[str, ...]
    response_format: str | None
    write: Callable[[random.Random, float], Messages]
    calls: int


class _Maker:
    """Makes tasks of each kind; one generator per task, so that no task's text depends on another's calls."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.headers = [
            " ".join(sentence(random.Random(f"{seed}/{n}/{i}")) for i in range(size))
            for n, size in enumerate((4, 9, 18))
        ]
        self.made = 0

    def task(
        self,
        kind: str,
        write: Callable[[random.Random, float], Messages],
        tools: tuple[str, ...] = (),
        response_format: str | None = None,
        name: str = "",
    ) -> Task:
        """A task with a call site of its own; a few tasks are rare."""
        self.made += 1
        calls = self.rng.choice((9, 15, 25, 40, 60, 60, 80, 90, 120))
        site = name or f"app.{self.rng.choice(DOMAINS).split()[0]}:step_{self.made}"
        return Task(f"{self.made} {kind}", kind, site, tools, response_format, write, calls)

    def static_text(self) -> str:
        """A system prompt, in other languages one time in six, behind a shared header one time in five."""
        rng, domain = self.rng, self.rng.choice(DOMAINS)
        sentences = foreign(rng, domain) if rng.random() < 0.16 else instructions(rng, domain)
        header = [rng.choice(self.headers)] if rng.random() < 0.2 else []
        return rng.choice((" ", "\n", "\n- ")).join([*header, *sentences])

    def static_system(self) -> list[Task]:
        """The same system text in every call; one time in five with an optional sentence."""
        text, turns, long = self.static_text(), self.rng.choice((1, 1, 1, 3, 9)), self.rng.choice((1, 3, 12))
        option = sentence(self.rng) if self.rng.random() < 0.2 else ""

        def write(rng: random.Random, age: float) -> Messages:
            del age
            extra = f" {option}" if option and rng.random() < 0.4 else ""
            messages = [("system", text + extra)]
            for _ in range(rng.randint(1, turns) - 1):
                messages += [("user", user_text(rng, 2)), ("assistant", user_text(rng, 2))]
            return [*messages, ("user", user_text(rng, rng.randint(1, long)))]

        return [self.task("static system", write)]

    def dynamic_system(self) -> list[Task]:
        """Names, dates, numbers and sometimes pages of context inside the system text."""
        text, where = self.static_text(), self.rng.choice(("before", "behind", "inside", "inside"))
        pages = self.rng.choice((0, 0, 4, 20))
        parts = text.split(". ")
        middle = max(1, len(parts) // 2)

        def write(rng: random.Random, age: float) -> Messages:
            del age
            who = f"The user is {rng.choice(NAMES)} of {rng.choice(COMPANIES)}. Today is 2026-{rng.randint(1, 12):02}-"
            who += f"{rng.randint(1, 28):02}. Session {rng.getrandbits(48):012x}."
            if pages:
                who += f"\nContext:\n{user_text(rng, rng.randint(1, pages))}\n"
            orders = {"before": [who, text], "behind": [text, who]}
            inside = [". ".join(parts[:middle]) + ".", who, ". ".join(parts[middle:])]
            return [("system", " ".join(orders.get(where, inside))), ("user", user_text(rng, rng.randint(1, 3)))]

        return [self.task("dynamic system", write)]

    def one_string(self) -> list[Task]:
        """Everything in one user message: instructions, pasted text, question."""
        rng = self.rng
        head = " ".join(instructions(rng, rng.choice(DOMAINS), (1, 5)))
        tail = f"{sentence(rng)} {sentence(rng)}" if rng.random() < 0.6 else ""
        long, names = rng.choice((1, 5, 30)), rng.random() < 0.3

        def write(rng: random.Random, age: float) -> Messages:
            del age
            greeting = f"For {rng.choice(NAMES)}:\n" if names else ""
            body = f"{greeting}{head}\n\nText:\n'''{user_text(rng, rng.randint(1, long))}'''\n"
            question = f"Question: {user_text(rng, 1)}\n" if tail else ""
            return [("user", f"{body}{question}{tail}")]

        return [self.task("one string", write)]

    def few_shot(self) -> list[Task]:
        """Examples as turns or inside the text: always the same, or drawn from a pool."""
        rng = self.rng
        text = " ".join(instructions(rng, rng.choice(DOMAINS), (1, 5)))
        pool = [(user_text(rng, rng.randint(1, 3)), sentence(rng)) for _ in range(rng.choice((3, 6, 12, 20)))]
        shots, as_turns, is_drawn = rng.randint(2, 4), rng.random() < 0.5, rng.random() < 0.5

        def write(rng: random.Random, age: float) -> Messages:
            del age
            chosen = rng.sample(pool, min(shots, len(pool))) if is_drawn else pool[:shots]
            question = user_text(rng, rng.randint(1, 3))
            if as_turns:
                turns = [m for q, a in chosen for m in (("user", q), ("assistant", a))]
                return [("system", text), *turns, ("user", question)]
            examples = "\n".join(f"Input: {q}\nOutput: {a}" for q, a in chosen)
            return [("user", f"{text}\n\nExamples:\n{examples}\n\nInput: {question}\nOutput:")]

        return [self.task("few-shot", write)]

    def tools_differ(self) -> list[Task]:
        """Two or three tasks with one prompt that differ in the tools they may use."""
        text, site = self.static_text(), f"app.agents:run_{self.made}"

        def write(rng: random.Random, age: float) -> Messages:
            del age
            return [("system", text), ("user", user_text(rng, rng.randint(1, 3)))]

        sets = [tuple(self.rng.sample(TOOLS, self.rng.randint(1, 4))) for _ in range(self.rng.choice((2, 2, 3)))]
        return [self.task("tools differ", write, tools, name=site) for tools in dict.fromkeys(sets)]

    def schema_differs(self) -> list[Task]:
        """Two tasks with one prompt and call site that ask for different schemas."""
        text, site = self.static_text(), f"app.extract:run_{self.made}"

        def write(rng: random.Random, age: float) -> Messages:
            del age
            return [("system", text), ("user", user_text(rng, rng.randint(1, 6)))]

        words = self.rng.sample([d.split()[0] for d in DOMAINS], 2)
        return [self.task("schema differs", write, (), w.title() + str(self.made), site) for w in words]

    def edited(self) -> list[Task]:
        """A prompt whose sentences are changed, added or taken out once or twice."""
        rng = self.rng
        versions = [instructions(rng, rng.choice(DOMAINS), (5, 10))]
        for _ in range(rng.choice((1, 1, 2))):
            new = list(versions[-1])
            place = rng.randrange(1, len(new))
            change = rng.choice(("replace", "add", "remove", "words"))
            if change == "words":
                new[place] = new[place].replace(rng.choice(new[place].split()), "always")
            elif change == "remove":
                del new[place]
            else:
                new[place : place + (change == "replace")] = [sentence(rng)]
            versions.append(new)
        texts = ["\n".join(v) for v in versions]

        def write(rng: random.Random, age: float) -> Messages:
            text = texts[min(int(age * len(texts)), len(texts) - 1)]
            return [("system", text), ("user", user_text(rng, rng.randint(1, 4)))]

        return [self.task("edited versions", write)]

    def siblings(self) -> list[Task]:
        """Two tasks whose prompts share their first half, each with instructions of its own behind it."""
        rng = self.rng
        shared = " ".join(instructions(rng, rng.choice(DOMAINS), (2, 5)))
        made: list[Task] = []
        for _ in range(2):
            text = f"{shared} {' '.join(sentence(rng) for _ in range(rng.randint(4, 8)))}"

            def write(rng: random.Random, age: float, text: str = text) -> Messages:
                del age
                return [("system", text), ("user", user_text(rng, rng.randint(1, 3)))]

            made.append(self.task("static system", write))
        return made

    def near_twins(self) -> list[Task]:
        """Two tasks one word apart, as `into French` and `into German`: known to merge where the call site is one."""
        text = self.static_text()
        made: list[Task] = []
        for language in self.rng.sample(("French", "German", "Polish", "Korean", "Dutch"), 2):

            def write(rng: random.Random, age: float, language: str = language) -> Messages:
                del age
                ask = f"Translate your answer into {language}."
                return [("system", f"{text} {ask}"), ("user", user_text(rng, rng.randint(1, 3)))]

            made.append(self.task("static system", write))
        return made


def tasks(count: int, seed: int) -> list[Task]:
    """At least `count` tasks of all kinds."""
    maker = _Maker(seed)
    kinds = (
        maker.static_system, maker.dynamic_system, maker.one_string, maker.few_shot, maker.tools_differ,
        maker.static_system, maker.schema_differs, maker.edited, maker.siblings, maker.dynamic_system,
        maker.one_string, maker.few_shot, maker.edited, maker.near_twins,
    )  # fmt: skip
    made: list[Task] = []
    number = 0
    while len(made) < count:
        made += kinds[number % len(kinds)]()
        number += 1
    return made


def records(
    made: Sequence[Task], seed: int, wrapped: float = 0.2, limit: int | None = None
) -> tuple[list[PromptRecord], dict[str, str]]:
    """(records in random order, record id -> true task); this share of call sites is one wrapper's."""
    rng = random.Random(seed)
    sites = sorted({task.call_site for task in made})
    hidden = set(rng.sample(sites, round(wrapped * len(sites))))
    rows: list[PromptRecord] = []
    truth: dict[str, str] = {}
    for task in made:
        calls = min(task.calls, limit or task.calls)
        for number in range(calls):
            key = f"{rng.getrandbits(64):016x}"
            site = "app.llm:complete" if task.call_site in hidden else task.call_site
            messages = task.write(rng, number / calls)
            rows.append(PromptRecord(key, site, task.tools, task.response_format, messages))
            truth[key] = task.name
    rng.shuffle(rows)
    return rows, truth
