"""`--help` fits a terminal, gives examples, and covers what the README leaves to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from hermes_tui.cli.main import main
from hermes_tui.cli.parse_check import FIELDS as EXPECTED
from hermes_tui.cli.scan_arguments import OUTPUTS
from hermes_tui.debugger.breakpoints import FIELDS as BREAKPOINT_FIELDS
from hermes_tui.debugger.breakpoints import Action
from hermes_tui.debugger.stepping import STOP_POINTS
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.query import FIELDS
from hermes_tui.log.run_fields import FILE_FIELDS
from hermes_tui.runtime.tools.builtin import SCHEMAS
from hermes_tui.ui.runs.fields import FILTERS
from tests.cli.program import PROJECT, hermes_tui, within

COMMANDS = (
    "demo", "live", "open", "scan", "diff", "export", "parse", "parsers", "formats",
    "model", "model add", "model list", "model remove",
    "engines", "engines add", "engines list", "engines remove",
)  # fmt: skip
TRANSCRIPTS = PROJECT / "transcripts"


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--help"])
    captured = capsys.readouterr()
    assert (exit_.value.code, captured.err) == (0, "")
    return captured.out


def missing(names: Iterable[str], text: str) -> list[str]:
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_its_usage(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert help_of(command, capsys).startswith(f"usage: hermes-tui {command} [-h]")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example_and_its_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)
    assert re.search(rf"^(  |example: )hermes-tui {command}( |$)", text, re.MULTILINE)
    is_part_of_another = " " in command
    assert is_part_of_another or "exit codes" in text


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_of_a_command_fits_a_terminal_of_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in help_of(command, capsys).splitlines() if len(line) > 80] == []


def test_the_help_of_open_has_every_field_to_filter_by(capsys: pytest.CaptureFixture[str]) -> None:
    rows, runs = help_of("open", capsys).split("  rows of a run ")[1].split("  runs of a list ")
    assert missing(FIELDS, rows) == []
    assert missing(FILTERS, runs) == []


def test_the_help_of_scan_has_every_field_to_filter_by(capsys: pytest.CaptureFixture[str]) -> None:
    assert missing(FILE_FIELDS, help_of("scan", capsys).split("fields for --filter")[1]) == []


def test_the_help_of_scan_has_every_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert missing(OUTPUTS, help_of("scan", capsys).split("\n--to\n")[1]) == []


@pytest.mark.parametrize(
    ("arguments", "among"),
    [
        (["--json"], {"formats"}),
        (["--runs", "--json", "--fail-if", "reward < 1"], {"fails", "new"}),
    ],
    ids=["files", "runs"],
)
def test_the_help_of_scan_has_every_key_of_a_row(
    arguments: list[str], among: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_bytes(
        b"".join(
            (TRANSCRIPTS / name).read_bytes()
            for name in ("atropos-group.jsonl", "trajectory_samples.jsonl")
        )
    )
    old = tmp_path / "old.json"
    old.write_bytes(within("scan", TRANSCRIPTS / "clean-run.json", "--to", "json").out)
    done = within("scan", TRANSCRIPTS, mixed, "--baseline", old, *arguments)
    rows = [json.loads(line) for line in done.out.splitlines()]
    keys = {key for row in rows for key in row}
    keys |= {key for row in rows for finding in row.get("findings", ()) for key in finding}
    assert among <= keys
    assert missing(sorted(keys), help_of("scan", capsys).split("\nkeys of a row\n")[1]) == []


def test_the_help_of_export_has_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert missing([*WRITERS, "native"], help_of("export", capsys).split("\n--to\n")[1]) == []


def test_the_help_of_parse_has_every_field_of_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("parse", capsys)
    done = hermes_tui("parse", "--parser", "vllm/hermes", "--json", "--steps", stdin=b"<tool_call>")
    assert missing(json.loads(done.out), text.split("has these fields:")[1]) == []
    assert missing(EXPECTED, text.split('"expected" (')[1]) == []


def test_the_help_of_live_has_every_stop_point_and_field(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = help_of("live", capsys).split("\ndebugger:\n")[1].split("\nrecording:\n")[0]
    assert missing([*STOP_POINTS, *BREAKPOINT_FIELDS, *(set(Action) - {"stop"})], text) == []


def test_the_help_of_live_has_every_built_in_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert missing(SCHEMAS, help_of("live", capsys).split("SPEC is one of")[1]) == []
