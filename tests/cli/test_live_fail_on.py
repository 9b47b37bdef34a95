"""`hermes-tui live --headless --fail-on` lets a finished run count as failed."""

from __future__ import annotations

import pytest

from tests.cli.test_live import live


@pytest.mark.parametrize(
    ("codes", "exit_code", "told"),
    [
        ("ARGS_INVALID,TRUNCATED", 1, "failed by ARGS_INVALID×2"),
        (" args_invalid", 1, "failed by ARGS_INVALID×2"),
        ("SURROGATE", 0, "finished"),
        ("ARGS_INVLID", 2, "did you mean ARGS_INVALID"),
        (",", 2, "no code is named"),
    ],
)
def test_a_run_that_finished_fails_by_the_findings_that_are_named(
    codes: str, exit_code: int, told: str
) -> None:
    ended = live("--api", "demo", "--no-record", "--fail-on", codes)
    assert ended.returncode == exit_code
    assert told in ended.stderr


def test_a_run_that_ended_otherwise_exits_as_it_does_without_fail_on() -> None:
    ended = live("--api", "demo", "--no-record", "--fail-on", "ARGS_INVALID", "--token-limit", "1")
    assert ended.returncode == 6
