"""What a server hid: raw completions joined from tokens, and compared with messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.parsers.hidden import ComparedCompletion, PartKind, compare_completion
from hermes_tui.parsers.raw_tokens import join_tokens
from tests.timing import Work, assert_linear

CALL = '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_call>'


def called(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


def kinds(found: ComparedCompletion) -> list[tuple[str, str]]:
    """Return the kind of each piece of text that is not only white space."""
    pieces = [(p.kind.value, found.text[p.span.start : p.span.end]) for p in found.parts]
    return [(kind, text) for kind, text in pieces if text.strip()]


def assert_covered(found: ComparedCompletion) -> None:
    position = 0
    for part in found.parts:
        assert part.span.start == position < part.span.end
        position = part.span.end
    assert position == len(found.text)
    for one in found.diagnostics:
        assert one.span is None or 0 <= one.span.start <= one.span.end <= len(found.text)


# Joining


def test_a_character_split_across_tokens_belongs_to_the_one_that_completes_it() -> None:
    cup = "☕".encode()
    tokens = [
        {"token": "a", "bytes": [97]},
        {"token": "\ufffd", "bytes": list(cup[:1])},
        {"token": "\ufffd", "bytes": list(cup[1:])},
        {"token": "!", "bytes": None},
    ]
    raw = join_tokens(tokens)
    assert raw.text == "a☕!"
    assert list(raw.starts) == [0, 1, 1, 2]


def test_bytes_spelled_in_the_token_are_read() -> None:
    tokens = [{"token": "bytes:\\xe2\\x98"}, {"token": "bytes:\\x95"}]
    assert join_tokens(tokens).text == "☕"


def test_special_tokens_are_kept() -> None:
    assert join_tokens([{"token": "hi"}, {"token": "<|im_end|>"}]).text == "hi<|im_end|>"


def test_an_incomplete_final_character_is_replaced() -> None:
    assert join_tokens([{"token": "x", "bytes": [0xE2]}]).text == "\ufffd"


def test_tokens_that_are_only_numbers_give_no_text() -> None:
    assert join_tokens([{"token": "token_id:12"}, {"token": "token_id:7"}]).are_ids
    assert not join_tokens([{"token": "token_id"}]).are_ids


# Compared with the message


def test_a_plain_answer_is_all_content() -> None:
    found = compare_completion("The answer is 4.<|im_end|>", {"content": "The answer is 4."})
    assert kinds(found) == [("content", "The answer is 4."), ("markup", "<|im_end|>")]
    assert found.diagnostics == ()


def test_a_delivered_call_with_its_markup_is_a_call() -> None:
    message = {"content": "I look.", "tool_calls": [called("terminal", '{"command":"ls -la"}')]}
    found = compare_completion(f"I look.\n{CALL}<|im_end|>", message)
    assert [kind for kind, _ in kinds(found)] == ["content", "call", "markup"]
    assert found.diagnostics == ()


def test_reasoning_is_distinguished_from_content_with_the_same_text() -> None:
    message = {"content": "4", "reasoning_content": "2 + 2 = 4"}
    found = compare_completion("<think>2 + 2 = 4</think>4", message)
    assert kinds(found) == [
        ("markup", "<think>"), ("reasoning", "2 + 2 = 4"), ("markup", "</think>"), ("content", "4"),
    ]  # fmt: skip


def test_an_undelivered_call_is_an_error_that_names_the_parser() -> None:
    text = "I look.\n<tool_call>\n<function=terminal>\n<parameter=command>\nls\n</parameter>"
    (finding,) = compare_completion(text, {"content": "I look."}).diagnostics
    assert (finding.code, finding.severity) == (Code.HIDDEN_BY_SERVER, Severity.ERROR)
    assert finding.span is not None
    assert text[finding.span.start :].startswith("<tool_call>")
    assert "qwen3_coder" in finding.hint


def test_undelivered_prose_is_a_warning_with_its_span() -> None:
    text = f"{CALL}\nAnd then I will look at the log."
    message = {"content": None, "tool_calls": [called("terminal", '{"command": "ls -la"}')]}
    found = compare_completion(text, message)
    (finding,) = found.diagnostics
    assert finding.severity is Severity.WARNING
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == "And then I will look at the log."
    assert kinds(found)[-1][0] == "hidden"


def test_only_the_lost_one_of_two_calls_is_hidden() -> None:
    other = CALL.replace("ls -la", "pwd").replace("}}", "}")
    message = {"content": "", "tool_calls": [called("terminal", '{"command": "ls -la"}')]}
    found = compare_completion(f"{CALL}\n{other}", message)
    assert [kind for kind, _ in kinds(found)] == ["call", "hidden"]
    assert [d.severity for d in found.diagnostics] == [Severity.ERROR]


def test_text_around_a_delivered_call_is_content() -> None:
    message = {
        "content": "First I look around. Then I will see.",
        "tool_calls": [called("terminal", '{"command": "ls -la"}')],
    }
    found = compare_completion(f"First I look around. {CALL} Then I will see.", message)
    assert [kind for kind, _ in kinds(found)] == ["content", "call", "content"]
    assert found.diagnostics == ()


def test_a_call_in_no_known_format_is_found_by_name_and_arguments() -> None:
    text = 'go: terminal => {"command" : "ls",\n "n":1} done here'
    message = {
        "content": "go: done here",
        "tool_calls": [called("terminal", '{"n": 1, "command": "ls"}')],
    }
    found = compare_completion(text, message)
    assert ("call", 0) in [(p.kind.value, p.call) for p in found.parts]
    assert not any(d.code is Code.HIDDEN_BY_SERVER for d in found.diagnostics)


def test_content_invented_by_the_server_is_reported() -> None:
    found = compare_completion("abc", {"content": "something else"})
    assert [d.code for d in found.diagnostics] == [Code.HIDDEN_BY_SERVER, Code.REPLY_SHAPE]


def test_text_delivered_as_content_is_content_even_if_it_holds_a_call() -> None:
    found = compare_completion(CALL, {"content": CALL})
    assert kinds(found) == [("content", CALL)]
    assert found.diagnostics == ()


# Laws

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 300) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["token", "bytes", "content", "tool_calls", "function", "name", "arguments",
                         "reasoning", "logprob", "top_logprobs"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
PIECES = st.lists(
    st.sampled_from(
        [CALL, "<tool_call>", "</tool_call>", "I look. ", "<think>", "</think>", "<|im_end|>", "\n",
         '{"name": "terminal"', " ", "ab", "[TOOL_CALLS]", "é☕", "Then I will see. "]
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_value_joins_to_some_text(value: Any) -> None:
    raw = join_tokens(value)
    assert len(raw.starts) == (len(value) if isinstance(value, list) else 0)
    assert all(0 <= start <= len(raw.text) for start in raw.starts)
    assert list(raw.starts) == sorted(raw.starts)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.lists(st.integers(1, 5), max_size=40))
def test_bytes_cut_anywhere_join_to_the_text(text: str, cuts: list[int]) -> None:
    data, tokens = text.encode("utf-8", "replace"), []
    for cut in [*cuts, len(data)]:
        tokens.append({"token": "?", "bytes": list(data[:cut])})
        data = data[cut:]
    assert join_tokens(tokens).text == text.encode("utf-8", "replace").decode()


@settings(max_examples=150, deadline=None)
@given(PIECES, PIECES, PIECES, JSON)
def test_parts_cover_every_completion(
    raw: list[str], content: list[str], reasoning: list[str], calls: Any
) -> None:
    message = {"content": "".join(content), "reasoning": "".join(reasoning), "tool_calls": calls}
    assert_covered(compare_completion("".join(raw), message))
    assert_covered(compare_completion("".join(raw), calls))


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_text_that_the_server_delivers_whole_is_never_hidden(raw: list[str]) -> None:
    text = "".join(raw)
    assert all(
        p.kind is not PartKind.HIDDEN for p in compare_completion(text, {"content": text}).parts
    )


@pytest.mark.parametrize("piece", ["a ", "<tool_call>", '{"name": "x", "arguments": {}}', "ab{"])
def test_a_long_completion_takes_linear_time(piece: str) -> None:
    def comparing(count: int) -> Work:
        text = piece * count
        size = len(text)
        content = text[1 : size // 4] + "zzzz " * (size // 200) + text[size * 3 // 10 :]
        calls = [called("nothing", json.dumps({"a": "b"}))] * 20
        message = {"content": content, "tool_calls": calls}
        return lambda: assert_covered(compare_completion(text, message))

    assert_linear(comparing, 200_000 // len(piece))
