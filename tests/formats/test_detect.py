"""The format of a file is detected from its content alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.detect import HEAD, detect
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.registry import formats
from tests.bytes_source import BytesSource
from tests.formats.foreign import lines

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def found(data: bytes, wanted: str = "") -> tuple[str, Layout, Unit]:
    detection = detect(BytesSource(data), formats(), format_name=wanted)
    assert detection.reader is not None, detection.reason
    return detection.reader.name, detection.reader.layout, detection.reader.unit


@pytest.mark.parametrize(
    ("data", "layout", "unit"),
    [
        (json.dumps(CHAT, indent=2).encode(), Layout.ARRAY, Unit.PARTS),
        (json.dumps(CHAT).encode(), Layout.ARRAY, Unit.PARTS),
        (lines(*CHAT), Layout.LINES, Unit.PARTS),
        (lines(CHAT[0]), Layout.LINES, Unit.PARTS),
        (lines({"messages": CHAT}, {"messages": CHAT}), Layout.LINES, Unit.RUNS),
        (json.dumps({"messages": CHAT}, indent=1).encode(), Layout.DOCUMENT, Unit.RUNS),
        (json.dumps([CHAT, CHAT], indent=1).encode(), Layout.ARRAY, Unit.RUNS),
        (lines(CHAT, CHAT), Layout.LINES, Unit.RUNS),
    ],
    ids=[
        "array of messages",
        "array on one line",
        "a message a line",
        "one line",
        "a run a line",
        "document",
        "array of runs",
        "an array a line",
    ],
)
def test_every_container_of_chat_messages_has_its_layout_and_unit(
    data: bytes, layout: Layout, unit: Unit
) -> None:
    assert found(data) == ("openai-messages", layout, unit)


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n\n  \r\n", b"\t"])
def test_marks_and_blanks_before_the_content_do_not_matter(before: bytes) -> None:
    assert found(before + lines(*CHAT))[0] == "openai-messages"
    assert found(before + json.dumps(CHAT, indent=1).encode())[0] == "openai-messages"


def test_empty_lines_do_not_hide_the_format() -> None:
    empty = b"\n" * 300_000
    for data in (lines(CHAT[0]) + empty + lines(CHAT[1]), empty + lines(*CHAT)):
        assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


@pytest.mark.parametrize(
    "data",
    [
        lines(*CHAT) + bytes(4096),
        lines(CHAT[0]) + bytes(700) + b"\n" + lines(CHAT[1]),
        bytes(700) + lines(*CHAT, *CHAT),
        bytes(100_000) + lines(*CHAT, *CHAT),
    ],
    ids=["behind", "between", "before", "long before"],
)
def test_zero_bytes_left_by_a_crash_do_not_hide_the_format(data: bytes) -> None:
    assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


def test_lines_that_end_in_commas_are_lines() -> None:
    data = lines(*CHAT).replace(b"\n", b",\n")
    assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


def test_lines_of_utf_16_after_those_of_utf_8_do_not_matter() -> None:
    data = lines(*CHAT) + lines(*CHAT).decode().encode("utf-16")
    assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


def test_windows_line_ends_do_not_matter() -> None:
    data = lines(*CHAT).replace(b"\n", b"\r\n")
    assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


def test_a_broken_first_line_does_not_hide_the_following_lines() -> None:
    data = b'{"role": "user", "content": oops}\n' + lines(*CHAT)
    assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


def test_glued_values_on_the_first_line_do_not_hide_the_format() -> None:
    data = lines(CHAT[0]).strip() + lines(CHAT[1]) + lines(*CHAT)
    assert found(data) == ("openai-messages", Layout.LINES, Unit.PARTS)


def test_a_truncated_document_is_recognised_by_its_complete_part() -> None:
    data = json.dumps({"messages": CHAT * 3}, indent=1).encode()
    assert found(data[:-60]) == ("openai-messages", Layout.DOCUMENT, Unit.RUNS)


def test_a_first_line_longer_than_the_head_is_read_whole() -> None:
    big = {"messages": [{"role": "user", "content": "x" * 3 * HEAD}]}
    assert found(lines(big, big)) == ("openai-messages", Layout.LINES, Unit.RUNS)
    assert found(json.dumps([big, big], indent=1).encode())[1] is Layout.ARRAY


def test_a_short_first_line_does_not_hide_a_long_second_one() -> None:
    header = {"accuracy": 0.5, "correct_count": 1, "total_count": 2}
    case = {"id": "simple_0", "result": "x" * 200_000}
    assert found(lines(header, case))[0] == "bfcl"


def test_a_requested_format_is_used_even_if_it_does_not_fit() -> None:
    assert found(lines(*CHAT), wanted="generic")[0] == "generic"
    assert found(lines(*CHAT), wanted="atropos-group")[0] == "atropos-group"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b" \n\r\n\t", "only whitespace"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\n <HTML>", "an HTML page"),
        (b"PK\x03\x04\x14", "a zip archive"),
        (b"a/run.json" + bytes(247) + b"ustar\0" + b'\n{"role":"user"}' * 9, "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive"),
        (b"ARROW1\0\0\xff\xff", "an Arrow file"),
        (b"\x80\x04\x95\x1c\0", "a Python pickle"),
        (bytes(100_000), "nothing but zero bytes"),
        (b"\0\x01\xff" * 500 + b'\n{"role":"user","content":"x"}\n\0\n\0\n', "binary data"),
        (b"\x7fELF\x02\x01\x01\0\0", "binary data"),
        ("{'role'".encode("utf-16"), "binary data"),
        (b"Traceback (most recent call last):\n  boom\n", "no JSON value"),
        (b"42\n43\n", "JSON, but neither an object nor a list"),
        (b'"hello"', "JSON, but neither an object nor a list"),
        (b"42 is the answer\n", "no JSON value"),
        (b'{\n "about": "me",\n "tools": [\n  {"na', "truncated at byte 36, before any message"),
        (b'{"loss": 0.3}\n{"loss": 0.2}\n', "nothing in it looks like a message"),
        (b"[" * 5000, "no JSON value"),
    ],
)
def test_a_file_that_is_not_a_transcript_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is None
    assert reason in detection.reason
    assert detection.hint


@pytest.mark.parametrize(
    "data",
    [
        b"{%- for message in messages %}\n<tool_call>\n{{ message.content }}{%- endfor %}\n",
        b'{\n "chat_template": "{% for m in messages %}<tool_call>\\n{\\"name\\": ",\n "x": 1\n}',
        b'{"chat_template": "{% for m in messages %}<tool_call>\\n{\\"name\\": "}',
    ],
)
def test_a_chat_template_is_not_taken_for_the_text_of_a_model(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is None
    assert detection.hint.startswith("it is or has a chat template: `hermes-tui parsers` lists")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[{'role': 'user', 'content': None}]\n", "Python's repr"),
        ("{'messages': [], 'reward': np.float64(0.5)}\n", "Python's repr"),
        ('12:00 INFO {"messages": [{"role": "user", "content": "x"}]}\n', "`grep -o '{.*' FILE`"),
        ('(rank 0) [{"role": "user", "content": "x"}]\n', r"`grep -o '\[.*' FILE`"),
        ('12:00 INFO {"loss": 0.3}\n', "is it a transcript?"),
        (
            '<tool_call>\n{"name": "ls", "arguments": {},}\n</tool_call>\n',
            "`hermes-tui parse FILE`",
        ),
        ('<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>\n', "`hermes-tui parse FILE`"),
    ],
)
def test_the_hint_for_a_pasted_text_says_how_to_read_it(text: str, hint: str) -> None:
    detection = detect(BytesSource(text.encode()), formats())
    assert detection.reader is None and hint in detection.hint


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("text", "`hermes-tui parse --batch FILE`"),
        ("said", "`jq -c '{text: .said}' FILE | hermes-tui parse --batch`"),
    ],
)
def test_the_hint_for_rows_of_a_models_texts_says_how_to_read_them(key: str, hint: str) -> None:
    call = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    detection = detect(BytesSource(lines({"id": 1, key: "no"}, {"id": 2, key: call})), formats())
    assert detection.reader is None and hint in detection.hint
    plain = detect(BytesSource(lines({"id": 1, key: "no"}, {"id": 2, key: "[1]"})), formats())
    assert plain.reader is None and "--format NAME" in plain.hint


def test_an_incomplete_source_is_reported_as_empty_so_far() -> None:
    assert detect(BytesSource(b"", complete=False), formats()).reason == "empty so far"


class _Twin:
    summary = "fits everything"

    def __init__(self, name: str, score: float) -> None:
        self.name, self.score = name, score

    def sniff(self, sample: Sample) -> Match | None:
        return Match(self.score, Unit.PARTS)

    def read(self, value: Any, build: Any) -> None:
        raise AssertionError("not read here")


def test_formats_that_fit_equally_well_are_named_as_rivals() -> None:
    twins = [_Twin("a", 0.5), _Twin("b", 0.8), _Twin("c", 0.8)]
    detection = detect(BytesSource(lines(*CHAT)), twins)
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("b", ("c",))


def test_format_names_are_unique() -> None:
    names = [item.name for item in formats()]
    assert len(names) == len(set(names))
    assert names[-1] == "generic"
    assert all(item.summary and "\n" not in item.summary for item in formats())


@settings(max_examples=80)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}":, \nab0', max_size=60).map(str.encode))
def test_any_bytes_are_recognised_or_refused_with_a_reason(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None or detection.reason


@pytest.mark.parametrize("depth", [400, 985, 1010, 1023, 5_000])
def test_lines_of_any_nesting_depth_are_detected(depth: int) -> None:
    deep = '{"role": "user", "content": ' + "[" * depth + "]" * depth + "}\n"
    assert found(lines(*CHAT) + deep.encode())[0] == "openai-messages"
    detect(BytesSource(deep.encode()), formats())
