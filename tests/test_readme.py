"""The statements and examples of the README are correct."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest

from hermes_tui.cli.main import parser
from hermes_tui.cli.scan_arguments import OUTPUTS
from hermes_tui.debugger.breakpoints import parse_breakpoint
from hermes_tui.formats.registry import formats
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.expressions import compile_expression
from hermes_tui.log.query import FIELDS
from hermes_tui.parsers.engines.registry import engine_parsers
from hermes_tui.parsers.wire.scan import WIRES
from hermes_tui.ui.commands import BY_ID, COMMANDS
from hermes_tui.ui.runs.fields import FILTERS
from tests.cli.program import hermes_tui
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text("utf-8")
KNOWN_CODES = (0, 1, 4)
"""Success, findings or a difference, and a stop at which a screen would ask."""
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL_LINES = [
    line
    for language, block in BLOCKS
    if language == "sh"
    for line in block.replace("\\\n", " ").splitlines()
]


def _commands() -> list[list[str]]:
    """Return the words after `hermes-tui` of every line that begins with it."""
    lines = [line for line in SHELL_LINES if line.startswith("hermes-tui ")]
    words = [shlex.split(line, comments=True)[1:] for line in lines]
    return [list(takewhile(lambda word: word not in ("|", ">"), line)) for line in words]


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_format_is_listed() -> None:
    missing = [item.name for item in formats() if f"`{item.name}`" not in _section("Formats")]
    assert not missing


def test_every_export_is_listed() -> None:
    section = _section("Export")
    assert [name for name in (*WRITERS, "native") if f"`{name}`" not in section] == []


def test_every_output_of_scan_is_listed() -> None:
    section = _section("Scan, by hand and in CI")
    assert [name for name in OUTPUTS[1:] if not re.search(rf"\b{name}\b", section)] == []


def test_the_numbers_of_parsers_and_formats_are_right() -> None:
    assert f"each of {len(engine_parsers())} parsers" in README
    assert f"in {len({name for wire in WIRES for name in wire.formats})} formats" in README


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_commands_are_accepted(words: list[str]) -> None:
    given = parser().parse_args(words)
    assert given.command == words[0]
    is_live = given.command == "live" and given.api != "demo"
    assert not is_live or given.task or given.messages or given.replay or given.resume


@pytest.mark.parametrize(
    "words",
    [words for words in _commands() if "transcripts/" in " ".join(words) or "demo" in words],
    ids=" ".join,
)
def test_commands_on_samples_succeed(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "transcripts").symlink_to(PROJECT / "transcripts")
    done = hermes_tui(*words, cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    assert done.code in KNOWN_CODES, done.err
    assert done.out or any(tmp_path.glob("[!t]*"))


def test_the_shown_output_of_a_scan_is_printed() -> None:
    shown = _block_after("hermes-tui scan transcripts/\n")
    printed = hermes_tui("scan", "transcripts/", cwd=PROJECT).text.splitlines()
    assert shown
    for line in filter(None, shown):
        assert any(one.startswith(line.removesuffix(" …")) for one in printed), line


def test_the_shown_output_of_a_parser_is_printed(tmp_path: Path) -> None:
    [write] = [line for line in SHELL_LINES if line.startswith("printf ")]
    subprocess.run(["sh", "-c", write], cwd=tmp_path, check=True)
    printed = hermes_tui("parse", "reply.txt", cwd=tmp_path).text
    assert "\n".join(_block_after("hermes-tui parse reply.txt\n")) in printed


def test_the_named_turn_where_two_runs_diverge_is_right() -> None:
    [words] = [words for words in _commands() if words[0] == "diff"]
    [divergence] = re.findall(r"`(diverge at .*)`", _section("Compare two runs"))
    assert divergence in hermes_tui(*words, cwd=PROJECT).text


def _block_after(command: str) -> list[str]:
    """Return the lines of the block after the one that ends with `command`."""
    [place] = [place for place, (_, block) in enumerate(BLOCKS) if block.endswith(command)]
    return BLOCKS[place + 1][1].splitlines()


TABLES = re.findall(r"^\| (keys[^|]*) \| \|\n.*\n((?:\| .*\n)+)", README, re.MULTILINE)


@pytest.mark.parametrize("rows", [rows for _, rows in TABLES], ids=[title for title, _ in TABLES])
def test_keys_in_the_tables_are_bound(rows: str) -> None:
    keys = {
        key for row in rows.splitlines() for key in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    }
    known = {part for command in COMMANDS for part in command.shown.split()}
    known |= {f"ctrl+{key[1:].lower()}" for key in known if key.startswith("^")}
    assert keys
    assert {key.replace("\\|", "|") for key in keys} <= known


def test_the_keys_of_every_screen_are_listed() -> None:
    assert [title for title, _ in TABLES] == ["keys in the lab", "keys at a stop", "keys"]


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


def test_actions_in_the_settings_example_exist() -> None:
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


def test_link_targets_exist() -> None:
    headings = re.findall(r"^## (.*)$", README, re.MULTILINE)
    anchors = {f"#{heading.lower().replace(' ', '-')}" for heading in headings}
    targets = set(re.findall(r"\]\(([^)]+)\)", README)) - anchors
    assert [target for target in targets if not (PROJECT / target).exists()] == []
