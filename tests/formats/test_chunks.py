"""Chunks are joined into one reply, even if a server repeats, omits or mixes up parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.streams.chunk_calls import StreamedCalls
from hermes_tui.formats.streams.chunks import ChunkJoiner, Delta
from hermes_tui.formats.streams.sse import join_chunks
from tests.formats.foreign import any_json
from tests.timing import Work, assert_linear


def joined(*deltas: dict[str, Any]) -> tuple[dict[str, Any], list[Delta]]:
    joiner = ChunkJoiner()
    added = [
        piece
        for delta in ({"role": "assistant"}, *deltas)
        for piece in joiner.add({"choices": [{"index": 0, "delta": delta}]})
    ]
    return joiner.completion()["choices"][0]["message"], added


def calls(*parts: Any) -> list[Any]:
    found = joined(*({"tool_calls": [part]} for part in parts))[0].get("tool_calls", [])
    assert isinstance(found, list)
    return found


def part(index: Any, id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}


def functions(*parts: Any) -> list[tuple[Any, Any]]:
    return [
        (call["function"].get("name"), call["function"].get("arguments")) for call in calls(*parts)
    ]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        # given once, then repeated
        (
            [part(0, "a", "get", ""), part(0, "a", "get", '{"x'), part(0, "a", "get", '":1}')],
            [("get", '{"x":1}')],
        ),
        # a name in pieces, and one that grows
        ([part(0, "a", "get_", None), part(0, None, "weather", "{}")], [("get_weather", "{}")]),
        ([part(0, "a", "get", None), part(0, "a", "get_all", "{}")], [("get_all", "{}")]),
        # a new id on a used index is a new call, if it has a name
        ([part(0, "a", "f", "{}"), part(0, "b", "g", "{}")], [("f", "{}"), ("g", "{}")]),
        ([part(0, "a", "f", '{"x'), part(0, "b", None, '":1}')], [("f", '{"x":1}')]),
        # no index and no id: whole calls stay separate, pieces are joined
        (
            [part(None, None, "f", '{"a":1}'), part(None, None, "f", '{"a":2}')],
            [("f", '{"a":1}'), ("f", '{"a":2}')],
        ),
        ([part(None, None, "f", "{"), part(None, None, None, "}")], [("f", "{}")]),
        # ids without indices, interleaved
        (
            [
                part(None, "a", "f", "{"),
                part(None, "b", "g", "["),
                part(None, "a", None, "}"),
                part(None, "b", None, "]"),
            ],
            [("f", "{}"), ("g", "[]")],
        ),
        # indices out of order, and as text
        ([part(1, "b", "g", "{}"), part(0, "a", "f", "{}")], [("f", "{}"), ("g", "{}")]),
        ([part("0", "a", "f", "{"), part("0", None, None, "}")], [("f", "{}")]),
        # arguments that are values
        ([part(0, "a", "f", {"x": 1})], [("f", {"x": 1})]),
        ([part(0, "a", "f", ""), part(0, None, None, {"x": 1})], [("f", {"x": 1})]),
        ([part(0, "a", "f", None)], [("f", None)]),
    ],
)
def test_a_part_is_added_to_its_call(parts: list[Any], expected: list[Any]) -> None:
    assert functions(*parts) == expected


def test_whole_calls_in_one_delta_without_index_and_id_stay_apart() -> None:
    same = {"function": {"name": "f", "arguments": "{}"}}
    message, _ = joined({"tool_calls": [same, same]})
    assert message["tool_calls"] == [same, same]


def test_values_that_are_not_calls_are_kept_among_the_calls() -> None:
    assert calls("get_weather", part(0, "a", "f", "{}"))[0] == "get_weather"


def test_flat_and_custom_calls_keep_their_form() -> None:
    flat = [{"index": 0, "id": "a", "name": "f", "arguments": "{"}, {"index": 0, "arguments": "}"}]
    assert calls(*flat) == [{"id": "a", "name": "f", "arguments": "{}"}]
    custom = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "l"}}
    rest = {"index": 0, "custom": {"input": "s"}}
    assert calls(custom, rest)[0]["custom"] == {"name": "sh", "input": "ls"}


def test_text_parts_of_content_lists_are_joined() -> None:
    def text(content: str) -> dict[str, str]:
        return {"type": "text", "text": content}

    message, added = joined({"content": "a"}, {"content": [text("b"), text("c")]}, {"content": "d"})
    assert message["content"] == [text("abcd")]
    assert [piece.text for piece in added] == ["a", "b\nc", "d"]


def test_reasoning_under_two_keys_is_one_piece() -> None:
    message, added = joined({"reasoning": "hm", "reasoning_content": "hm"})
    assert (message["reasoning"], message["reasoning_content"]) == ("hm", "hm")
    assert added == [Delta("reasoning", "hm")]


def test_reasoning_details_are_joined_by_index() -> None:
    def detail(text: str, index: int) -> dict[str, Any]:
        return {"reasoning_details": [{"type": "reasoning.text", "text": text, "index": index}]}

    message, _ = joined(detail("a", 0), detail("b", 0), detail("c", 1))
    assert [found["text"] for found in message["reasoning_details"]] == ["ab", "c"]


def test_only_pieces_of_the_first_choice_are_returned() -> None:
    joiner = ChunkJoiner()
    chunks = [
        {"choices": [{"index": at, "delta": {"content": text}}]} for at, text in enumerate("ab")
    ]
    assert [joiner.add(one) for one in chunks] == [[Delta("content", "a")], []]
    assert len(joiner.completion()["choices"]) == 2


TEXTS = st.text(alphabet='ab{}":ü😀\u2028 ', max_size=12)


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, max_size=4)), max_size=4), st.lists(TEXTS))
@settings(max_examples=60, deadline=None)
def test_pieces_add_up_to_the_message(
    named: list[tuple[str, list[str]]], content: list[str]
) -> None:
    deltas: list[dict[str, Any]] = [{"content": piece} for piece in content]
    for index, (name, pieces) in enumerate(named):
        deltas.append({"tool_calls": [part(index, f"id{index}", f"n{name}", "")]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": p}}]} for p in pieces]
    message, added = joined(*deltas)
    assert (message["content"] or "") == "".join(content)
    assert "".join(piece.text for piece in added if piece.kind == "content") == "".join(content)
    for index, (name, pieces) in enumerate(named):
        function = message["tool_calls"][index]["function"]
        assert (function["name"], function["arguments"] or "") == (f"n{name}", "".join(pieces))
        texts = [piece.text for piece in added if (piece.kind, piece.call) == ("arguments", index)]
        assert "".join(texts) == "".join(pieces)


VALUES = any_json("index", "id", "name", "function", "arguments", "type", "custom", "input")


@given(st.lists(VALUES, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_calls_are_joined_without_an_exception(values: list[Any]) -> None:
    message, _ = joined(*({"tool_calls": value, "function_call": value} for value in values))
    json.dumps(message)


def test_a_piece_of_a_call_under_another_index_belongs_to_that_call() -> None:
    calls = StreamedCalls()
    first = {"index": 0, "id": "a", "type": "function"}
    calls.add([{**first, "function": {"name": "ls", "arguments": '{"pa'}}])
    calls.add([{"index": 1, "function": {"arguments": 'th": "/"}'}}])
    (call,) = calls.whole()
    assert call["function"]["arguments"] == '{"path": "/"}'
    assert list(calls.flaws) == ["a piece of streamed call 0 has the index 1"]


def test_a_part_without_a_name_begins_a_call_if_the_previous_one_is_complete() -> None:
    calls = StreamedCalls()
    calls.add([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": "{}"}}])
    calls.add([{"index": 1, "function": {"arguments": "{}"}}])
    assert len(calls.whole()) == 2 and not calls.flaws


def test_arguments_are_complete_when_brackets_close_outside_strings() -> None:
    def begun(*pieces: str) -> int:
        first = part(0, "a", "f", pieces[0])
        rest = [part(0, f"made up {n}", None, piece) for n, piece in enumerate(pieces[1:])]
        return len(functions(first, *rest))

    assert begun('{"a": "}', '{"', "}") == 1
    assert begun('{"a": "\\', '"}"', "}") == 1
    assert begun("{}", "{}") == 2 and begun("{}", " ", "{}") == 2
    assert begun("{a}", "{}") == 1 and begun("[]", "[]") == 1 and begun("}{", "{}") == 1


def assert_joined_in_linear_time(
    deltas: Callable[[int], Iterable[dict[str, Any]]], count: int
) -> None:
    def joining(count: int) -> Work:
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas(count)]
        return lambda: join_chunks(chunks)

    assert_linear(joining, count)


@pytest.mark.parametrize("given", ["index", "id", "index and id", ""])
def test_joining_is_linear_in_the_streamed_calls(given: str) -> None:
    def deltas(count: int) -> Iterable[dict[str, Any]]:
        for n in range(count):
            place = {"index": n} if "index" in given else {}
            named = {"id": f"c{n}"} if "id" in given else {}
            yield {"tool_calls": [{**place, **named, "function": {"name": "f", "arguments": "{}"}}]}

    assert_joined_in_linear_time(deltas, 8_000)


@pytest.mark.parametrize("piece", ["some text ", "}"])
def test_joining_is_linear_in_argument_pieces_with_invented_ids(piece: str) -> None:
    def deltas(count: int) -> Iterable[dict[str, Any]]:
        yield {"tool_calls": [part(0, "c", "f", '{"a": "')]}
        for n in range(count):
            yield {"tool_calls": [part(0, f"c{n}", None, piece * 20)]}

    assert_joined_in_linear_time(deltas, 8_000)


def test_joining_is_linear_in_the_pieces_of_a_content_part() -> None:
    text = [{"type": "text", "text": "x" * 2_000}]
    assert_joined_in_linear_time(lambda count: [{"content": text}] * count, 4_000)


def test_joining_is_linear_in_the_pieces_of_reasoning_details() -> None:
    thought = [{"type": "reasoning.text", "index": 0, "text": "x" * 2_000}]
    assert_joined_in_linear_time(lambda count: [{"reasoning_details": thought}] * count, 4_000)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 0, "delta": {"text": "x" * 2_000}},
        {"model": "m", "done": False, "message": {"content": "x" * 2_000}},
        {"model": "m", "done": False, "message": {"tool_calls": [{"id": "a"}] * 300}},
    ],
)
def test_joining_is_linear_in_the_events_of_other_streams(event: dict[str, Any]) -> None:
    assert_linear(lambda count: lambda: join_chunks([event] * count), 4_000)
