"""The verdicts of real engines are explained, and the calls they lose are reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.choice import AUTO, named_parser
from hermes_tui.parsers.engines.registry import engine_parsers
from hermes_tui.runtime.engines.verdicts import EngineCall, EngineOutcome, EngineVerdict
from hermes_tui.runtime.parser_verdicts import (
    ParserVerdict,
    verdict_of_engine,
    verdict_of_result,
    with_reason,
)
from tests.parsers.agreement import COLUMNS, CORPUS, rows, toolsets

LIST, READ = '{"name": "ls", "arguments": {}}', '{"name": "read", "arguments": {"path": "a"}}'
TWO = f"Now.\n<tool_call>\n{LIST}\n</tool_call>\n<tool_call>\n{READ}\n</tool_call>"
WITHOUT_FENCE = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>ls<｜tool▁sep｜>{}"
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
)


def told(
    text: str,
    *calls: tuple[str, str],
    content: str | None = None,
    emulated: str = "vllm/no_such",
    **more: Any,
) -> ParserVerdict:
    outcome = EngineOutcome.CALLS if calls else EngineOutcome.TEXT
    emitted = tuple(EngineCall(*call) for call in calls)
    more.setdefault("tools_called", bool(calls))
    verdict = EngineVerdict(more.pop("outcome", outcome), emitted, content, **more)
    tools = (ToolSpec("ls"), ToolSpec("read"))
    return with_reason(
        verdict_of_engine("real/vllm-1/x", "1", verdict, text), emulated, text, tools
    )


def lost(verdict: ParserVerdict, text: str) -> list[str]:
    """Return the texts of the calls reported as lost; check that these are the dropped ones."""
    found = [one.span for one in verdict.diagnostics if one.code is Code.SILENT_DROP]
    assert tuple(found) == verdict.dropped
    return [text[span.start : span.end] for span in verdict.dropped]


def test_an_engine_that_says_it_called_without_a_call_is_explained_by_its_emulation() -> None:
    verdict = told(WITHOUT_FENCE, emulated="vllm/deepseek_v3", tools_called=True)
    assert verdict.explained_by == "vllm/deepseek_v3"
    assert {one.code for one in verdict.diagnostics} >= {Code.SILENT_DROP, Code.CALLED_EMPTY}
    assert verdict.dropped


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2028", "\x0b\x0c"])
def test_a_blank_of_any_kind_at_the_end_is_not_lost(blank: str) -> None:
    text = f"It is done.{blank}"
    auto = named_parser(AUTO)
    verdict = verdict_of_result(auto, auto.parse(text))
    assert verdict.content == "It is done." and not verdict.loses(text)


def test_calls_of_an_engine_stand_where_their_reader_finds_them_and_invented_ones_nowhere() -> None:
    first, second = ("ls", "{}"), ("read", '{"path":"a"}')
    explained = told(TWO, first, second, content="Now.", emulated="vllm/hermes")
    assert explained.explained_by == "vllm/hermes"
    spans = [TWO[place.start : place.end] for place in explained.places if place]
    assert [LIST in spans[0], READ in spans[1]] == [True, True]
    odd = told(TWO, second, ("rm", "{}"), content="Now.")
    assert odd.explained_by == AUTO and odd.places == (explained.places[1], None)


def test_every_call_that_an_engine_without_an_emulation_loses_is_an_error() -> None:
    verdict = told(TWO, content="Now.")
    assert verdict.explained_by == AUTO
    assert [LIST in lost(verdict, TWO)[0], READ in lost(verdict, TWO)[1]] == [True, True]
    assert verdict.has_errors


def test_a_call_lost_beside_one_that_is_handed_out_is_told_alone() -> None:
    (gone,) = lost(told(TWO, ("ls", "{ }"), content="Now."), TWO)
    assert READ in gone


def test_calls_that_stay_in_the_content_or_reasoning_are_not_lost() -> None:
    assert not lost(told(TWO, content=TWO), TWO)
    assert not lost(told(TWO, content=LIST, reasoning=READ), TWO)


def test_a_call_that_comes_out_altered_is_not_lost() -> None:
    assert not lost(told(TWO, ("ls", '{"all": true}'), ("open", '{"path": "a"}')), TWO)


def test_of_two_equal_calls_the_one_that_is_missing_is_lost() -> None:
    text = f"<tool_call>\n{LIST}\n</tool_call>\n<tool_call>\n{LIST}\n</tool_call>"
    verdict = told(text, ("ls", "{}"))
    assert len(lost(verdict, text)) == 1


def test_calls_that_are_promised_and_not_handed_out_are_an_error_whatever_the_text() -> None:
    verdict = told("Hello.", content="Hello.", tools_called=True)
    assert [one.code for one in verdict.diagnostics] == [Code.CALLED_EMPTY]
    assert not verdict.dropped


def test_an_engine_that_raises_is_told_once_not_for_every_call() -> None:
    verdict = told(TWO, outcome=EngineOutcome.RAISED, error="KeyError")
    assert [one.code for one in verdict.diagnostics] == [Code.PARSER_RAISED]


def test_arguments_that_are_no_json_are_told_at_their_place_in_the_text() -> None:
    verdict = told(TWO, ("ls", "{}"), ("read", '{"path": "a"}}'))
    (raw,) = [one for one in verdict.diagnostics if one.code is Code.RAW_ARGS]
    assert raw.span is not None
    assert TWO[raw.span.start : raw.span.end] == '{"path": "a"}'
    assert raw.call_index == 1
    assert verdict.has_errors


def test_what_our_reading_says_of_a_call_is_not_said_twice() -> None:
    text = TWO.replace('"ls"', '"nobody"')
    verdict = told(text, ("nobody", "{}"), ("read", '{"path": "a"}'))
    codes = [one.code for one in verdict.diagnostics]
    assert codes.count(Code.NAME_UNKNOWN) == 1


def recorded() -> Iterator[tuple[str, str, dict[str, Any], ParserVerdict]]:
    """Yield the text, emulation, measured verdict and explained verdict of every row."""
    tools = toolsets()
    for row in rows():
        for column, engine in COLUMNS.items():
            if (real := row.get(column)) is None:
                continue
            outcome = EngineOutcome.CALLS if real["tool_calls"] else EngineOutcome.TEXT
            verdict = EngineVerdict(
                EngineOutcome.RAISED if real["error"] else outcome,
                tuple(EngineCall(call["name"], call["arguments"]) for call in real["tool_calls"]),
                real["content"],
                real.get("reasoning"),
                real["error"] or "",
                tools_called=real["tools_called"],
            )
            name = f"{engine}/{real['parser']}"
            given = verdict_of_engine(f"real/{name}", "", verdict, row["text"])
            yield (
                row["text"],
                name,
                real,
                with_reason(given, name, row["text"], tools[row["tools"]]),
            )


@pytest.mark.shared
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the project")
def test_a_recorded_verdict_is_explained_by_its_emulation_and_loses_no_call_silently() -> None:
    emulated = {parser.name for parser in engine_parsers()}
    unexplained, silent = [], []
    for text, name, real, verdict in recorded():
        if name in emulated and verdict.explained_by != name:
            unexplained.append((name, text))
        meant = [call for call in named_parser(AUTO).parse(text).calls if call.name]
        nothing = not (real["tool_calls"] or real["content"] or real.get("reasoning"))
        if meant and nothing and not verdict.has_errors:
            silent.append((name, text))
    assert (unexplained, silent) == ([], [])
