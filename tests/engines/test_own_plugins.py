"""Plug-ins for vLLM and SGLang in a user's own file, run in the real engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.parsers.choice import named_parser
from hermes_tui.parsers.real_names import ONLY_REAL
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.store import added_engines
from tests.cli.program import Outcome, within

pytestmark = [pytest.mark.engines]

VLLM = """
import json, re
from vllm.entrypoints.generate.base.protocol import DeltaMessage, ExtractedToolCallInformation
from vllm.entrypoints.openai.engine.protocol import DeltaFunctionCall, DeltaToolCall
from vllm.entrypoints.openai.engine.protocol import FunctionCall, ToolCall
from vllm.tool_parsers.abstract_tool_parser import ToolParser, ToolParserManager


@ToolParserManager.register_module(["mine"])
class MineToolParser(ToolParser):
    def __init__(self, tokenizer, tools=None):
        super().__init__(tokenizer, tools)
        self.sent = False
        if self.vocab.get("<my_call>") is None:
            raise RuntimeError("no such token")

    def extract_tool_calls(self, model_output, request):
        content, _, rest = model_output.partition("<my_call>")
        calls = [ToolCall(function=FunctionCall(**self.read(rest)))] if rest else []
        return ExtractedToolCallInformation(
            tools_called=bool(calls), tool_calls=calls, content=content or None
        )

    def extract_tool_calls_streaming(
        self, previous_text, current_text, delta_text, previous_ids, current_ids, ids, request
    ):
        if "<my_call>" not in current_text:
            return DeltaMessage(content=delta_text)
        if not current_text.endswith("</my_call>"):
            return None
        function = DeltaFunctionCall(**self.read(current_text.partition("<my_call>")[2]))
        return DeltaMessage(tool_calls=[DeltaToolCall(index=0, function=function)])

    def read(self, rest):
        found = json.loads(rest.removesuffix("</my_call>"))
        return {"name": found["name"], "arguments": json.dumps(found["arguments"])}
"""
SGLANG = """
import json, re
from sglang.srt.function_call.base_format_detector import BaseFormatDetector
from sglang.srt.function_call.core_types import StreamingParseResult


class MineDetector(BaseFormatDetector):
    def __init__(self):
        super().__init__()
        self.bot_token, self.eot_token = "<my_call>", "</my_call>"

    def has_tool_call(self, text):
        return self.bot_token in text

    def detect_and_parse(self, text, tools):
        content, _, rest = text.partition(self.bot_token)
        found = json.loads(rest.removesuffix(self.eot_token))
        calls = self.parse_base_json(found, tools)
        return StreamingParseResult(normal_text=content, calls=calls)

    def structure_info(self):
        raise NotImplementedError
"""
TEXT = 'Hi <my_call>{"name": "ls", "arguments": {"path": "."}}</my_call>'


def engine(kind: str) -> AddedEngine:
    """Return the newest added engine of this kind, if there is one that can be run."""
    fitting = [each for each in added_engines() if each.engine == kind and not each.problem]
    if not fitting:
        pytest.skip(f"no {kind} is here: hermes-tui engines add {kind}")
    return fitting[-1]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vllm_mine.py").write_text(VLLM)
    Path("sglang_mine.py").write_text(SGLANG)
    Path("reply.txt").write_text(TEXT)
    Path("tools.json").write_text('[{"name": "ls", "parameters": {"type": "object"}}]')


def run_parse(parser: str, *more: str) -> Outcome:
    command = ("parse", "reply.txt", "--tools", "tools.json", "--json", "--parser", parser)
    return within(*command, *more)


def calls(done: Outcome) -> list[tuple[str, str]]:
    row: dict[str, Any] = json.loads(done.text)
    return [(call["name"], call["arguments"]) for call in row["tool_calls"]]


@pytest.mark.parametrize(("kind", "file"), [("vllm", "vllm_mine.py"), ("sglang", "sglang_mine.py")])
def test_a_plug_in_runs_in_the_engine_that_it_is_written_for(kind: str, file: str) -> None:
    name = "MineToolParser" if kind == "vllm" else "MineDetector"
    for spelled in (file, f"{file}:{name}", f"{engine(kind).name}/{file}"):
        done = run_parse(spelled)
        row = json.loads(done.text)
        assert calls(done) == [("ls", '{"path": "."}')]
        assert (row["version"], row["content"].strip()) == (engine(kind).version, "Hi")


@pytest.mark.parametrize(("size", "content"), [("1", "Hi "), ("1c", "Hi <my_call")])
def test_a_plug_in_gets_deltas_in_which_its_markers_are_single_tokens(
    size: str, content: str
) -> None:
    engine("vllm")
    done = run_parse("vllm_mine.py:mine", "--stream", size)
    assert calls(done) == [("ls", '{"path": "."}')]
    row = json.loads(done.text)
    assert row["content"] == content
    codes = [found["code"] for found in row["diagnostics"]]
    assert ("STREAM_DIVERGES" in codes) == (size == "1c")


def test_the_error_for_a_plug_in_with_several_parsers_asks_which_to_use() -> None:
    engine("vllm")
    other = VLLM.replace("Mine", "Other").replace('["mine"]', '["other"]')
    Path("vllm_mine.py").write_text(VLLM + other)
    done = run_parse("vllm_mine.py")
    assert done.code == 2
    assert "contains mine, other: name one, as in FILE.py:mine" in done.one_line
    assert calls(run_parse("vllm_mine.py:other")) == [("ls", '{"path": "."}')]


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_a_reasoning_parser_splits_off_the_reasoning(kind: str) -> None:
    Path("reply.txt").write_text("<think>so</think>hello")
    name = f"real/{engine(kind).name}/hermes"
    row = json.loads(run_parse(name, "--reasoning-parser", "qwen3").text)
    assert (row["reasoning"], row["content"]) == ("so", "hello")
    assert row["parser"] == f"{name}+qwen3"
    assert json.loads(run_parse(f"{name}+qwen3").text) == row
    without = json.loads(run_parse(name).text)
    assert (without["reasoning"], without["content"]) == (None, "<think>so</think>hello")


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_an_unknown_reasoning_parser_gives_no_verdict_on_the_text(kind: str) -> None:
    done = run_parse(f"real/{engine(kind).name}/hermes", "--reasoning-parser", "nope")
    assert (done.code, done.out) == (2, b"") and "nope" in done.one_line


def test_a_line_of_a_batch_can_name_its_reasoning_parser() -> None:
    line = {"parser": f"real/{engine('vllm').name}/hermes", "text": "<think>so</think>hello"}
    named = line | {"reasoning_parser": "qwen3"}
    Path("rows.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(named)}\n")
    rows = [json.loads(row) for row in within("parse", "--batch", "rows.jsonl").text.splitlines()]
    assert [row["reasoning"] for row in rows] == [None, "so"]


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_every_parser_of_an_engine_can_be_selected_by_name(kind: str) -> None:
    unknown = []
    for name in engine(kind).names:
        try:
            named_parser(f"{kind}/{name}")
        except KeyError:
            unknown.append(f"{kind}/{name}")
    assert set(unknown) <= ONLY_REAL


def test_the_real_parser_is_suggested_if_there_is_no_emulation() -> None:
    added = engine("vllm").name
    done = within("parse", "reply.txt", "--parser", "vllm/granite")
    assert done.code == 2 and f"--parser real/{added}/granite`" in done.one_line
