"""Bad input is normal: one clear line, with the byte if that helps, and the rest is read."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.cli.program import hermes_tui, within

USER = b'{"role":"user","content":"hi"}\n'
MODEL = b'{"role":"assistant","content":"hello"}\n'


def only_row(out: str) -> dict[str, Any]:
    (line,) = out.splitlines()
    row: dict[str, Any] = json.loads(line)
    return row


def defects(path: Path) -> tuple[int, list[str], int]:
    """Return the exit code, the messages of SOURCE_DEFECT and the number of messages."""
    done = within("scan", "--runs", "--json", path)
    assert done.err == ""
    row = only_row(done.text)
    found = [f["message"] for f in row["findings"] if f["code"] == "SOURCE_DEFECT"]
    assert row["defects"] == len(found)
    return done.code, found, row["messages"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"\n\n", "only whitespace"),
        (b"\x00\x01\x02\xff" * 50, "binary data"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
            "a Git LFS pointer, not the data (run `git lfs pull`",
        ),
        (b"hello\n", "no JSON value found in it"),
        (b'{"loss": 0.5}\n', "nothing in it looks like a message"),
    ],
    ids=["empty", "blank", "binary", "lfs", "text", "other json"],
)
@pytest.mark.parametrize("command", ["scan", "open", "export"])
def test_a_named_file_that_is_not_a_transcript_is_one_line_and_3(
    tmp_path: Path, content: bytes, reason: str, command: str
) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    more = ["--to", "openai"] if command == "export" else []
    done = within(command, path, *more)
    assert (done.code, done.out) == (3, b"")
    assert done.one_line.startswith(f"hermes-tui: {path}: ")
    assert reason in done.one_line


@pytest.mark.parametrize("command", ["scan", "open"])
def test_a_path_that_cannot_be_opened_is_one_line_and_3(tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.json").write_bytes(USER)
    for name, reason in {
        "pipe.json": "not a regular file",
        "pipe.zip": "not a regular file",
        "dangling.json": "no such file",
        "missing.json": "no such file",
        "empty": "no transcripts in this folder",
        "*.jsonl": "no file matches",
        "file.json/inside.json": "Not a directory",
    }.items():
        done = within(command, tmp_path / name)
        assert (done.code, done.out) == (3, b""), name
        assert reason in done.one_line


def test_a_truncated_document_shows_its_messages_and_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    whole = json.dumps({"messages": [json.loads(USER), json.loads(MODEL)] * 3}, indent=1).encode()
    cut_at = whole.rindex(b'"hello"') + 3
    path.write_bytes(whole[:cut_at])
    code, found, messages = defects(path)
    assert (code, messages) == (1, 6)
    assert len(found) == 1
    assert f"byte {cut_at} of the file: the JSON is truncated here" in found[0]
    assert "what comes before it is shown" in found[0]


def test_a_truncated_array_shows_its_messages_and_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    whole = json.dumps([json.loads(USER), json.loads(MODEL)] * 3, indent=1).encode()
    cut_at = whole.rindex(b'"hello"') + 3
    path.write_bytes(whole[:cut_at])
    code, found, messages = defects(path)
    assert (code, messages, len(found)) == (1, 6, 1)
    assert f"byte {cut_at} of the file" in found[0]


def test_a_torn_last_line_is_named_by_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(USER + MODEL + USER[:-4])
    code, found, messages = defects(path)
    assert (code, messages, len(found)) == (1, 3, 1)
    assert f"byte {len(USER + MODEL + USER) - 4} of the file" in found[0]


@pytest.mark.parametrize(
    "torn",
    [
        '{"messages":[{"role":"user","content":"half a sen',
        '{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"half a sen',
        '[{"role":"user","content":"half a sen',
        '[{"role":"user","content":"hi"},{"role":"assistant","content":"half a sen',
    ],
    ids=["first message", "reply", "first message of an array", "reply in an array"],
)
def test_a_message_cut_off_by_the_end_of_the_file_is_shown_as_far_as_it_goes(torn: str) -> None:
    done = hermes_tui("export", "-", "--to", "openai", stdin=torn.encode())
    assert '"half a sen"' in done.text
    shown = hermes_tui("open", "-", stdin=torn.encode()).text
    assert f"byte {len(torn)} of the file: the JSON is truncated here" in shown


@pytest.mark.parametrize("torn", [b"[" * 5000, b'{"a":' * 20_000], ids=["lists", "objects"])
def test_nesting_too_deep_to_read_is_reported(torn: bytes) -> None:
    done = hermes_tui("open", "-", stdin=torn)
    assert done.code == 3
    assert "nested more than 500 levels deep" in done.one_line


def test_two_values_on_one_line_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(USER + MODEL + USER.strip() + MODEL)
    code, found, messages = defects(path)
    assert (code, messages) == (1, 4)
    assert found == [f"byte {len(USER + MODEL)} of the file: 2 JSON values on one line"]


def test_nan_is_read_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(USER + b'{"role":"assistant","content":"x","reward":NaN}\n')
    code, found, messages = defects(path)
    assert (code, messages) == (1, 2)
    assert "NaN is not JSON" in found[0]


def test_a_duplicate_key_is_reported_at_its_second_position(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(USER + b'{"role":"assistant","content":"first","content":"second"}\n')
    code, found, messages = defects(path)
    assert (code, messages) == (1, 2)
    offset = len(USER) + len('{"role":"assistant","content":"first",')
    assert found == [
        f'byte {offset} of the file: key "content" appears twice in one object; the last one counts'
    ]


def test_arguments_nested_200_deep_are_read(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    deep = '{"a":' * 200 + "1" + "}" * 200
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": deep}}
    answer = {"role": "tool", "tool_call_id": "c", "content": deep}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    path.write_text(json.dumps([json.loads(USER), message, answer]))
    assert within("scan", path).code == 0
    assert within("open", path).code == 0
    for to in ("openai", "sharegpt", "markdown", "html", "native"):
        assert within("export", path, "--to", to).code == 0


def test_a_value_nested_200_deep_in_place_of_arguments_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    deep: Any = 1
    for _ in range(200):
        deep = {"a": [deep]}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": deep}}
    message = {"role": "assistant", "content": deep, "tool_calls": [call]}
    path.write_text(json.dumps([json.loads(USER), message]))
    for command in (["scan", "--runs", "--json"], ["open"], ["export", "--to", "native"]):
        done = within(*command, path)
        assert (done.code, done.err) == (0, ""), command


def test_too_deep_nesting_hides_neither_its_line_nor_the_others(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    deep = b'{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    path.write_bytes(USER + deep + MODEL)
    code, found, messages = defects(path)
    assert (code, messages) == (1, 3)
    place = len(USER) + len(b'{"role":"user","content":') + 500 - 1
    message = "nested more than 500 levels deep here; deeper values are left out"
    assert found == [f"byte {place:,} of the file: {message}"]


def test_too_deep_nesting_does_not_hide_the_messages_of_a_document(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.json"
    deep = b'{"role":"user","content":"x","deep":' + b"[" * 1_100 + b"]" * 1_100 + b"}"
    path.write_bytes(b'{"messages":[%s,%s,%s]}' % (USER.strip(), deep, MODEL.strip()))
    code, found, messages = defects(path)
    assert (code, messages, len(found)) == (1, 3, 1)


def test_invalid_utf8_is_read_and_named_by_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(USER + b'{"role":"assistant","content":"caf\xe9"}\n')
    code, found, messages = defects(path)
    assert (code, messages) == (1, 2)
    assert found == [f"byte {len(USER) + 34} of the file: invalid UTF-8"]


@pytest.mark.parametrize(
    "pack",
    [lambda data: data, gzip.compress, zstandard.ZstdCompressor().compress],
    ids=["plain", "gzip", "zstd"],
)
def test_packed_files_and_standard_input_are_read_in_place(tmp_path: Path, pack: Any) -> None:
    data = pack(USER + MODEL)
    path = tmp_path / "run.anything"
    path.write_bytes(data)
    from_file = only_row(within("scan", "--json", path).text)
    done = hermes_tui("scan", "--json", "-", stdin=data)
    assert done.code == 0
    assert only_row(done.text) == {**from_file, "path": "-"}
    assert from_file["messages"] == 2
    assert "assistant" in hermes_tui("open", "-", stdin=data).text


@pytest.mark.parametrize("as_stdin", [False, True], ids=["file", "stdin"])
def test_the_readable_part_of_a_torn_packed_file_is_shown_and_the_code_is_3(
    tmp_path: Path, as_stdin: bool
) -> None:
    lines = b"".join(
        b'{"role":"user","content":"%s"}\n' % os.urandom(3000).hex().encode() for _ in range(50)
    )
    data = gzip.compress(lines)[:-2000]
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(data)
    done = hermes_tui("scan", "--json", *(["-"] if as_stdin else [path]), stdin=data)
    assert done.code == 3
    assert only_row(done.text)["messages"] > 40
    assert "ended before the end-of-stream marker" in done.one_line


def test_empty_standard_input_is_3(tmp_path: Path) -> None:
    done = hermes_tui("scan", "-")
    assert (done.code, done.one_line) == (
        3,
        "hermes-tui: -: empty file (nothing was written to it)",
    )


def test_a_recording_of_a_newer_version_is_3_and_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text('{"schema":99,"kind":"RunStarted","seq":0}\n')
    done = within("scan", path)
    assert done.code == 3
    assert "update hermes-tui" in done.one_line


def test_a_line_of_another_format_is_reported_with_the_format(tmp_path: Path) -> None:
    other = {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}
    path = tmp_path / "run.jsonl"
    path.write_bytes((USER + MODEL) * 3 + json.dumps(other).encode() + b"\n" + USER)
    _, found, messages = defects(path)
    assert messages == 7
    assert any("looks like sharegpt (--format sharegpt reads it)" in message for message in found)
