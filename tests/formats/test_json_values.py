"""Foreign JSON is read as far as possible, and anything malformed is reported with its place."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.json_text.deep_json import without_deep_values
from hermes_tui.formats.json_text.json_values import MAX_DUPLICATES, decode_if_json, load
from tests.timing import Work, assert_linear

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_load_without_an_exception(data: bytes) -> None:
    loaded = load(data)
    assert loaded.values or loaded.problems or not data.strip(b" \t\r\n\xef\xbb\xbf")
    assert all(0 <= problem.offset <= len(data) for problem in loaded.problems)


@settings(max_examples=60)
@given(json_values, st.booleans())
def test_valid_json_loads_without_a_problem(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert load(text.encode("utf-8")) == ((value,), ())


@settings(max_examples=60)
@given(json_values, st.integers(0, 300))
def test_a_document_truncated_anywhere_loads_without_an_exception(value: Any, at: int) -> None:
    data = json.dumps({"messages": [value, value]}).encode()
    loaded = load(data[:at])
    assert loaded.problems or at == 0 or at >= len(data)


def test_a_truncated_document_is_read_to_its_end_and_the_place_reported() -> None:
    data = b'{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"I wi'
    values, problems = load(data)
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "I wi"}]
    assert values == ({"messages": messages},)
    assert problems == ((len(data), "the JSON is truncated here; what comes before it is shown"),)


@pytest.mark.parametrize(
    ("torn", "kept"),
    [
        (r'{"a":1,"b":"caf', {"a": 1, "b": "caf"}),
        (r'{"a":1,"b":"', {"a": 1, "b": ""}),
        (r'{"a":1,"b":"x\n\"y\\', {"a": 1, "b": 'x\n"y\\'}),
        ('{"a":1,"b":"x\\', {"a": 1, "b": "x"}),
        (r'{"a":1,"b":"x\u00', {"a": 1, "b": "x"}),
        (r'{"a":1,"b":"x\ud83d', {"a": 1, "b": "x"}),
        (r'{"a":1,"b":"x\ud83d\ude', {"a": 1, "b": "x"}),
        (r'{"a":1,"b":"x\\ud83d', {"a": 1, "b": r"x\ud83d"}),
        (r'{"a":1,"b":"{\"c\":[1,', {"a": 1, "b": '{"c":[1,'}),
        (r'{"a":1,"b', {"a": 1}),
        (r'{"a":1,"b":', {"a": 1}),
        (r'{"a":1,"b":12', {"a": 1}),
        (r'{"a":1,"b":1.', {"a": 1}),
        (r'{"a":1,"b":tr', {"a": 1}),
        (r'{"a":1,"b":true', {"a": 1, "b": True}),
        (r'{"a":1,"b":[{"c":[', {"a": 1}),
        (r'[["x"],[2,"y', [["x"], [2, "y"]]),
        (r'{"a":1}{"b":"c', {"b": "c"}),
    ],
)
def test_only_meaningful_parts_of_a_torn_end_are_kept(torn: str, kept: Any) -> None:
    values, problems = load(torn.encode())
    assert values[-1] == kept
    assert problems[0] == (len(torn), "the JSON is truncated here; what comes before it is shown")


@pytest.mark.parametrize(
    ("broken", "kept", "offset"),
    [
        (r'{"a":"x","b":oops,"c":"d"}', {"a": "x"}, 13),
        (r'{"a":"x" "b":"y"}', {"a": "x"}, 9),
        (r'{"a":"x\q and more"}', {"a": "x"}, 7),
        (r'{"a":[1,2},"b":3}', {"a": [1, 2]}, 9),
    ],
)
def test_values_before_a_break_are_kept(broken: str, kept: Any, offset: int) -> None:
    values, problems = load(broken.encode())
    assert values == (kept,)
    assert problems[0].offset == offset
    assert "breaks here" in problems[0].message


@pytest.mark.parametrize("torn", ['["', '["\\"', "[{", '{"a":"', "[1,", '{"a":1,"a'])
def test_a_long_torn_document_is_closed_in_linear_time(torn: str) -> None:
    def loading(count: int) -> Work:
        data = (torn * count).encode()
        return lambda: load(data)

    assert_linear(loading, 200_000 // len(torn))


def test_several_values_on_one_line_are_all_kept() -> None:
    values, problems = load(b'{"a":1}{"b":2} [3]')
    assert values == ({"a": 1}, {"b": 2}, [3])
    assert problems[0].message == "3 JSON values on one line"


def test_garbage_after_a_value_is_reported_where_it_begins() -> None:
    values, problems = load(b'{"a":"\xc3\xa9"} oops')
    assert values == ({"a": "é"},)
    assert problems[0].offset == 11


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_json_are_read_and_reported(literal: str) -> None:
    values, problems = load(b'{"a":%s,"b":2}' % literal.encode())
    assert math.isnan(values[0]["a"]) or math.isinf(values[0]["a"])
    assert values[0]["b"] == 2
    assert literal in problems[0].message


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_too_long_to_convert_is_kept_as_text(sign: str) -> None:
    digits = sign + "7" * 5000
    values, problems = load(f'{{"a":{digits},"b":2}}'.encode())
    assert values == ({"a": digits, "b": 2},)
    message = "a number of 5,000 digits is too long to read; kept as text"
    assert problems == ((5, message),)


def test_numbers_that_are_not_json_are_reported_at_the_first_of_each_kind() -> None:
    data = '{"é":"NaN \\" NaN","a":[1,NaN],"b":-Infinity,"c":NaN}'.encode()
    reported = [(data[offset:].split(b",")[0], message) for offset, message in load(data).problems]
    assert reported == [
        (b"NaN]", "NaN is not JSON; read as a number"),
        (b"-Infinity", "-Infinity is not JSON; read as a number"),
    ]
    digits = b"8" * 5000
    data = b'["' + digits + b'",0.' + digits + b"," + digits + b",Infinity," + digits + b"]"
    assert [offset for offset, _ in load(data).problems] == [10_007, 15_008]


def test_numbers_in_a_torn_document_with_many_escapes_are_found_quickly() -> None:
    def loading(count: int) -> Work:
        data = b'[NaN,"' + b'\\"' * count

        def work() -> None:
            assert (1, "NaN is not JSON; read as a number") in load(data).problems

        return work

    assert_linear(loading, 300_000)


def test_a_raw_control_character_is_read_and_its_place_reported() -> None:
    values, problems = load(b'{"a":"x\x1b[31m"}')
    assert values == ({"a": "x\x1b[31m"},)
    assert problems == ((7, "a raw control character in a string"),)


def test_escaped_lone_surrogates_are_valid_json() -> None:
    assert load(b'{"a":"\\ud800"}') == (({"a": "\ud800"},), ())


def test_invalid_utf8_is_kept_as_surrogate_escapes_and_reported() -> None:
    values, problems = load(b'{"a":"\xff\xfe"}')
    assert values[0]["a"].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert problems == ((6, "invalid UTF-8"),)


def test_a_byte_order_mark_is_skipped() -> None:
    assert load(b'\xef\xbb\xbf{"a":1}') == (({"a": 1},), ())


@pytest.mark.parametrize(
    ("data", "offsets"),
    [
        (b'{"a":1,"a":2}', [7]),
        (b'{"x":[{"a":1},{"a":2}]}', []),
        ('{"é":{"é":0},"é":"a\\":"}'.encode(), [15]),
        (b'{"a":1,"\\u0061":2}', [7]),
        (b'{"a" : 1, "a"\t: 2}', [10]),
        (b'{"a:b":":","c":{"a:b":"::"},"c":":"}', [28]),
        (b'{"a:b":":","c":{"a:b":"\\u003a"}}', []),
        (b"{" + b",".join([b'"k":0'] * 20) + b"}", [7, 13, 19, 25, 31]),
        (b'{"n":[1,2,{"b":0}],"m":[[{"c":1,"c":2}]],"t":"\\":\\":"}', [32]),
        (b'[[{"a":0,"a":1}],[0,[{"b":0}]],"\\":"]', [9]),
        (b'{"n":[1,2,{"b":0}],"m":[[{"c":1,"d":2}]],"t":"\\":\\":"}', []),
    ],
)
def test_duplicate_keys_are_reported_at_their_second_place(data: bytes, offsets: list[int]) -> None:
    _, problems = load(data)
    assert [problem.offset for problem in problems] == offsets
    assert len(problems) <= MAX_DUPLICATES


def test_the_last_of_two_equal_keys_counts() -> None:
    assert load(b'{"a":1,"a":2}').values == ({"a": 2},)


@pytest.mark.parametrize("depth", [200, 900])
def test_deep_nesting_is_read(depth: int) -> None:
    value: Any = load(b'{"a":' * depth + b"[]" + b"}" * depth).values[0]
    for _ in range(depth):
        value = value["a"]
    assert value == []


def test_nesting_too_deep_to_read_is_reported() -> None:
    values, problems = load(b"[" * 200_000)
    assert values == ()
    assert problems[0].offset == 500
    assert problems[0].message.startswith("nested more than 500 levels deep here")


@pytest.mark.parametrize("odd", [b"1", b"NaN"])
def test_the_neighbours_of_a_value_nested_too_deeply_are_read(odd: bytes) -> None:
    deep = b"[" * 1_100 + b"]" * 1_100
    values, problems = load(b'{"a": "[[", "deep": ' + deep + b', "odd": ' + odd + b', "b": 2}')
    assert [value["a"] + str(value["b"]) for value in values] == ["[[2"]
    assert (problems[0].offset, len(problems)) == (20 + 499, 1 + (odd == b"NaN"))


@given(st.binary(max_size=40), st.integers(495, 505), st.integers(0, 510), st.binary(max_size=40))
@settings(max_examples=50)
def test_text_without_its_deep_values_keeps_its_length(
    before: bytes, opened: int, closed: int, after: bytes
) -> None:
    data = before + b"[{" * opened + b"}]" * closed + after
    shallow, places = without_deep_values(data)
    assert len(shallow) == len(data)
    assert all(data[place : place + 1] in (b"[", b"{") for place in places)
    assert without_deep_values(shallow) == (shallow, ())


@pytest.mark.parametrize(
    ("given_value", "decoded"),
    [
        ('{"a":1}', {"a": 1}),
        ('"[1]"', [1]),
        (json.dumps(json.dumps(json.dumps(json.dumps("x")))), '"x"'),
        ("plain", "plain"),
        ("{broken", "{broken"),
        (7, 7),
    ],
)
def test_json_in_strings_is_decoded_three_levels_deep(given_value: Any, decoded: Any) -> None:
    assert decode_if_json(given_value) == decoded


@pytest.mark.parametrize(
    ("data", "values", "problems"),
    [
        (b'{"a":1},', ({"a": 1},), [(7, "commas outside of a list: 1")]),
        (
            b'{"a":1},\n[2],\n',
            ({"a": 1}, [2]),
            [(7, "commas outside of a list: 2"), (0, "2 JSON values on one line")],
        ),
        (bytes(7), (), [(0, "zero bytes, as after a crash or on a full disk: 7")]),
        (
            bytes(7) + b'{"a":1}' + bytes(3),
            ({"a": 1},),
            [(0, "zero bytes, as after a crash or on a full disk: 10")],
        ),
    ],
    ids=["comma behind", "commas between", "zeros", "zeros around"],
)
def test_text_between_values_is_reported_once(
    data: bytes, values: Any, problems: list[tuple[int, str]]
) -> None:
    loaded = load(data)
    assert loaded.values == values
    assert list(loaded.problems) == problems


@pytest.mark.parametrize("before", [b"", b"\0", b"\xff\xfe"], ids=["first", "later", "marked"])
def test_a_line_that_a_shell_appended_in_utf_16_is_read(before: bytes) -> None:
    line = before + '{"a":"h\u00e9"}\r\n'.encode("utf-16-le")[:-1]
    assert load(line) == (
        ({"a": "h\u00e9"},),
        ((len(before), "UTF-16 in a UTF-8 file; read as UTF-16"),),
    )


def test_a_value_torn_by_a_crash_into_zeros_is_not_utf_16() -> None:
    loaded = load(b'{"a":"half' + bytes(20))
    assert loaded.values and "UTF-16" not in str(loaded.problems)
    assert "UTF-16" not in str(load(b"{" + bytes(20)).problems)


def test_many_commas_between_values_take_linear_time() -> None:
    assert_linear(lambda count: lambda: load(b'{"a":1},\n' * count), 40_000)
