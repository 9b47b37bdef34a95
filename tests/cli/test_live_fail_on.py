"""`hermes-tui live --headless --fail-on` lets a finished run count as failed."""

from __future__ import annotations

import pytest

from tests.cli.test_live import live


@pytest.mark.parametrize(
    ("codes", "exit_code", "message"),
    [
        ("ARGS_INVALID,TRUNCATED", 1, "failed by ARGS_INVALID×2"),
        (" args_invalid", 1, "failed by ARGS_INVALID×2"),
        ("SURROGATE", 0, "finished"),
        ("ARGS_INVALID:error", 1, "failed by ARGS_INVALID×2"),
        ("TOOL_ERROR:error", 0, "finished"),
        ("UNCLOSED", 0, "notes are not counted: UNCLOSED×1"),
        ("UNCLOSED:note", 1, "failed by UNCLOSED×1"),
        ("ARGS_INVLID", 2, "did you mean ARGS_INVALID"),
        (",", 2, "no code is named"),
    ],
)
def test_a_finished_run_fails_by_the_named_findings(
    codes: str, exit_code: int, message: str
) -> None:
    ended = live("--api", "demo", "--no-record", "--fail-on", codes)
    assert ended.returncode == exit_code
    assert message in ended.stderr


def test_a_finished_run_names_its_errors_even_if_they_do_not_count() -> None:
    ended = live("--api", "demo", "--no-record")
    assert ended.returncode == 0
    assert "hermes-tui: errors found: ARGS_DOUBLE×1, ARGS_INVALID×2, " in ended.stderr
    chosen = live("--api", "demo", "--no-record", "--fail-on", "UNCLOSED")
    assert "errors found" not in chosen.stderr


def test_fail_on_does_not_change_the_exit_code_of_an_unfinished_run() -> None:
    ended = live("--api", "demo", "--no-record", "--fail-on", "ARGS_INVALID", "--token-limit", "1")
    assert ended.returncode == 6
