"""A parser in a user's own file: a plain function, or a class written for an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.engines import store
from tests.cli.program import Outcome, within
from tests.engines.fakes import checkout

FUNCTION = """
import json, os, sys

print("noise")

def parse(text, tools):
    print("more noise")
    if not text.startswith("{"):
        return None
    found = json.loads(text)
    return f"{len(tools)} tools", [{"name": found["n"], "arguments": found["a"]}]

def as_openai_has_them(text):
    return [{"type": "function", "function": {"name": "f", "arguments": text}}]

class Reader:
    def parse(self, text, tools):
        return None, []

def no_call(text, tools):
    return []

def wrong(text, tools):
    return 7

async def asynchronous(text, tools):
    return []

def greedy(text, tools, more):
    return []

def nameless(text, tools):
    return [{"arguments": "{}"}]

def raises(text, tools):
    raise KeyError(text)

def hangs(text, tools):
    while True:
        pass

def leaves(text, tools):
    os._exit(7)

def quits(text, tools):
    sys.exit("enough")
"""
TEXT = '{"n": "ls", "a": {"path": "ü"}}'


@pytest.fixture(autouse=True)
def here(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to the folder of `mine.py`; no engine was added."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(FUNCTION, encoding="utf-8")
    Path("reply.txt").write_text(TEXT, encoding="utf-8")
    Path("tools.json").write_text('[{"name": "ls", "parameters": {}}]', encoding="utf-8")
    return tmp_path


def run_parse(parser: str, *more: str) -> Outcome:
    return within("parse", "reply.txt", "--tools", "tools.json", "--parser", parser, *more)


def found(parser: str, *more: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(run_parse(parser, "--json", *more).text)
    return row


def calls(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(call["name"], call["arguments"]) for call in row["tool_calls"]]


@pytest.mark.parametrize("spelled", ["mine.py", "./mine.py", "mine.py:parse", "real/mine.py"])
def test_a_function_reads_a_text_and_may_print(spelled: str) -> None:
    row = found(spelled)
    assert row["parser"] == spelled.removeprefix("real/")
    assert (row["outcome"], row["content"], row["real"]) == ("calls", "1 tools", True)
    assert calls(row) == [("ls", '{"path": "ü"}')]
    assert (row["log"], row["printed"]) == ([], ["more noise"])


def test_a_function_may_write_bytes_and_ask_for_the_encoding(here: Path) -> None:
    (here / "bytes.py").write_text(
        "import sys\n"
        "def parse(text, tools):\n"
        "    print('ü', sys.stdout.encoding)\n"
        "    sys.stdout.buffer.write(b'raw \\xff')\n"
    )
    row = found("bytes.py")
    assert (row["outcome"], row["printed"]) == ("text", ["ü utf-8", "raw \ufffd"])


def test_what_a_function_prints_is_shown_even_if_it_fails(here: Path) -> None:
    (here / "talks.py").write_text(
        "import sys\n"
        "def parse(text, tools):\n"
        "    print('so \\033[31mfar')\n"
        "    print('so good', file=sys.stderr)\n"
        "    print('x\\n' * 30_000)\n"
        "    raise ValueError\n"
    )
    printed = found("talks.py")["printed"]
    assert printed[:3] == ["so \033[31mfar", "so good", "x"]
    assert (len(printed), printed[-1]) == (21, "… and more")
    lines = run_parse("talks.py").text.splitlines()
    assert "  printed: so ␛[31mfar" in lines


def test_what_a_parser_logs_is_told_apart_from_what_it_prints(here: Path) -> None:
    (here / "logs.py").write_text(
        "import logging\n"
        "def parse(text, tools):\n"
        "    logging.warning('printed by no print')\n"
        "    print('WARNING: not logged')\n"
    )
    lines = run_parse("logs.py").text.splitlines()
    assert "  the engine says: WARNING: printed by no print" in lines
    assert "  printed: WARNING: not logged" in lines


def test_each_allowed_return_type_of_a_function_is_understood(here: Path) -> None:
    assert calls(found("mine.py:as_openai_has_them")) == [("f", TEXT)]
    for name in ("Reader", "no_call"):
        row = found(f"mine.py:{name}")
        assert (row["outcome"], calls(row)) == ("text", [])
    (here / "reply.txt").write_text("hello")
    assert (found("mine.py")["outcome"], found("mine.py")["content"]) == ("text", "hello")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        (
            "wrong",
            "PARSER_RAISED",
            "returned int: it must return a list of calls, (content, calls)",
        ),
        ("asynchronous", "PARSER_RAISED", "is async: parse must be a plain function"),
        ("greedy", "PARSER_RAISED", "missing 1 required positional argument: 'more'"),
        ("nameless", "PARSER_RAISED", "a call without name and arguments: {'arguments': '{}'}"),
        ("raises", "PARSER_RAISED", "in raises)"),
        ("hangs", "PARSER_TIMEOUT", "in hangs"),
        ("leaves", "PARSER_RAISED", "exit code 7"),
        ("quits", "PARSER_RAISED", "enough"),
    ],
)
def test_every_failure_of_a_function_is_a_verdict_with_its_place(
    name: str, code: str, words: str
) -> None:
    row = found(f"mine.py:{name}")
    assert row["outcome"] == "raised"
    assert row["diagnostics"][0]["code"] == code
    assert words in row["error"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def read(text): return []", "contains neither a function parse(text, tools)"),
        ("def parse(text:", "line 1"),
        ("import a_thing_that_is_missing", "No module named 'a_thing_that_is_missing'"),
        ("1 / 0", "(mine.py:1 in <module>)"),
        (None, "no such file"),
    ],
)
def test_the_error_for_a_file_that_cannot_be_loaded_is_one_line(
    text: str | None, words: str
) -> None:
    Path("mine.py").unlink()
    if text is not None:
        Path("mine.py").write_text(text)
    done = run_parse("mine.py")
    assert (done.code, done.out) == (3, b"")
    assert words in done.one_line


def test_the_error_for_a_missing_name_lists_those_in_the_file() -> None:
    done = run_parse("mine.py:nope")
    assert done.code == 2
    assert "mine.py:nope: contains no parser 'nope'; it contains parse, " in done.one_line


def test_the_error_for_a_mistyped_name_suggests_the_near_ones() -> None:
    done = run_parse("mine.py:asynchronuos")
    assert (done.code, done.out) == (2, b"")
    assert done.one_line.endswith("contains no parser 'asynchronuos'; near: asynchronous")


def test_modules_next_to_the_file_can_be_imported_and_hide_no_others(here: Path) -> None:
    (here / "helper.py").write_text("NAME = 'f'")
    (here / "json.py").write_text(
        "import helper, json\n"
        "def parse(text, tools):\n"
        "    return [{'name': helper.NAME, 'arguments': json.dumps({})}]\n"
    )
    assert calls(found("json.py")) == [("f", "{}")]


def test_two_parsers_of_a_file_are_compared_in_a_table() -> None:
    table = run_parse("mine.py", "--parser", "mine.py:no_call", "--parser", "vllm/hermes").text
    assert [line.split()[1] for line in table.splitlines()[1:4]] == [
        *("mine.py", "mine.py:no_call", "vllm/hermes"),
    ]


def test_a_function_supports_neither_streams_nor_reasoning_parsers() -> None:
    streamed = run_parse("mine.py", "--stream", "1")
    assert (streamed.code, "reads only whole texts" in streamed.one_line) == (2, True)
    reasoned = run_parse("mine.py", "--reasoning-parser", "qwen3")
    assert (reasoned.code, "takes no reasoning parser" in reasoned.one_line) == (2, True)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("vllm.tool_parsers", "hermes-tui engines add vllm"),
        ("sglang.srt", "hermes-tui engines add sglang"),
        ("environments.tool_call_parsers", "hermes-tui engines add --path CHECKOUT"),
    ],
)
def test_the_error_for_a_missing_engine_names_the_command_that_adds_it(
    package: str, words: str
) -> None:
    Path("mine.py").write_text(f"from {package} import ToolParser\n")
    done = run_parse("mine.py")
    assert done.code == 3 and words in done.one_line


HERMES = """
from environments.tool_call_parsers import PARSERS, call

def mine(text):
    return None, [call("f", text)]

mine.__module__ = __name__
PARSERS["mine"] = mine
"""


def test_a_parser_of_hermes_agent_runs_in_the_added_checkout(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    package = root / "environments" / "tool_call_parsers" / "__init__.py"
    text = package.read_text().replace(
        "return SimpleNamespace(parse=PARSERS[name])",
        "return type('P', (), {'parse': lambda self, text: PARSERS[name](text),"
        " '__module__': PARSERS[name].__module__})()",
    )
    package.write_text(text)
    store.add_path(root)
    Path("mine.py").write_text(HERMES)
    assert calls(found("mine.py")) == [("f", TEXT)]


def batch(*lines: dict[str, Any], parser: str = "") -> Outcome:
    Path("rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return within("parse", "--batch", "rows.jsonl", *(("--parser", parser) if parser else ()))


@pytest.mark.parametrize("name", ["mine.py", "./mine.py:parse", "real/mine.py", "mine.py+qwen3"])
def test_a_line_of_a_batch_cannot_make_a_file_run(name: str) -> None:
    Path("mine.py").write_text("open('it_ran', 'w')\ndef parse(text): return []")
    done = batch({"parser": name, "text": "x"})
    row = json.loads(done.text)
    assert (done.code, row["outcome"]) == (2, "refused")
    assert "a line cannot name a file to run" in row["error"]
    assert not Path("it_ran").exists()


def test_the_file_on_the_command_line_reads_the_lines_that_name_no_other_parser() -> None:
    done = batch({"text": TEXT}, {"text": TEXT, "parser": "mine.py"}, parser="mine.py")
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert [(row["parser"], calls(row)[0][0]) for row in rows] == [("mine.py", "ls")] * 2


def test_a_parser_file_cannot_be_used_for_runs() -> None:
    done = within("scan", "reply.txt", "--parser", "mine.py")
    assert done.code == 2 and "reads only single texts, not runs" in done.one_line


def test_a_parser_without_an_emulation_is_distinguished_from_an_unknown_one() -> None:
    line = run_parse("vllm/granite").one_line
    assert "`hermes-tui engines add vllm`" in line and "real/vllm-…/granite" in line
    assert (
        "unknown parser 'vllm/hermez' (did you mean vllm/hermes"
        in run_parse("vllm/hermez").one_line
    )


def test_only_a_real_engine_accepts_a_reasoning_parser() -> None:
    line = run_parse("vllm/hermes", "--reasoning-parser", "qwen3").one_line
    assert "not a real engine's parser" in line
    refused = json.loads(
        batch({"parser": "vllm/hermes", "text": "x", "reasoning_parser": "q"}).text
    )
    assert (refused["outcome"], "--reasoning-parser q" in refused["error"]) == ("refused", True)
    wrong = json.loads(batch({"parser": "vllm/hermes", "text": "x", "reasoning_parser": 7}).text)
    assert "the reasoning parser is not a string" in wrong["error"]
