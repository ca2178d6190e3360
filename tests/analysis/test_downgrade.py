"""Verdicts on one task and one cheaper model: what moves, what never does, and what would decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from llmwatch.analysis.downgrade import (
    STAKES,
    Item,
    Sequential,
    Stakes,
    Terms,
    Verdict,
    decide,
    paired_verdict,
    to_audit,
)
from llmwatch.analysis.downgrade_wording import Swap, verdict_text
from llmwatch.analysis.paired import log_evidence
from llmwatch.analysis.replayed import Pair
from llmwatch.analysis.same_answer import Answer, is_same_answer
from llmwatch.analysis.saving import Saving, measured_speed
from tests.simulations.downgrade import Task, replays, stopped

SWAP = Swap("tag_ticket", "gpt-4o", "gpt-6-luna")
STANDARD = Terms(STAKES["standard"], replay_usd=Decimal("0.00033"))


def scored(differences: list[float], stratum: str = "") -> list[Pair]:
    """Pairs with a reference score."""
    return [
        Pair(f"{stratum}{n}", stratum, is_same=d == 0, incumbent_score=0.5 - d / 2, candidate_score=0.5 + d / 2)
        for n, d in enumerate(differences)
    ]


def spread(better: int, worse: int, n: int) -> list[float]:
    """So many of n, evenly over time, never first."""
    values = [0.0] * n
    for at in range(better):
        values[(2 * at + 1) * n // (2 * better)] += 1
    for at in range(worse):
        values[(2 * at + 1) * n // (2 * worse) - 1] -= 1
    return values


def differing(n: int, says: str | None, truth: float = 0.0, start: int = 0) -> list[Pair]:
    """Different answers with no score; the truth is in the id."""
    return [Pair(f"{truth}:{says}:{start + at}", judge=says) for at in range(n)]  # type: ignore[arg-type]


def mixed(*groups: list[Pair]) -> list[Pair]:
    """All pairs in an order that knows nothing of them."""
    pairs = [pair for group in groups for pair in group]
    return [pairs[i] for i in np.random.default_rng(0).permutation(len(pairs))]


def same(n: int) -> list[Pair]:
    """Answers equal after normalisation."""
    return [Pair(f"same{at}", is_same=True) for at in range(n)]


def truth_of(ids: list[str]) -> dict[str, float]:
    """What people would say of these pairs."""
    return {one: float(one.split(":")[0]) for one in ids}


def test_equal_models_move_at_the_first_replay_that_proves_it() -> None:
    """148 replays without a difference are enough at 3 points, and the 147th is not."""
    run = Sequential(STAKES["standard"])
    steps = [run.take(pair) for pair in same(150)]

    assert not steps[146].is_over
    assert (steps[147].is_over, steps[147].reason) == (True, "proved")
    assert decide(same(147), STANDARD).kind == "cannot_tell"
    assert decide(same(148), STANDARD).kind == "move"


def test_what_was_proved_stays_proved() -> None:
    """Replays after the stop are counted and change nothing."""
    run = Sequential(STAKES["standard"])
    for pair in [*same(148), *scored([-1.0] * 5)]:
        last = run.take(pair)

    assert (last.reason, last.replays) == ("proved", 153)


@pytest.mark.parametrize("margin", [0.02, 0.05])
def test_one_replay_at_a_time_stops_where_whole_paths_do(margin: float) -> None:
    """The simulation's procedure and the product's are one, on tasks that move, stay and stay open."""
    stakes = Stakes("any", margin)
    for number, task in enumerate((Task(0.01, 0.01, 0), Task(0.02, 0.12, 0), Task(0.08, 0.1, 0), Task(0.1, 0.05, 0))):
        d = replays(task, 6, 1600, np.random.default_rng(number))
        safe, unsafe = log_evidence(d, margin), log_evidence(d, margin, is_mirrored=True)
        for cap in (200, 1600):
            whole = stopped(d, safe, unsafe, margin, cap)
            for rep, row in enumerate(d):
                run = Sequential(stakes, cap=cap)
                last = next(step for x in row if (step := run.take(Pair("", scored=float(x)))).is_over)
                assert (run.is_proved, last.replays) == (whole.is_move[rep], whole.replays[rep])


def test_a_task_that_loses_eight_points_stays() -> None:
    """After 300 replays on average, not after one bad look; the words give the loss and its least."""
    paths = replays(Task(0.01, 0.09, 0), 20, 1600, np.random.default_rng(2))
    verdicts = []
    for path in paths:
        run = Sequential(STAKES["standard"])
        next(step for pair in scored(list(path)) if (step := run.take(pair)).is_over)
        verdicts.append(decide(run.taken, STANDARD))

    assert {v.kind for v in verdicts} <= {"keep", "cannot_tell"}
    assert sum(v.kind == "keep" for v in verdicts) >= 18
    assert sum(v.replays for v in verdicts) / 20 < 300
    kept = [(v, verdict_text(v, SWAP)) for v in verdicts if v.kind == "keep"]
    assert all(("more of 100 answers (at least" in text) == (-v.interval[1] >= 0.01) for v, text in kept)
    assert all("; 95 %)" in text or "A smaller loss is not ruled out" in text for _, text in kept)
    # Where the loss is proved to be above the 3 points allowed, the least of it is at least that.
    assert all(-v.interval[1] >= 0.03 for v in verdicts if v.reason == "worse")


def test_critical_stakes_are_never_moved() -> None:
    """Whatever the replays say; and nothing is replayed for them."""
    assert decide(same(5000), Terms(STAKES["critical"])).kind == "keep"
    assert paired_verdict(((str(n), "", 1.0, 1.0, None) for n in range(5000)), None, "critical").replays == 0
    with pytest.raises(ValueError, match="critical"):
        Sequential(STAKES["critical"])


def test_stakes_are_five_three_and_two_points() -> None:
    """And only high stakes ask for people."""
    assert [(s.margin, s.needs_audit) for s in STAKES.values()] == [
        (0.05, False), (0.03, False), (0.02, True), (None, False),
    ]  # fmt: skip


def test_an_unaudited_judge_promises_and_never_moves() -> None:
    """However sure it is and however many replays there are."""
    pairs = mixed(same(1200), differing(200, "same"), differing(100, "better"))
    verdict = decide(pairs, STANDARD)

    assert verdict.kind == "promising"
    assert verdict.decider is not None
    assert (verdict.decider.what, verdict.decider.count) == ("review", 40)
    assert "the judge has not been checked. " in verdict_text(verdict, SWAP)


def test_a_judge_that_sees_a_loss_does_not_promise() -> None:
    """Nor does it keep: only people can tell."""
    verdict = decide(mixed(same(400), differing(100, "worse")), STANDARD)

    assert (verdict.kind, verdict.reason) == ("cannot_tell", "review")


def test_more_replays_say_something_again_once_people_reviewed() -> None:
    """500 replays that only people can score wait for them, and 500 more after the last pair that they compared."""
    pairs = [Pair(str(n), is_same=n % 12 > 0) for n in range(1_700)]

    def stops(*reviewed: int) -> tuple[str, int]:
        run = Sequential(STAKES["standard"], reviewed={str(n) for n in reviewed})
        last = next(step for pair in pairs if (step := run.take(pair)).is_over)
        return last.reason, last.replays

    assert stops() == ("review", 500)
    assert stops(0, 480) == ("review", 981)
    assert stops(*range(0, 1_700, 12)) == ("cap", 1_600)


def test_forty_audits_overturn_a_judge_that_likes_everything() -> None:
    """The judge calls every loss better; the audited verdict keeps the task."""
    pairs = mixed(same(400), differing(100, "better", truth=-1.0))
    audits = truth_of(to_audit(pairs, 40, done={}))
    verdict = decide(pairs, STANDARD, audits)

    assert len(audits) == 40
    assert verdict.kind == "keep"
    assert verdict.difference == pytest.approx(-0.2, abs=0.02)


def test_forty_audits_clear_a_judge_that_likes_nothing() -> None:
    """The judge calls rewordings worse; people find no loss; at 5 points the task moves."""
    pairs = mixed(same(450), differing(50, "worse", truth=0.0))
    verdict = decide(pairs, Terms(STAKES["low"]), truth_of(to_audit(pairs, 40, done={})))

    assert (verdict.kind, verdict.audits) == ("move", 40)


def test_every_verdict_that_occurs_needs_five_audits() -> None:
    """39 audits of one verdict do not speak for another, unless all of the other may as well be lost."""
    pairs = mixed(same(450), differing(50, "worse"), differing(30, "better", truth=-1.0))
    few = [p for p in pairs if p.judge != "better"] + [p for p in pairs if p.judge == "better"][:8]
    ids = [p.id for p in pairs if p.judge == "worse"][:39]
    verdict = decide(pairs, Terms(STAKES["low"]), truth_of(ids))

    assert verdict.kind in ("cannot_tell", "promising")
    assert verdict.decider is not None
    assert verdict.decider.count >= 5
    assert decide(few, Terms(STAKES["low"]), truth_of(ids)).kind == "move"


def test_a_second_batch_of_audits_meets_a_stricter_bound() -> None:
    """The same audits that just pass at 1.645 do not at 1.96."""
    kinds: set[tuple[str, str]] = set()
    for lost in range(20):
        pairs = mixed(same(430), differing(70 - lost, "same"), differing(lost, "same", truth=-1.0))
        audits = truth_of([p.id for p in pairs if not p.is_same])
        first, second = (decide(pairs, replace(STANDARD, audit_batches=b), audits).kind for b in (1, 2))
        kinds.add((first, second))

    assert ("move", "cannot_tell") in kinds
    assert ("cannot_tell", "move") not in kinds


def test_answers_that_hardly_ever_differ_need_no_judge() -> None:
    """Every differing answer counted as lost still proves 3 points."""
    assert decide(mixed(same(595), differing(5, None)), STANDARD).kind == "move"


def test_high_stakes_move_only_after_people_looked() -> None:
    """Scores alone promise; five reviews of every way of differing that agree move; overturned scores do not."""
    pairs = scored(spread(6, 4, 800))
    terms = Terms(STAKES["high"])
    unaudited = decide(pairs, terms)
    chosen = to_audit(pairs, 40, done={})
    truth = {p.id: p.difference or 0.0 for p in pairs}

    assert unaudited.kind == "promising"
    assert unaudited.decider is not None
    assert unaudited.decider.count == 9
    assert "not been checked by a person" in verdict_text(unaudited, SWAP)
    assert decide(pairs, terms, {one: truth[one] for one in chosen}).kind == "move"


def test_scores_that_people_overturn_are_worth_no_more_than_a_judge() -> None:
    """The scores say better; people say worse; the task stays."""
    pairs = scored(spread(40, 10, 1200))
    chosen = to_audit(pairs, 40, done={})

    assert decide(pairs, Terms(STAKES["low"])).kind == "move"
    assert decide(pairs, Terms(STAKES["high"]), dict.fromkeys(chosen, -1.0)).kind == "keep"


def test_one_language_that_loses_is_left_where_it_is() -> None:
    """The sum is within the margin; a fifth of traffic is not; the rest moves without it."""
    german = scored([-1.0 if n % 8 == 0 else 0.0 for n in range(240)], "de")
    pairs = mixed(german, scored([0.0] * 700 + [1.0] * 60, "en"))
    verdict = decide(pairs, Terms(STAKES["low"]))

    assert verdict.kind == "move"
    assert [(e.stratum, e.why) for e in verdict.exclusions] == [("de", "loses")]
    assert ", all but de (" in verdict_text(verdict, SWAP)


def strata_of(worse: dict[str, int], sizes: dict[str, int]) -> tuple[list[Pair], dict[str, float]]:
    """Unscored pairs by stratum, so many of them different and worse; and what people say of all that differ."""
    pairs = [Pair(f"{s}{n}", s, is_same=n >= worse.get(s, 0)) for s, size in sizes.items() for n in range(size)]
    return mixed(pairs), {pair.id: -1.0 for pair in pairs if not pair.is_same}


def test_a_language_that_people_see_lose_is_left_where_it_is() -> None:
    """Nobody but people can score: the reviews are read by stratum, and the rest moves on what is left of them."""
    pairs, said = strata_of({"ja": 40, "de": 1}, {"en": 210, "de": 80, "ja": 110})
    audits = {one: said[one] for one in to_audit(pairs, 40, done={})}
    verdict = decide(pairs, STANDARD, audits)

    assert verdict.kind == "move"
    assert [(e.stratum, e.replays) for e in verdict.exclusions] == [("ja", 110)]
    assert verdict.audits == 40
    assert verdict.scope == 290
    text = verdict_text(verdict, SWAP)
    assert "all but ja (36 points worse on 110 replays, 40 of them reviewed)" in text
    assert "of the 290 that would move: 289 same answer, 1 different" in text


def test_a_language_that_nobody_reviewed_is_not_blamed() -> None:
    """Its different answers count as won until people have seen some."""
    pairs, said = strata_of({"ja": 40, "en": 3}, {"en": 290, "ja": 110})
    seen = {one: value for one, value in said.items() if one.startswith("en")}

    assert not decide(pairs, STANDARD, seen).exclusions
    assert [e.stratum for e in decide(pairs, STANDARD, said).exclusions] == ["ja"]


def test_a_task_that_loses_everywhere_stays_whole() -> None:
    """All languages lose 8 of 100: no exclusion saves it, and the numbers are of all replays."""
    pairs, said = strata_of({"en": 16, "de": 7, "ja": 8}, {"en": 200, "de": 80, "ja": 100})
    verdict = decide(pairs, STANDARD, said)

    assert (verdict.kind, verdict.exclusions, verdict.scope) == ("keep", (), 380)


def test_what_is_left_beside_languages_that_all_lose_is_no_candidate_of_its_own() -> None:
    """Nine inputs of an unknown language stay equal: the task is kept, and nobody is asked to replay more of those."""
    pairs, said = strata_of({"en": 21, "de": 13, "ja": 16}, {"en": 166, "de": 62, "ja": 122, "?": 9})
    verdict = decide(pairs, STANDARD, said)

    assert (verdict.kind, verdict.exclusions) == ("keep", ())
    assert decide(of_scores(pairs, said), STANDARD).kind == "keep"


def of_scores(pairs: list[Pair], said: dict[str, float]) -> list[Pair]:
    """The same pairs where a score, and nobody's review, says what people would."""
    return [replace(p, scored=said.get(p.id, 0.0), incumbent_score=None, candidate_score=None) for p in pairs]


@pytest.mark.parametrize("is_scored", [False, True])
def test_the_advice_for_what_is_left_beside_losing_inputs_decides_it_once_followed(is_scored: bool) -> None:
    """Replays are drawn from all inputs: of five, one is of the language in question."""
    worse, sizes = {"en": 15, "ja": 16}, {"en": 151, "de": 67, "ja": 114}

    def verdict_on(times: float) -> Verdict:
        pairs, said = strata_of(*({s: round(n * times) for s, n in of.items()} for of in (worse, sizes)))
        return decide(of_scores(pairs, said), STANDARD) if is_scored else decide(pairs, STANDARD, said)

    first = verdict_on(1)
    assert first.kind == "cannot_tell"
    assert first.decider is not None
    assert first.decider.what == "replay"
    then = verdict_on((332 + first.decider.count) / 332)

    assert (then.kind, {one.stratum for one in then.exclusions}) == ("move", {"en", "ja"})


@pytest.mark.parametrize("is_scored", [False, True])
def test_a_task_that_loses_is_kept_where_no_test_can_decide_the_rest(is_scored: bool) -> None:
    """One of 67 is worse in the one language that is not shown to lose: to tell would take 6,000 replays."""
    pairs, said = strata_of({"en": 15, "ja": 16, "de": 1}, {"en": 151, "de": 67, "ja": 114})
    verdict = decide(of_scores(pairs, said), STANDARD) if is_scored else decide(pairs, STANDARD, said)

    assert (verdict.kind, verdict.exclusions, verdict.scope) == ("keep", (), 332)


@pytest.mark.parametrize(("n", "kind"), [(60, "cannot_tell"), (120, "move")])
def test_a_review_that_finds_nothing_does_not_make_few_replays_enough(n: int, kind: str) -> None:
    """One different answer, as good: 60 replays leave a loss of 3 points open, as they do where none differs."""
    pairs = mixed(same(n - 1), differing(1, None))

    assert decide(pairs, STANDARD, truth_of([p.id for p in pairs if not p.is_same])).kind == kind


def test_a_small_stratum_is_not_singled_out() -> None:
    """Under 8 % of traffic a loss is part of the sum."""
    pairs = mixed(scored([-1.0] * 8 + [0.0] * 32, "de"), scored([0.0] * 960, "en"))

    assert not decide(pairs, Terms(STAKES["low"])).exclusions
    assert decide(pairs, Terms(STAKES["low"], traffic={"de": 0.5, "en": 0.5})).exclusions


def test_a_few_long_inputs_are_left_out_and_enough_are_counted() -> None:
    """29 replays above 50,000 tokens say nothing; 30 count as any other."""
    long = [replace(p, id=f"l{p.id}", input_tokens=60_000) for p in scored([-1.0] * 30)]
    few, enough = (decide([*same(300), *long[:n]], STANDARD) for n in (29, 30))

    assert few.kind == "move"
    assert [(e.why, e.replays) for e in few.exclusions] == [("untested", 29)]
    assert "inputs above 50,000 tokens (29 replays only)" in verdict_text(few, SWAP)
    assert not enough.exclusions
    assert decide([*long, *same(200)], STANDARD).kind != "move"


def test_answers_that_break_their_schema_block_a_move() -> None:
    """Even where the scores allow it."""
    pairs = [replace(p, incumbent_valid=True, candidate_valid=n % 40 != 0) for n, p in enumerate(same(400))]
    verdict = decide(pairs, Terms(STAKES["low"]))

    assert (verdict.kind, verdict.reason) == ("keep", "guard")
    assert "break their schema or tools rise from 0.0% to 2.5% of 400" in verdict_text(verdict, SWAP)
    assert decide([replace(p, candidate_valid=True) for p in pairs], Terms(STAKES["low"])).kind == "move"


def test_cut_and_refused_answers_block_a_move() -> None:
    """Up by 1.5 points on the same inputs; a single one is chance."""
    pairs = [replace(p, incumbent_cut=False, candidate_cut=n % 66 == 0) for n, p in enumerate(same(400))]
    once = [replace(p, candidate_cut=n == 0) for n, p in enumerate(pairs[:90])]

    assert decide(pairs, Terms(STAKES["low"])).reason == "guard"
    assert decide(once, Terms(STAKES["low"])).kind == "move"


def test_an_open_question_says_what_would_decide_and_its_price() -> None:
    """More replays where they would do, with dollars; a wider margin where they would not."""
    open_yet = decide(scored(spread(1, 1, 120)), STANDARD)
    never = decide(scored(spread(120, 120, 1600)), Terms(STAKES["high"]))

    assert open_yet.decider is not None
    assert open_yet.decider.what == "replay"
    assert open_yet.decider.cost_usd == open_yet.decider.count * Decimal("0.00033")
    assert "more samples, about $0.0" in verdict_text(open_yet, SWAP)
    assert never.decider is not None
    assert (never.decider.what, never.decider.margin) == ("accept", 0.05)
    assert "No test of this size decides 2 points: the models differ on 15% of answers." in verdict_text(never, SWAP)


def test_a_verdict_reads_as_a_report_does() -> None:
    """Heading, what to do, what was counted, what is allowed, what it cost."""
    verdict = decide(scored(spread(4, 4, 400)), STANDARD)
    saving = Saving(Decimal(380), Decimal(412), Decimal(440), 0.04, 400)
    text = verdict_text(verdict, replace(SWAP, saving=saving, test_usd=Decimal("0.13")))

    assert text == (
        "Move (measured). `tag_ticket` can move to gpt-6-luna: saves $412 a month ($380 to $440). "
        "400 stored requests replayed: 392 same answer, 4 better, 4 worse. "
        "At most 2.4 points worse (you allow 3; 95 %). Cost of the test $0.13."
    )


def test_outside_data_runs_through_the_same_code() -> None:
    """Items are taken only until decided; scores need no audit; identical answers need no score."""
    taken: list[int] = []

    def items() -> Iterator[Item]:
        for n in range(1000):
            taken.append(n)
            yield (str(n), "", None, None, "identical") if n % 2 else (str(n), "", 1.0, 1.0, None)

    answer = paired_verdict(items(), None, "standard")

    assert (answer.verdict.kind, answer.replays, len(taken), answer.audits) == ("move", 148, 148, 0)
    assert answer.interval[0] == -0.03


def test_audits_are_asked_for_only_where_they_are_needed() -> None:
    """An unscored task gets 40, then at most 40 more; none are asked twice."""
    asked: list[str] = []

    def audit(one: str) -> float:
        asked.append(one)
        return 0.0

    items: list[Item] = [
        (p.id, "", None, None, p.judge or "identical") for p in mixed(same(400), differing(160, "worse"))
    ]
    answer = paired_verdict(items, audit, "standard")

    assert answer.audits == len(asked) == len(set(asked))
    assert answer.audits in (40, 80)
    assert answer.replays == 500
    assert paired_verdict(items, None, "standard").verdict.kind == "cannot_tell"


def test_high_stakes_ask_for_audits_of_scored_items_too() -> None:
    """With them the task moves, without them it is only promising."""
    values = spread(8, 6, 1600)
    items: list[Item] = [(str(n), "", 0.5 - d / 2, 0.5 + d / 2, None) for n, d in enumerate(values)]

    assert paired_verdict(items, lambda one: values[int(one)], "high").verdict.kind == "move"
    assert paired_verdict(items, None, "high").verdict.kind == "promising"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (" yes\n", "yes", True),
        ("Yes,\nindeed", "Yes,  indeed", True),
        ("yes", "Yes", False),
        ('{"a": 1.0, "b": [1, 2]}', '{"b":[1,2],"a":1}', True),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": 1, "a": 2}', '{"a": 2}', False),
        ('{"a": 0.30000000000000000000000000001}', '{"a": 0.3}', False),
        ("1,000", "1000.0", True),
        ("-0", "0", True),
        ("in total 1,000 EUR", "in total 1000 EUR", True),
        ("It costs $5.50.", "It costs $5.5.", True),
        ("use v1.10", "use v1.1", False),
        ("2026-10-01", "2026-10-1", False),
        ("```json\n{}\n```", "{}", False),
        ("if x:\n    y", "if x:\ny", False),
        ("[" * 5000, "[" * 5001, False),
        ("NaN", "nan", False),
    ],
)
def test_answers_are_the_same_but_for_spelling(one: str, other: str, is_same: bool) -> None:
    """Whitespace, key order and number formatting are spelling; fences, order, case and types are not."""
    assert is_same_answer(Answer(one), Answer(other)) is is_same
    assert is_same_answer(Answer(tool_calls=(("f", one),)), Answer(tool_calls=(("f", other),))) is is_same


def test_a_tool_call_is_not_a_text_that_looks_like_it() -> None:
    """A call written as text is another answer, and so is another tool."""
    assert not is_same_answer(Answer('{"a":1}'), Answer(tool_calls=(("f", '{"a":1}'),)))
    assert not is_same_answer(Answer(tool_calls=(("f", "{}"),)), Answer(tool_calls=(("g", "{}"),)))
    assert not is_same_answer(Answer("no"), Answer(refusal="no"))


def test_a_slower_candidate_is_called_slower() -> None:
    """Ratios of the same inputs; nothing without a time."""
    speed = measured_speed([100, 200, 300], [150, 300, 450])

    assert speed is not None
    assert (speed.p50_ratio, speed.p95_ratio) == (1.5, 1.5)
    assert measured_speed([], []) is None


def test_a_missing_score_and_an_audit_nobody_can_give_are_unknown_and_not_zero() -> None:
    """NaN is a missing score; None is no audit; neither moves a task."""
    missing: list[Item] = [(str(n), "", 1.0, float("nan"), None) for n in range(200)]
    silent = paired_verdict(missing, lambda _: None)

    assert (silent.verdict.kind, silent.audits) == ("cannot_tell", 0)
    assert paired_verdict(missing, lambda _: 0.0).audits == 80


def test_ids_that_repeat_are_audited_each_for_itself() -> None:
    """Draws with replacement: one answer must not stand for all draws of its id."""
    said = iter([-1.0, 0.0] * 400)
    answer = paired_verdict([("a", "", None, None, "worse")] * 400, lambda _: next(said))

    assert (answer.verdict.kind, answer.audits) == ("keep", 40)


@pytest.mark.parametrize("item", [("a", "", 5.0, 4.0, None), ("a", "", 1.0, -0.1, None)])
def test_scores_outside_their_range_are_refused(item: Item) -> None:
    """The bets are bounded by the range; beyond it they would prove nothing."""
    with pytest.raises(ValueError, match="is not from 0 to 1"):
        paired_verdict([item])


def test_one_bad_language_stays_alone_although_the_sum_is_worse_than_the_margin() -> None:
    """A third of the inputs loses a fifth of its answers: the rest moves; if all lose alike, nothing does."""
    rng = np.random.default_rng(3)
    lost = rng.random((2, 1600))
    one = [
        (str(n), "de" if n % 3 == 0 else "en", 1.0, float(n % 3 > 0 or x > 0.2), None) for n, x in enumerate(lost[0])
    ]
    all_alike = [(str(n), "de" if n % 3 == 0 else "en", 1.0, float(x > 0.08), None) for n, x in enumerate(lost[1])]
    verdict = paired_verdict(one).verdict

    assert verdict.kind == "move"
    assert [exclusion.stratum for exclusion in verdict.exclusions] == ["de"]
    assert paired_verdict(all_alike).verdict.kind == "keep"


def test_strata_left_out_by_luck_move_no_task_that_loses_everywhere() -> None:
    """Four alike strata, each losing a point more than allowed: at most one run in ten is moved."""
    rng = np.random.default_rng(7)
    draws = rng.random((40, 1600))
    moved = [
        paired_verdict([(str(n), str(n % 4), 1.0, float(x > 0.04), None) for n, x in enumerate(run)]).verdict.is_move
        for run in draws
    ]

    assert sum(moved) <= 4
