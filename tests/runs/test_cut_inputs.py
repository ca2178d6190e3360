"""An input that was cut is looked at with its marks and never sent again."""

import pytest

from llmwatch.runs import inputs

ROW = {
    "is_kept": True, "endpoint": "/chat/completions", "status": "ok", "model": "m", "is_truncated": True,
    "is_continued": False, "input_tokens": 5,
}  # fmt: skip


@pytest.mark.parametrize(("is_replay", "reason"), [(True, "content too long to be kept whole"), (False, "")])
def test_a_cut_input_is_judged_and_never_replayed(is_replay: bool, reason: str) -> None:
    """Sent again it would be another input; a judge sees where it was cut."""
    said = inputs._light_reason(ROW, "m", None, is_replay=is_replay)  # pyright: ignore[reportPrivateUsage]

    assert said == reason
