"""The report on a finding, and the test that reproduces it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.errors import SourceError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.engines.registry import parser_named
from hermes_tui.parsers.report import (
    EngineRun,
    Reproduction,
    bug_report,
    fenced,
    reproduction_of,
    slug,
    text_literal,
)
from hermes_tui.parsers.report_case import pytest_case

TOOLS = (ToolSpec("get_weather", "Weather", {"type": "object", "properties": {"city": {}}}),)
BROKEN = '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo",}}</tool_call>'


def reproduction(
    text: str, *, tools: tuple[ToolSpec, ...] = TOOLS, real: bool = False
) -> Reproduction:
    parser = parser_named("vllm/hermes")
    meant = Auto().parse(text, tools).calls
    asked = EngineRun("real/vllm-0.33.0/hermes", "hermes-tui engines add vllm==0.33.0")
    verdict = parser.parse(text, tools)
    return Reproduction(text, parser.info, tools, verdict, meant, "", asked if real else None)


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "test_reproduction.py", "exec"), names)
    return names


def test_the_report_shows_what_was_read_what_was_expected_and_how_to_reproduce_it() -> None:
    report = bug_report(reproduction(BROKEN)._replace(whole=BROKEN + "  "))
    assert report.startswith("# vllm/hermes 0.33.0: ")
    assert "78 characters, reduced from 80" in report
    assert BROKEN in report
    assert '{"name": "get_weather", "arguments": {"city": "Oslo"}}' in report
    assert "hermes-tui parse text.txt --parser vllm/hermes --tools tools.json" in report


def test_a_finding_is_reduced_and_its_origin_given() -> None:
    text = f"Some prose before.\n{BROKEN}\nAnd after it."
    found = reproduction_of(text, parser_named("vllm/hermes"), TOOLS, Auto())
    assert len(found.text) < len(BROKEN)
    assert found.whole == text
    assert [call.name for call in found.expected or ()] != [c.name for c in found.verdict.calls]


def test_a_reduction_without_a_verdict_of_the_engine_is_not_used() -> None:
    emulated = parser_named("vllm/hermes")

    class Reluctant:
        name, info = emulated.name, emulated.info

        def parse(self, text: str, tools: Sequence[ToolSpec]) -> ParseResult:
            if "prose" not in text:
                raise SourceError("vllm", "cannot be run here")
            return emulated.parse(text, tools)

    text = f"Some prose before.\n{BROKEN}\nAnd after it."
    found = reproduction_of(text, Reluctant(), TOOLS, Auto())
    assert "prose" in found.text and "after it" not in found.text


def test_the_report_on_a_real_engine_shows_how_to_add_and_run_it() -> None:
    report = bug_report(reproduction(BROKEN, real=True))
    assert "the engine itself" in report
    add, ask = report[report.index("```sh") :].splitlines()[1:3]
    assert add == "hermes-tui engines add vllm==0.33.0"
    name = "real/vllm-0.33.0/hermes"
    assert ask == f"hermes-tui parse text.txt --parser {name} --tools tools.json"


def test_the_report_on_a_stream_names_its_deltas() -> None:
    asked = EngineRun("real/vllm-0.33.0/hermes", "hermes-tui engines add vllm==0.33.0", "4c")
    found = reproduction(BROKEN)._replace(real=asked)
    assert "in deltas of 4 characters" in bug_report(found)
    assert "--tools tools.json --stream 4c" in bug_report(found)
    assert run(pytest_case(found))["STREAM"] == "4c"


def test_unprintable_characters_are_written_as_a_literal() -> None:
    assert r"'<tool_call>\x00\ud83e'" in bug_report(reproduction("<tool_call>\0\ud83e"))


def test_the_generated_test_passes_today_and_fails_on_the_intended_calls() -> None:
    case = run(pytest_case(reproduction(BROKEN)))
    case["test_what_is_read_today"]()
    with pytest.raises(AssertionError):
        case["test_what_was_meant_is_read"]()


def test_without_an_expectation_only_the_present_verdict_is_pinned() -> None:
    case = run(pytest_case(reproduction(BROKEN)._replace(expected=None)))
    assert "test_what_was_meant_is_read" not in case


def test_the_name_for_the_files_holds_no_odd_characters() -> None:
    assert slug(reproduction(BROKEN)).startswith("vllm-hermes-trailing-comma")
    assert re.fullmatch(r"[a-z0-9-]+", slug(reproduction("<tool_call>\0🦉")))


NASTY = st.text(st.characters(codec=None, exclude_categories=()), max_size=40) | st.lists(
    st.sampled_from(
        ['"""', "'''", "\\", "```", "````\n", "\n", "\r", "\0", "\ud83e", "\udd89", BROKEN]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(NASTY, st.booleans())
def test_the_generated_test_is_valid_python_for_any_text(text: str, real: bool) -> None:
    tools = (ToolSpec("get_weather", text, {"title": text}),)
    source = pytest_case(reproduction(text, tools=tools, real=real))
    assert source.isascii()
    names = run(source)
    assert names["TEXT"] == text
    assert json.loads(names["TOOLS"])[0]["function"]["parameters"] == json.loads(
        json.dumps({"title": text})
    )
    if not real:
        names["test_what_is_read_today"]()


@settings(max_examples=100, deadline=None)
@given(NASTY)
def test_no_text_closes_its_own_fence(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")
    assert first == last
    assert not any(first in line for line in inside)
    assert "\n".join(inside) == text
    bug_report(reproduction(text))


def test_a_text_literal_of_a_megabyte_is_read_back() -> None:
    text = "words \ud83e and more\n" * 60_000
    assert run(f"TEXT = {text_literal(text)}")["TEXT"] == text


def test_deeply_nested_tools_do_not_break_the_report() -> None:
    deep: Any = {}
    for _ in range(5_000):
        deep = {"properties": deep}
    assert run(pytest_case(reproduction(BROKEN)._replace(tools=(ToolSpec("f", "", deep),))))
