"""What the README says is so."""

from __future__ import annotations

import re

import pytest

from hermes_tui.cli.scan_arguments import OUTPUTS
from hermes_tui.debugger.breakpoints import parse_breakpoint
from hermes_tui.formats.registry import formats
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.expressions import compile_expression
from hermes_tui.log.query import FIELDS
from hermes_tui.ui.commands import BY_ID, COMMANDS
from hermes_tui.ui.runs.fields import FILTERS
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text("utf-8")


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_format_is_listed() -> None:
    missing = [item.name for item in formats() if f"`{item.name}`" not in _section("Open")]
    assert not missing


def test_every_export_is_listed() -> None:
    section = _section("Without a screen")
    assert [name for name in (*WRITERS, "native") if f"`{name}`" not in section] == []


def test_every_output_of_scan_is_listed() -> None:
    section = _section("Scan")
    assert [name for name in OUTPUTS if f"| `{name}` |" not in section] == []


def test_keys_in_the_table_are_keys() -> None:
    rows = [line for line in _section("Keys").splitlines() if line.startswith("| `")]
    keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    known = {part for command in COMMANDS for part in command.shown.split()}
    assert {key.replace("\\|", "|") for key in keys} <= known


def test_keys_at_a_stop_are_keys() -> None:
    rows = [line for line in _section("Debug a live run").splitlines() if line.startswith("| `")]
    keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    assert keys
    assert keys <= {part for command in COMMANDS for part in command.shown.split()}


@pytest.mark.parametrize(
    "line",
    [
        line
        for text in _section("Debug a live run").split("**Breakpoints**")[1].splitlines()[3:6]
        for line in re.split(r"\s{4,}", text)
    ],
)
def test_breakpoints_can_be_set(line: str) -> None:
    assert parse_breakpoint(line, breakpoint_id="b").enabled


def test_actions_in_the_settings_example_are_actions() -> None:
    names = re.findall(r'^([a-z-]+) = "', _section("Settings"), re.MULTILINE)
    assert set(names) - {"theme"} <= BY_ID.keys()


@pytest.mark.parametrize(
    "expression",
    [
        piece
        for line in _section("Expressions").split("```")[1].strip().splitlines()
        for piece in re.split(r"\s{4,}", line)
        if not piece.startswith("(")
    ],
)
def test_expressions_can_be_used(expression: str) -> None:
    fields = FILTERS if "status" in expression else FIELDS
    assert compile_expression(expression, fields)


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert [target for target in targets if not (PROJECT / target).exists()] == []
