"""Lists of Python calls in vLLM and SGLang, and the pattern that decides whether there are any."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.engines.pythonic_shape import CallLists
from tests.parsers.engine_cases import calls, found, lost, read

TOOLS = (ToolSpec("f"), ToolSpec("g"))
ALL = ["vllm/pythonic", "vllm/llama4_pythonic", "sglang/pythonic"]
VLLM = ALL[:2]


def codes(parser: str, text: str) -> list[str]:
    return [code for code, _ in found(read(parser, text, TOOLS), text)]


def arguments(parser: str, text: str) -> list[str]:
    return [arguments for _, arguments in calls(read(parser, text, TOOLS))]


@pytest.mark.parametrize("parser", ALL)
def test_a_list_of_calls_is_read_with_its_places(parser: str) -> None:
    text = '[f(a="é", b=[1, {"c": None}]), g()]'
    result = read(parser, text, TOOLS)
    assert calls(result) == [("f", '{"a": "é", "b": [1, {"c": null}]}'), ("g", "{}")]
    spans = [call.span for call in result.calls]
    assert [text[span.start : span.end] for span in spans] == [text[1:29], "g()"]
    assert (result.content, result.diagnostics) == (None, ())


@pytest.mark.parametrize("parser", VLLM)
@pytest.mark.parametrize(
    ("value", "written"),
    [
        *(("-1", "-1"), ("--1.5", "1.5"), ("true", "true"), ("null", "null"), ("(1, 2)", "[1, 2]")),
        *(("{1}", "[1]"), ("f'x'", '"x"'), ("'a' 'b'", '"ab"'), ("1e999", "Infinity")),
    ],
)
def test_vllm_accepts_more_literals_than_sglang(parser: str, value: str, written: str) -> None:
    text = f"[f(a={value})]"
    assert arguments(parser, text) == [f'{{"a": {written}}}']
    assert arguments("sglang/pythonic", text) == (
        [f'{{"a": {written}}}'] if value == "'a' 'b'" else []
    )


@pytest.mark.parametrize("value", ["x", "1 + 2", "g()", "f'{x}'", "b'x'", "1j", "-'x'", "not 1"])
def test_values_that_are_not_literals_are_kept_by_vllm_and_lost_in_sglang(value: str) -> None:
    text = f"[f(a={value}), g()]"
    result = read("vllm/pythonic", text, TOOLS)
    assert (calls(result), result.content) == ([], text)
    assert "EXPR_NOT_LITERAL" in codes("vllm/pythonic", text)
    result = read("sglang/pythonic", text, TOOLS)
    assert (calls(result), result.content) == ([("g", "{}")], None)
    assert "SILENT_DROP" in codes("sglang/pythonic", text)


def test_text_around_the_list_is_refused_by_vllm_and_kept_as_content_by_sglang() -> None:
    for text in ("I look. [f(a=1)]", "[f(a=1)] Done."):
        assert read("vllm/pythonic", text, TOOLS).content == text
        assert "EXTRA_TEXT" in codes("vllm/pythonic", text)
    result = read("sglang/pythonic", "I look. [f(a=1)] Done.", TOOLS)
    assert (calls(result), result.content) == ([("f", '{"a": 1}')], "I look.  Done.")


def test_positional_arguments_are_dropped() -> None:
    text = "[f(a=1, **{'b': 2}), g(c=1, d=2)]"
    assert arguments("vllm/pythonic", text) == ['{"a": 1, "null": {"b": 2}}', '{"c": 1, "d": 2}']
    assert codes("vllm/pythonic", "[f(1)]") == ["EXPR_NOT_LITERAL"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[f(a='x", "TRUNCATED"),
        ("[f(a=03)]", "LEADING_ZERO"),
        ("[f(a='the 'blue' owl')]", "INNER_QUOTE"),
        ("[f(a='x\ny')]", "RAW_CONTROL"),
        ("[f(from=1)]", "EXPR_NOT_LITERAL"),
        ("[a-b(c=1)]", "EXPR_NOT_LITERAL"),
        ("f(a=1)", "WRONG_FORMAT"),
        ("[f(a=1)] [g()]", "MULTI_PAYLOAD"),
        ("[]", "EMPTY_BLOCK"),
    ],
)
def test_a_refusal_names_its_cause(text: str, code: str) -> None:
    result = read("vllm/pythonic", text, TOOLS)
    assert (result.calls, result.content) == ((), text)
    assert code in codes("vllm/pythonic", text)


def test_llama4_removes_its_markers_even_if_it_refuses() -> None:
    text = "<|python_start|>[f(a=1)]<|python_end|>"
    assert arguments("vllm/llama4_pythonic", text) == ['{"a": 1}']
    assert arguments("sglang/pythonic", text) == ['{"a": 1}']
    assert read("vllm/pythonic", text, TOOLS).content == text
    text = "<|python_start|>hello<|python_end|>"
    assert read("vllm/llama4_pythonic", text, TOOLS).content == "hello"
    assert read("sglang/pythonic", text, TOOLS).content == text


def test_one_dict_that_sglang_cannot_read_loses_all_calls() -> None:
    text = "[g(), f(a={x: 1})]"
    result = read("sglang/pythonic", text, TOOLS)
    assert (calls(result), result.content, lost(result, text)) == ([], None, [text])
    assert "SIBLING_VOIDED" in codes("sglang/pythonic", text)


def test_sglang_drops_unknown_and_dotted_names() -> None:
    assert calls(read("sglang/pythonic", "[h(a=1), f(a=1)]", TOOLS)) == [("f", '{"a": 1}')]
    assert calls(read("vllm/pythonic", "[f(a=1), m.n(a=1)]", TOOLS))[1] == ("m.n", '{"a": 1}')
    assert read("vllm/pythonic", "[m.n(a=1)]", TOOLS).calls == ()


def test_many_arguments_hang_sglang_and_that_is_reported() -> None:
    text = f"[f({', '.join(f'a{n}={n}' for n in range(30))})]"
    assert "PARSER_TIMEOUT" in codes("sglang/pythonic", text)


NAME = r"[a-zA-Z]+\w*"
HEAD = rf"{NAME}\((?:{NAME}=.*,\s*)*"
FIRST = rf"{HEAD}(?:{NAME}=.*\s)?\),\s*"
LAST = rf"{HEAD}(?:{NAME}=.*\s*)?\)\s*"
SHAPE = re.compile(rf"\[(?:{FIRST})*(?:{LAST})+\]", re.DOTALL)
PIECES = ["[", "a(", "a=", ",", ")", " ", "]", "),", ")]", " )", ", a=1", "a()", ", )", ",)", "["]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans())
def test_the_linear_pattern_matches_what_backtracking_matches(
    pieces: list[str], headed: bool
) -> None:
    text = ("[a(a=" if headed else "") + "".join(pieces) + ")]"
    expected = SHAPE.search(text)
    actual = CallLists(text).search()
    assert (actual and (actual.start, actual.end)) == (expected and expected.span())
    assert CallLists(text).begins(0) == bool(SHAPE.match(text))
