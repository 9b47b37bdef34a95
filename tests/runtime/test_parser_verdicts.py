"""The verdicts of real engines are explained, and the calls they lose are reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hermes_tui.cli.parse_report import summary
from hermes_tui.model.diagnostics import Code, Severity
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

LIST_CALL, READ_CALL = (
    '{"name": "ls", "arguments": {}}',
    '{"name": "read", "arguments": {"path": "a"}}',
)
TWO_CALLS = f"Now.\n<tool_call>\n{LIST_CALL}\n</tool_call>\n<tool_call>\n{READ_CALL}\n</tool_call>"
WITHOUT_FENCE = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>ls<｜tool▁sep｜>{}"
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
)


def explained_verdict(
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


def reported_lost(verdict: ParserVerdict, text: str) -> list[str]:
    """Return the texts of the calls reported as lost; check that these are the dropped ones."""
    found = [one.span for one in verdict.diagnostics if one.code is Code.SILENT_DROP]
    assert tuple(found) == verdict.dropped
    return [text[span.start : span.end] for span in verdict.dropped]


def test_calls_announced_but_not_emitted_are_explained_by_the_emulation() -> None:
    verdict = explained_verdict(WITHOUT_FENCE, emulated="vllm/deepseek_v3", tools_called=True)
    assert verdict.explained_by == "vllm/deepseek_v3"
    assert {one.code for one in verdict.diagnostics} >= {Code.SILENT_DROP, Code.CALLED_EMPTY}
    assert verdict.dropped


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2028", "\x0b\x0c"])
def test_trailing_whitespace_of_any_kind_does_not_count_as_lost(blank: str) -> None:
    text = f"It is done.{blank}"
    auto = named_parser(AUTO)
    verdict = verdict_of_result(auto, auto.parse(text))
    assert verdict.content == "It is done." and not verdict.loses(text)


def test_markers_that_our_reader_leaves_out_do_not_count_as_lost() -> None:
    text = "<|channel|>final<|message|>Hello there.<|return|>"
    auto = named_parser(AUTO)
    verdict = verdict_of_result(auto, auto.parse(text))
    assert verdict.content == "Hello there." and len(verdict.dropped) == 2
    assert not verdict.loses(text)
    assert verdict._replace(parser="mine.py").loses(text)


def test_calls_of_an_engine_have_places_in_the_text_and_invented_ones_none() -> None:
    first, second = ("ls", "{}"), ("read", '{"path":"a"}')
    explained = explained_verdict(TWO_CALLS, first, second, content="Now.", emulated="vllm/hermes")
    assert explained.explained_by == "vllm/hermes"
    spans = [TWO_CALLS[place.start : place.end] for place in explained.places if place]
    assert [LIST_CALL in spans[0], READ_CALL in spans[1]] == [True, True]
    odd = explained_verdict(TWO_CALLS, second, ("rm", "{}"), content="Now.")
    assert odd.explained_by == AUTO and odd.places == (explained.places[1], None)


def test_every_call_lost_by_an_engine_without_an_emulation_is_an_error() -> None:
    verdict = explained_verdict(TWO_CALLS, content="Now.")
    assert verdict.explained_by == AUTO
    assert [
        LIST_CALL in reported_lost(verdict, TWO_CALLS)[0],
        READ_CALL in reported_lost(verdict, TWO_CALLS)[1],
    ] == [True, True]
    assert verdict.has_errors


def test_only_the_lost_call_is_reported_if_another_is_emitted() -> None:
    (gone,) = reported_lost(explained_verdict(TWO_CALLS, ("ls", "{ }"), content="Now."), TWO_CALLS)
    assert READ_CALL in gone


def test_calls_that_stay_in_the_content_or_reasoning_are_not_lost() -> None:
    assert not reported_lost(explained_verdict(TWO_CALLS, content=TWO_CALLS), TWO_CALLS)
    assert not reported_lost(
        explained_verdict(TWO_CALLS, content=LIST_CALL, reasoning=READ_CALL), TWO_CALLS
    )


def left_in_content(verdict: ParserVerdict, text: str) -> list[str]:
    """Return the texts of the calls reported as left in the content."""
    found = [one for one in verdict.diagnostics if one.code is Code.CALL_IN_CONTENT]
    return [text[one.span.start : one.span.end] for one in found if one.span]


def test_calls_that_an_engine_without_an_emulation_leaves_in_the_content_are_errors() -> None:
    verdict = explained_verdict(TWO_CALLS, content=TWO_CALLS)
    first, second = left_in_content(verdict, TWO_CALLS)
    assert LIST_CALL in first and READ_CALL in second
    assert verdict.has_errors
    assert not left_in_content(
        explained_verdict(TWO_CALLS, ("ls", "{}"), ("read", '{"path": "a"}')), TWO_CALLS
    )


def test_the_call_left_in_the_content_next_to_a_delivered_one_is_an_error() -> None:
    verdict = explained_verdict(TWO_CALLS, ("ls", "{}"), content=READ_CALL)
    (left,) = left_in_content(verdict, TWO_CALLS)
    assert READ_CALL in left


def test_a_call_left_in_the_content_without_its_section_marker_is_an_error() -> None:
    text = (
        "<|tool_call_begin|>functions.ls:0<|tool_call_argument_begin|>{}<|tool_call_end|>"
        "<|tool_calls_section_end|>"
    )
    assert len(left_in_content(explained_verdict(text, content=text), text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"Like this:\n```\n<tool_call>\n{LIST_CALL}\n</tool_call>\n```",
        f"It would be {LIST_CALL} then.",
        "Write <tool_call> before a call.",
        f"<think>\n<tool_call>\n{LIST_CALL}\n</tool_call>\n</think>\nDone.",
    ],
    ids=["code-fence", "bare-json", "mention", "reasoning"],
)
def test_text_that_may_not_be_meant_as_a_call_is_not_reported_as_left(text: str) -> None:
    assert not left_in_content(explained_verdict(text, content=text), text)


def test_a_call_that_is_emitted_altered_is_not_lost() -> None:
    assert not reported_lost(
        explained_verdict(TWO_CALLS, ("ls", '{"all": true}'), ("open", '{"path": "a"}')), TWO_CALLS
    )


def test_the_missing_one_of_two_equal_calls_is_lost() -> None:
    text = f"<tool_call>\n{LIST_CALL}\n</tool_call>\n<tool_call>\n{LIST_CALL}\n</tool_call>"
    verdict = explained_verdict(text, ("ls", "{}"))
    assert len(reported_lost(verdict, text)) == 1


def test_calls_announced_but_not_emitted_are_an_error_in_any_text() -> None:
    verdict = explained_verdict("Hello.", content="Hello.", tools_called=True)
    assert [one.code for one in verdict.diagnostics] == [Code.CALLED_EMPTY]
    assert not verdict.dropped


def test_an_engine_that_raises_is_reported_once_not_for_every_call() -> None:
    verdict = explained_verdict(TWO_CALLS, outcome=EngineOutcome.RAISED, error="KeyError")
    assert [one.code for one in verdict.diagnostics] == [Code.PARSER_RAISED]


def test_arguments_that_are_not_json_are_reported_at_their_place_in_the_text() -> None:
    verdict = explained_verdict(TWO_CALLS, ("ls", "{}"), ("read", '{"path": "a"}}'))
    (raw,) = [one for one in verdict.diagnostics if one.code is Code.RAW_ARGS]
    assert raw.span is not None
    assert TWO_CALLS[raw.span.start : raw.span.end] == '{"path": "a"}'
    assert raw.call_index == 1
    assert verdict.has_errors


def test_a_finding_of_our_own_reading_is_not_reported_twice() -> None:
    text = TWO_CALLS.replace('"ls"', '"nobody"')
    verdict = explained_verdict(text, ("nobody", "{}"), ("read", '{"path": "a"}'))
    codes = [one.code for one in verdict.diagnostics]
    assert codes.count(Code.NAME_UNKNOWN) == 1


def recorded_verdicts() -> Iterator[tuple[str, str, dict[str, Any], ParserVerdict]]:
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
    for text, name, real, verdict in recorded_verdicts():
        if name in emulated and verdict.explained_by != name:
            unexplained.append((name, text))
        meant = [call for call in named_parser(AUTO).parse(text).calls if call.name]
        nothing = not (real["tool_calls"] or real["content"] or real.get("reasoning"))
        if meant and nothing and not verdict.has_errors:
            silent.append((name, text))
    assert (unexplained, silent) == ([], [])


def test_a_call_that_ends_up_in_the_reasoning_is_an_error() -> None:
    text = 'Hm.\n<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    verdict = explained_verdict(text, reasoning=text)
    (finding,) = verdict.diagnostics
    assert (finding.code, finding.severity) == (Code.MARKER_IN_REASONING, Severity.ERROR)
    assert finding.message == "real/vllm-1/x takes the call (ls) for reasoning"
    assert finding.span is not None and text[finding.span.start :].startswith("<tool_call>")
    assert summary(verdict, text) == "all of it taken for reasoning: no call, no text"
