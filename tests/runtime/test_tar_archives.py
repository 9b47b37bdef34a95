"""Transcripts in tar archives, compressed and not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime import sources
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from hermes_tui.runtime.packed import archives, limits, tar_headers, tar_members
from hermes_tui.runtime.packed.unpacking import may_begin_tar
from hermes_tui.runtime.sources import open_source, wait_for
from hermes_tui.runtime.targets import expand_paths
from tests.cli.program import hermes_tui

Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
EACH_PACK = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)


def chat(text: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": text}]})


CHAT = chat("hi")


def entry(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def tar_of(
    members: Iterable[tuple[str | tarfile.TarInfo, str]], tar_format: int = tarfile.GNU_FORMAT
) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tar_format) as archive:
        for name, text in members:
            info = name if isinstance(name, tarfile.TarInfo) else entry(name)
            content = text.encode()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def paths_in(path: Path) -> list[str]:
    """Return the paths that an archive stands for, those of members without that of the archive."""
    return [target.label.removeprefix(f"{path}!") for target in expand_paths([str(path)])]


def tasks_of(path: Path) -> tuple[list[str], str]:
    """Return the tasks of the runs of a file, and what went wrong with it."""
    try:
        file = open_file(path, whole=True)
    except SourceError as error:
        return [], str(error)
    try:
        tasks = [step.state.task for step in survey(file) if isinstance(step, FoundRun)]
        return tasks, file.source.failure
    finally:
        file.close()


def member_tasks(path: Path) -> dict[str, list[str]]:
    found = {}
    for name in paths_in(path):
        tasks, failure = tasks_of(Path(f"{path}!{name}"))
        assert not failure
        found[name] = tasks
    return found


@EACH_PACK
@pytest.mark.parametrize("name", ["runs.tar", "run.jsonl", "no suffix"])
def test_transcripts_of_an_archive_are_separate_files_whatever_its_name(
    tmp_path: Path, pack: Pack, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(
        pack(tar_of([("./b/run.json", chat("b")), ("a.json", chat("a")), ("c.txt", "")]))
    )
    assert member_tasks(path) == {"a.json": ["a"], "b/run.json": ["b"]}
    assert [file.name for file in tmp_path.iterdir()] == [name]


@EACH_PACK
def test_the_only_transcript_of_an_archive_is_opened_as_if_it_were_a_file(
    tmp_path: Path, pack: Pack
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(pack(tar_of([("readme.txt", "x"), ("a/run.json", CHAT)])))
    assert [target.path for target in expand_paths([str(path)])] == [path]
    assert tasks_of(path) == (["hi"], "")
    done = hermes_tui("scan", "-", stdin=path.read_bytes())
    assert (done.code, done.err) == (0, "")
    assert "1 run: 1 message" in done.text


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.TAR.ZST", "a.txz"])
def test_archives_in_a_folder_are_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(tar_of([("a.json", CHAT), ("b.json", CHAT)])))
    found = [target.label for target in expand_paths([str(tmp_path)])]
    assert found == [f"{path}!a.json", f"{path}!b.json"]


def test_archives_that_match_a_glob_stand_for_their_members(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        (tmp_path / name).write_bytes(tar_of([("1.json", CHAT), ("2.json", CHAT)]))
    found = [target.label for target in expand_paths([f"{tmp_path}/*.tar"])]
    names = ("a.tar!1.json", "a.tar!2.json", "b.tar!1.json", "b.tar!2.json")
    assert found == [f"{tmp_path}/{name}" for name in names]


def test_a_big_compressed_archive_in_a_folder_is_searched_only_if_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_SEARCHED_BYTES", 100)
    path = tmp_path / "a.tar.gz"
    data = tar_of([("a.json", CHAT), ("b.json", CHAT)])
    path.write_bytes(gzip.compress(data))
    (tmp_path / "plain.tar").write_bytes(data)
    found = [target.label for target in expand_paths([str(tmp_path)])]
    plain = tmp_path / "plain.tar"
    assert found == [f"{path}!", f"{plain}!a.json", f"{plain}!b.json"]
    what = "a compressed archive of 0 MB, which is not searched for transcripts"
    assert tasks_of(Path(f"{path}!")) == ([], f"{path}: {what} (name it to open it)")
    assert paths_in(path) == ["a.json", "b.json"]


@EACH_PACK
def test_a_member_with_an_unusual_name_opens_if_it_is_named(tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(pack(tar_of([("a.json", CHAT), ("./b/reply", chat("reply"))])))
    assert tasks_of(Path(f"{path}!b/reply")) == (["reply"], "")
    assert tasks_of(Path(f"{path}!./b/reply")) == (["reply"], "")
    _, failure = tasks_of(Path(f"{path}!c"))
    assert failure == f"{path}!c: no such member in this archive (has a.json)"


def test_several_members_are_chosen_from_where_one_run_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar_of([("a.json", CHAT), ("b.json", chat("b"))])))
    done = hermes_tui("export", path, "--to", "openai")
    assert done.one_line == (
        f"hermes-tui: {path}: a tar archive of 2 transcripts "
        f"(choose one, as in '{path}!a.json'; it has a.json, b.json)"
    )
    done = hermes_tui("export", f"{path}!b.json", "--to", "openai")
    assert json.loads(done.text)["messages"][0]["content"] == "b"
    done = hermes_tui("export", "-", "--to", "openai", stdin=path.read_bytes())
    assert "save it to a file and choose one, as in 'FILE.tar!a.json'" in done.one_line


def test_a_compressed_archive_is_unpacked_once_for_all_its_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar_of((f"{number}.json", CHAT) for number in range(20))))
    built: list[Path] = []

    def indexed(path: Path, *rest: object) -> object:
        built.append(path)
        return build(path, *rest)  # type: ignore[arg-type]

    build = tar_members._indexed
    monkeypatch.setattr(tar_members, "_indexed", indexed)
    threads = [threading.Thread(target=member_tasks, args=(path,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [path]


def test_only_transcripts_of_a_compressed_archive_take_room_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar_of([("big.bin", "x" * 500_000), ("a.json", CHAT)])))
    with tar_members.opened_at(path, "a") as archive:
        assert archive._index.store.size == len(CHAT)


def test_an_archive_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    for text in ("first", "second"):
        path.unlink(missing_ok=True)
        path.write_bytes(gzip.compress(tar_of([("a.json", chat(text))])))
        assert tasks_of(path) == ([text], "")


def test_of_two_members_with_the_same_name_the_later_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    members = [("a.json", chat("old")), ("b.json", CHAT), ("./a.json", chat("new"))]
    path.write_bytes(tar_of(members))
    assert member_tasks(path) == {"a.json": ["new"], "b.json": ["hi"]}


def test_names_that_lead_out_of_an_archive_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "a" / "a.tar"
    path.parent.mkdir()
    path.write_bytes(tar_of([("../../evil.json", CHAT), ("/tmp//./evil.json", CHAT)]))
    assert member_tasks(path) == {"../../evil.json": ["hi"], "/tmp/evil.json": ["hi"]}
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a.tar"]


def test_links_do_not_lead_out_of_an_archive(tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text(chat("outside"))
    path = tmp_path / "a.tar"
    outside = str(tmp_path / "outside.json")
    members = [
        ("a.json", chat("a")),
        (entry("same.json", tarfile.LNKTYPE, link="./a.json"), ""),
        (entry("linked.json", tarfile.SYMTYPE, link=outside), ""),
        (entry("hard.json", tarfile.LNKTYPE, link=outside), ""),
    ]
    path.write_bytes(tar_of(members))
    assert member_tasks(path) == {"a.json": ["a"], "same.json": ["a"]}
    for name in ("linked.json", "hard.json"):
        _, failure = tasks_of(Path(f"{path}!{name}"))
        assert failure.startswith(f"{path}!{name}: it is a link to {outside} (")


@pytest.mark.parametrize("kind", [b"3", b"4", b"5", b"6", b"Z"])
def test_only_files_are_listed(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of([(entry("x.json", kind), ""), ("a.json", CHAT), ("b.json", CHAT)]))
    assert paths_in(path) == ["a.json", "b.json"]


def with_holes(*, is_pax: bool) -> bytes:
    """Return an archive with a file in one of the two families of formats for sparse files."""
    if is_pax:
        info = entry("GNUSparseFile.0/holes.json")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "holes.json"}
        return tar_of([(info, "1\n0\n4\n"), ("a.json", CHAT)], tarfile.PAX_FORMAT)
    data = bytearray(tar_of([(entry("holes.json", b"S"), "{}"), ("a.json", CHAT)]))
    # One more block of its map follows the header.
    data[482] = 1
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    data[512:512] = bytes(512)
    return bytes(data)


@pytest.mark.parametrize("is_pax", [False, True])
def test_a_sparse_member_is_reported_and_those_after_it_are_read(
    tmp_path: Path, is_pax: bool
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(with_holes(is_pax=is_pax))
    assert paths_in(path) == ["a.json", "holes.json"]
    assert tasks_of(Path(f"{path}!a.json")) == (["hi"], "")
    _, failure = tasks_of(Path(f"{path}!holes.json"))
    assert failure == (
        f"{path}!holes.json: it is stored with holes, as a sparse file (unpack it with `tar -xf`)"
    )


@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_long_names_of_every_format_are_read(tmp_path: Path, tar_format: int) -> None:
    path = tmp_path / "a.tar"
    name = "/".join(["d" * 60] * 3) + "/é.json"
    path.write_bytes(tar_of([(name, CHAT), ("b.json", CHAT)], tar_format))
    assert paths_in(path) == ["b.json", name]
    assert tasks_of(Path(f"{path}!{name}")) == (["hi"], "")


def test_a_name_that_is_not_utf_8_is_shown_and_opens(tmp_path: Path) -> None:
    info = entry("\udcff\x1b[31m\n.json")
    for tar_format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / f"{tar_format}.tar"
        path.write_bytes(tar_of([(info, CHAT), ("b.json", CHAT)], tar_format))
        done = hermes_tui("scan", path)
        assert (done.code, done.err) == (0, "")
        assert "2 runs in 2 files" in done.text
        assert "\x1b" not in done.text


@EACH_PACK
def test_the_members_before_the_end_of_a_cut_archive_are_read(tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "a.tar"
    lines = "".join(f"{chat(str(number))}\n" for number in range(4))
    whole = tar_of([("a.json", CHAT), ("b.json", CHAT), ("c.jsonl", lines)])
    begins = whole.index(lines.encode())
    path.write_bytes(pack(whole[: begins + lines.index("\n") + 1]))
    assert paths_in(path) == ["a.json", "b.json", "c.jsonl", str(path)]
    why = "a damaged tar archive: it ends too early"
    assert tasks_of(Path(f"{path}!a.json")) == (["hi"], "")
    assert tasks_of(Path(f"{path}!c.jsonl")) == (
        ["0"],
        f"{path}!c.jsonl: {why} (was it cut short?)",
    )
    assert tasks_of(path) == (
        [],
        f"{path}: {why}; it has 3 transcripts before that (was it cut short?)",
    )
    done = hermes_tui("scan", path)
    assert (done.code, "3 runs in 3 files" in done.text) == (3, True)


def test_a_torn_compressed_archive_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    noise = "".join(chr(32 + number * number % 89) for number in range(9_999))
    members = [("a.json", CHAT), ("b.json", chat(noise)), ("c.json", CHAT)]
    packed = bytearray(gzip.compress(tar_of(members)))
    path.write_bytes(packed[: len(packed) * 3 // 4])
    assert "a.json" in paths_in(path)
    tasks, failure = tasks_of(path)
    assert (tasks, "a damaged tar archive: Compressed file ended" in failure) == ([], True)


def test_the_damage_after_the_only_transcript_is_reported_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of([("a.json", CHAT)])[:1024] + b"garbage" * 200)
    why = "a damaged tar archive: no header of a member at byte 1,024"
    assert tasks_of(path) == (["hi"], f"{path}: {why} (was it cut short?)")


def test_an_archive_without_its_end_mark_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of([("a.json", CHAT)])[:1024])
    assert "it ends before its end mark" in tasks_of(path)[1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tar_of([("a.txt", "x")]), "a tar archive with no transcript in it (has a.txt)"),
        (tar_of([]), "nothing but zero bytes"),
        (gzip.compress(tar_of([])), "nothing but zero bytes"),
        (tar_of([("a.json", CHAT)])[:400], "a damaged tar archive: it ends too early"),
        (b"x" + tar_of([("a.json", CHAT)])[1:], "a damaged tar archive: no header of a member at"),
    ],
    ids=["no transcript", "empty", "empty, packed", "torn", "damaged header"],
)
def test_an_archive_that_cannot_be_read_is_reported_in_one_line(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    tasks, failure = tasks_of(path)
    assert tasks == []
    assert reason in failure
    assert "\n" not in failure


def test_a_file_that_is_no_archive_has_no_members(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for data in (CHAT.encode(), gzip.compress(CHAT.encode())):
        path.write_bytes(data)
        assert "a.json: not an archive that can be opened" in tasks_of(Path(f"{path}!b.json"))[1]


def test_an_archive_that_unpacks_out_of_all_proportion_is_read_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    path = tmp_path / "a.tar.gz"
    members = [("a.json", CHAT), ("b.json", CHAT), ("c.json", " " * (8 << 20))]
    path.write_bytes(gzip.compress(tar_of(members)))
    assert tasks_of(Path(f"{path}!a.json")) == (["hi"], "")
    assert "unpacks to more than 500 times its size; only its first" in tasks_of(path)[1]


def test_a_huge_extended_header_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    header = entry("x", tarfile.XHDTYPE)
    header.size = 8 << 30
    path.write_bytes(tar_of([("a.json", CHAT)])[:1024] + header.tobuf(tarfile.GNU_FORMAT))
    assert "an extended header of 8,589,934,592 bytes" in tasks_of(path)[1]


def test_a_chain_of_headers_is_no_deeper_than_one(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    link = entry("x", tarfile.GNUTYPE_LONGNAME)
    path.write_bytes(link.tobuf() * 20_000 + tar_of([("a.json", CHAT)]))
    assert paths_in(path) == [str(path)]


def test_very_many_members_are_listed_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of((f"{number}.json", CHAT) for number in range(9)))
    monkeypatch.setattr(tar_members, "MAX_MEMBERS", 5)
    assert paths_in(path) == [*(f"{number}.json" for number in range(5)), str(path)]
    assert "only its first 5 transcripts are read" in tasks_of(path)[1]


@pytest.mark.parametrize("place", ["c/events", "agents/agent_a/messages"])
def test_a_folder_of_an_archive_that_is_one_run_is_one_run(tmp_path: Path, place: str) -> None:
    path = tmp_path / "a.tar.gz"
    message = {"message": {"role": "user", "content": [{"text": "hi"}]}, "message_id": 0}
    members = [
        ("agents/agent_a/agent.json", "{}"),
        ("agents/agent_a/messages/message_0.json", json.dumps(message)),
        ("agents/agent_a/messages/message_2.json", json.dumps({**message, "message_id": 2})),
    ]
    if place == "c/events":
        event = {"id": 0, "source": "user", "message": "hi", "action": "message", "args": {}}
        members = [
            (f"c/events/event-0000{n}-x.json", json.dumps({**event, "id": n})) for n in (0, 2)
        ]
    path.write_bytes(gzip.compress(tar_of(members)))
    assert paths_in(path) == [str(path)]
    tasks, failure = tasks_of(path)
    assert len(tasks) == 1
    assert failure == f"{path}: no file has the number 1"


def test_an_archive_that_arrives_in_small_pieces_is_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd) as stream:
        monkeypatch.setattr("sys.stdin", stream)

        def write() -> None:
            data = tar_of([("a.json", CHAT)])
            for at in range(0, len(data), 200):
                os.write(write_fd, data[at : at + 200])
            os.close(write_fd)

        writer = threading.Thread(target=write)
        writer.start()
        source = open_source(None)
        wait_for(source)
        writer.join()
    assert source.read(0, 999) == CHAT.encode()
    source.close()
    assert may_begin_tar(tar_of([("a.json", CHAT)])[:200])
    assert not may_begin_tar(b"a.json") and not may_begin_tar(CHAT.encode())


def test_a_followed_archive_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar_of([("a.json", CHAT)])))
    source = open_source(path, follow=True)
    wait_for(source)
    assert (source.read(0, 99), source.failure) == (CHAT.encode(), "")
    source.close()


WHOLE = (
    tar_of([("a.json", CHAT), (entry("b.json", tarfile.LNKTYPE, link="a.json"), "")]),
    tar_of([("d" * 150 + ".json", CHAT), ("b.json", CHAT)], tarfile.PAX_FORMAT),
    tar_of([("d" * 150 + ".json", CHAT), ("b.json", CHAT)], tarfile.GNU_FORMAT),
    with_holes(is_pax=False),
)


@settings(max_examples=150, deadline=None)
@given(
    whole=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    cut=st.tuples(st.integers(0, 4000), st.integers(0, 30)),
)
def test_any_damage_of_an_archive_is_reported_in_one_line(
    whole: bytes, changes: list[tuple[int, int]], cut: tuple[int, int]
) -> None:
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    del data[cut[0] : sum(cut)]
    try:
        for _ in archives.archive_bytes("x", lambda: io.BytesIO(bytes(data))):
            pass
    except SourceError as error:
        assert "\n" not in str(error)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(WHOLE), st.lists(st.integers(1, 700), min_size=1))
def test_how_an_archive_is_divided_into_pieces_makes_no_difference(
    data: bytes, sizes: list[int]
) -> None:
    def pieces() -> Iterable[bytes]:
        at = 0
        while at < len(data):
            for size in sizes:
                yield data[at : at + size]
                at += size

    streamed = tar_headers.entries(tar_headers.StreamBlocks(iter(pieces())))
    whole = tar_headers.entries(tar_headers.StreamBlocks(iter([data])))
    assert [*streamed] == [*whole]
