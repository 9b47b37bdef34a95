"""Files are read and written only inside the working folder and within limits."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from hermes_tui.runtime.tools.builtin import BuiltinTools
from tests.tools.helpers import CONTEXT, answer_of


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def box(workdir: Path) -> BuiltinTools:
    return BuiltinTools(workdir, ["read_file", "write_file"])


async def test_a_written_file_can_be_read(box: BuiltinTools, workdir: Path) -> None:
    written = await answer_of(box, "write_file", path="a/b/notes.txt", content="eins\nzwei ä\n")
    assert written == {"path": "a/b/notes.txt", "bytes_written": 13}
    assert await answer_of(box, "read_file", path="a/b/notes.txt") == {
        "content": "eins\nzwei ä\n",
        "offset": 0,
        "lines": 2,
    }
    assert [item.name for item in (workdir / "a/b").iterdir()] == ["notes.txt"]


async def test_lines_are_read_from_an_offset_and_the_next_offset_is_given(
    box: BuiltinTools, workdir: Path
) -> None:
    (workdir / "n").write_text("".join(f"{i}\n" for i in range(10)))
    result = await answer_of(box, "read_file", path="n", offset=3, limit="2")
    assert result == {"content": "3\n4\n", "offset": 3, "lines": 2, "next_offset": 5}


async def test_reading_beyond_the_end_is_an_error(box: BuiltinTools, workdir: Path) -> None:
    (workdir / "n").write_text("one\n")
    result = await answer_of(box, "read_file", path="n", offset=9)
    assert result == {"error": "n: has no line after the first 9"}


async def test_only_a_part_of_a_huge_file_is_read(workdir: Path) -> None:
    with (workdir / "huge").open("wb") as file:
        file.truncate(5_000_000_000)
    box = BuiltinTools(workdir, keep_bytes=1000)
    result = await answer_of(box, "read_file", path="huge")
    assert len(result["content"]) == 1000
    assert result["note"] == "line 1 is cut: the limit is 1,000 bytes"


@pytest.mark.parametrize("name", ["read_file", "write_file"])
@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/hostname", "~/x", "link", "folder/secret.txt", "a/../../x"]
)
async def test_nothing_outside_the_working_folder_is_touched(
    box: BuiltinTools, workdir: Path, name: str, path: str
) -> None:
    (workdir / "link").symlink_to(workdir.parent / "secret.txt")
    (workdir / "folder").symlink_to(workdir.parent)
    arguments = {"path": path} | ({"content": "mine"} if name == "write_file" else {})
    result = await answer_of(box, name, **arguments)
    assert result == {"error": f"{path}: is outside the working folder"}
    assert (workdir.parent / "secret.txt").read_text() == "secret"


async def test_a_working_folder_given_by_a_link_is_inside(workdir: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(workdir)
    (workdir / "n").write_text("one\n")
    box = BuiltinTools(tmp_path / "alias")
    assert (await answer_of(box, "read_file", path=str(tmp_path / "alias" / "n")))["lines"] == 1


async def test_files_outside_can_be_read_if_that_is_allowed(workdir: Path) -> None:
    box = BuiltinTools(workdir, outside=True)
    assert (await answer_of(box, "read_file", path="../secret.txt"))["content"] == "secret"


async def test_fifos_devices_and_folders_are_refused(box: BuiltinTools, workdir: Path) -> None:
    os.mkfifo(workdir / "fifo")
    for name, arguments in (("read_file", {}), ("write_file", {"content": ""})):
        fifo = await answer_of(box, name, path="fifo", **arguments)
        assert fifo == {"error": "fifo: is not a regular file"}
        assert await answer_of(box, name, path=".", **arguments) == {"error": "work: is a folder"}
    outside = BuiltinTools(workdir, outside=True)
    assert (
        "not a regular file" in (await answer_of(outside, "read_file", path="/dev/zero"))["error"]
    )


async def test_replacing_keeps_the_permissions(box: BuiltinTools, workdir: Path) -> None:
    script = workdir / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    await answer_of(box, "write_file", path="run.sh", content="new")
    assert (script.read_text(), script.stat().st_mode & 0o777) == ("new", 0o750)


async def test_a_file_that_is_not_utf_8_is_shown_escaped(box: BuiltinTools, workdir: Path) -> None:
    (workdir / "n").write_bytes(b"a\xff\n")
    assert (await answer_of(box, "read_file", path="n"))["content"] == "a\\xff\n"


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("read_file", {"path": "none"}, "none: no such file or directory"),
        ("read_file", {"path": ""}, "path is empty"),
        ("read_file", {"path": ["a"]}, "path must be a text, not an array"),
        ("read_file", {"path": "a\0b"}, "a\0b: embedded null byte"),
        ("read_file", {"path": "n", "offset": -1}, "offset must be a whole number"),
        ("read_file", {"path": "n", "limit": 0}, "limit must be positive"),
        ("write_file", {"path": "n", "content": {}}, "content must be a text, not an object"),
        ("write_file", {"path": "x" * 300, "content": ""}, "x" * 300 + ": file name too long"),
        ("write_file", {"path": "n"}, "missing argument 'content'"),
    ],
)
async def test_an_impossible_request_is_answered_with_the_reason(
    box: BuiltinTools, name: str, arguments: dict[str, object], error: str
) -> None:
    assert await answer_of(box, name, **arguments) == {"error": error}


async def test_a_lone_surrogate_stays_encodable(box: BuiltinTools) -> None:
    answer = await box.call("read_file", {"path": "\ud800"}, CONTEXT)
    assert "\\ud800" in answer.value.encode().decode()
    answer = await box.call("write_file", {"path": "n", "content": "a\ud800"}, CONTEXT)
    assert "half a surrogate pair at character 1" in answer.value


async def test_concurrent_writes_leave_one_complete_text(box: BuiltinTools, workdir: Path) -> None:
    texts = [character * 50_000 for character in "abcd"]
    await asyncio.gather(*(answer_of(box, "write_file", path="n", content=text) for text in texts))
    assert (workdir / "n").read_text() in texts
