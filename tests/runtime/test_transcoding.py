"""JSON in UTF-16 and UTF-32 is read as if it were UTF-8."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.runtime.packed.transcoding import as_utf8, wide_encoding
from tests.cli.program import hermes_tui, within
from tests.runtime.test_sources import read_whole

TEXT = '{"role":"user","content":"h\u00e9 \U0001f600"}\r\n{"role":"assistant","content":"hi"}\r\n'
ENCODINGS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
MARKS = pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["without mark", "with mark"])


def split(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@MARKS
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_wide_file_is_read_as_utf8(tmp_path: Path, encoding: str, mark: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes((mark + TEXT).encode(encoding))
    assert read_whole(path) == (TEXT.encode(), "")
    done = within("scan", path)
    assert (done.code, done.err) == (0, "")
    assert "2 messages" in done.text


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_wide_stream_on_standard_input_is_read(pack: type[bytes]) -> None:
    done = hermes_tui("open", "-", stdin=pack(TEXT.encode("utf-16")))
    assert (done.code, done.err) == (0, "")
    assert "h\u00e9 \U0001f600" in done.text


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(),
    mark=st.sampled_from(("", "\ufeff")),
    encoding=st.sampled_from(ENCODINGS),
    sizes=st.lists(st.integers(0, 9), max_size=9),
)
def test_a_stream_may_be_split_anywhere(
    text: str, mark: str, encoding: str, sizes: list[int]
) -> None:
    text = '[{"' + text
    pieces = split((mark + text).encode(encoding), sizes)
    assert b"".join(as_utf8(pieces)) == text.encode()


@settings(max_examples=60, deadline=None)
@given(data=st.binary(), sizes=st.lists(st.integers(0, 9), max_size=9))
def test_other_bytes_are_passed_on_unchanged(data: bytes, sizes: list[int]) -> None:
    if not wide_encoding(data):
        assert b"".join(as_utf8(split(data, sizes))) == data


@pytest.mark.parametrize(
    "head", [b"", b"{", b"{}\n", b'{"a', b"\0\0\0\0", b"a\0b\0", b"\0\0\0a", b"\x1f\x8b\0\0"]
)
def test_a_head_without_marks_or_json_is_not_wide(head: bytes) -> None:
    assert wide_encoding(head) == ""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_cut_within_a_character_is_kept_and_reported(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(TEXT.encode(encoding)[:-1])
    data, failure = read_whole(path)
    assert data == TEXT.encode()[:-1]
    assert failure == f"{path}: damaged {encoding[:6].upper()} text: truncated data"


@MARKS
def test_an_invalid_character_ends_the_text_and_is_reported(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes((mark + TEXT).encode("utf-32-le") + b"\xff" * 4 + TEXT.encode("utf-32-le"))
    data, failure = read_whole(path)
    assert data == TEXT.encode()
    assert f"{path}: damaged UTF-32 text" in failure


def test_a_lone_surrogate_is_reported_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(TEXT.replace("\U0001f600", "\ud83d").encode("utf-16", "surrogatepass"))
    done = within("scan", "--runs", "--json", path)
    assert done.code == 1
    assert f"byte {len(TEXT.split(chr(0x1F600), 1)[0].encode())} of the file: invalid" in done.text


@MARKS
@pytest.mark.parametrize("encoding", ENCODINGS[:2])
def test_a_lone_surrogate_at_the_end_is_kept(encoding: str, mark: str) -> None:
    wide = (mark + TEXT + "\ud83d").encode(encoding, "surrogatepass")
    assert b"".join(as_utf8([wide])) == (TEXT + "\ud83d").encode("utf-8", "surrogatepass")
