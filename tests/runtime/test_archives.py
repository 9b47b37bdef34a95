"""Transcripts are read from zip archives, those of Inspect and any other."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from hermes_tui.runtime.packed import archives, limits, zip_members
from hermes_tui.runtime.targets import expand_paths
from tests.cli.program import hermes_tui
from tests.conftest import PROJECT

EVAL = {"task": "ctf", "model": "m", "dataset": {"samples": 2, "sample_ids": ["a", "b"]}}
HEADER = {"version": 2, "status": "success", "eval": EVAL, "plan": {}}
CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}]})


def sample(sample_id: str, content: str = "hi") -> str:
    messages = [{"role": "user", "content": content}]
    return json.dumps({"id": sample_id, "epoch": 1, "messages": messages}, indent=1)


def zip_of(members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return data.getvalue()


def as_zstd(data: bytes) -> bytes:
    """Return an archive of stored members with these compressed by method 93 (zstd) instead."""
    source = zipfile.ZipFile(io.BytesIO(data))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for member in source.infolist():
            text = source.read(member)
            target.writestr(member.filename, zstandard.ZstdCompressor().compress(text))
            info = target.infolist()[-1]
            info.compress_type, info.CRC, info.file_size = 93, member.CRC, len(text)
    return out.getvalue()


EVAL_MEMBERS: dict[str, str | bytes] = {
    "_journal/start.json": json.dumps({"version": 2, "eval": EVAL, "plan": {}}),
    "samples/a_epoch_1.json": sample("a"),
    "samples/b_epoch_1.json": sample("b", "line\nbreak \u2028"),
    "summaries.json": "[]",
    "reductions.json": json.dumps([{"scorer": "s", "samples": [{"sample_id": "a", "value": 0.5}]}]),
    "header.json": json.dumps(HEADER),
}


def runs_of(path: Path) -> list[Any]:
    file = open_file(path, whole=True)
    try:
        found = [step for step in survey(file) if isinstance(step, FoundRun)]
        assert not file.source.failure, file.source.failure
        return [step.state for step in found]
    finally:
        file.close()


def failure_of(path: Path) -> str:
    """Return the failure reported for an archive, or an empty text if there is none."""
    try:
        file = open_file(path, whole=True)
    except SourceError as error:
        return str(error)
    file.close()
    return file.source.failure


@pytest.fixture
def write_file(tmp_path: Path) -> Any:
    def write(data: bytes, name: str = "log.eval") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("pack", [lambda data: data, as_zstd], ids=["deflate", "zstd"])
def test_each_sample_of_an_eval_archive_is_a_run(write_file: Any, pack: Any) -> None:
    runs = runs_of(write_file(pack(zip_of(EVAL_MEMBERS, zipfile.ZIP_STORED))))
    assert [(run.run_id, run.messages, run.model) for run in runs] == [
        ("a_epoch_1", 1, "m"),
        ("b_epoch_1", 1, "m"),
    ]
    assert [run.details.get("reduced") for run in runs] == [{"s": 0.5}, None]


def test_a_sample_is_kept_verbatim_except_for_whitespace_between_values() -> None:
    odd = '{\n "id": 1.50,\r\n "messages": [NaN, "a\\nb \u2028"]}'
    data = zip_of({**EVAL_MEMBERS, "samples/b_epoch_1.json": odd})
    lines = b"".join(archives.archive_bytes("x", lambda: io.BytesIO(data))).split(b"\n")
    assert len(lines) == 3
    assert '{  "id": 1.50,   "messages": [NaN, "a\\nb \u2028"]}' in lines[1].decode()


def test_the_log_of_a_running_evaluation_gets_the_header_of_its_start(write_file: Any) -> None:
    members = {name: text for name, text in EVAL_MEMBERS.items() if name != "header.json"}
    runs = runs_of(write_file(zip_of(members)))
    assert [run.details["log_status"] for run in runs] == ["started", "started"]


def test_an_eval_archive_without_samples_is_one_run(write_file: Any) -> None:
    [run] = runs_of(write_file(zip_of({"header.json": json.dumps(HEADER)})))
    assert run.task == "ctf"


def test_a_header_is_not_repeated_with_every_sample(write_file: Any) -> None:
    evaluation = {**EVAL, "dataset": {"sample_ids": list(range(9999))}, "big": "x" * 9999}
    header = json.dumps({**HEADER, "eval": evaluation})
    data = zip_of({**EVAL_MEMBERS, "header.json": header})
    first = next(iter(archives.archive_bytes("x", lambda: io.BytesIO(data))))
    assert len(first) < 1000


def test_an_archive_on_standard_input_is_read(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hermes_tui", "scan", "--json", "-"],
        input=zip_of(EVAL_MEMBERS),
        capture_output=True,
        cwd=PROJECT,
        timeout=240,
    )
    assert json.loads(done.stdout)["runs"] == 2, done.stderr


def test_the_only_transcript_of_a_zip_opens_like_an_unpacked_file(write_file: Any) -> None:
    path = write_file(
        zip_of({"readme.txt": "x", "a/run.json": CHAT, "__MACOSX/a.json": "x"}), "a.zip"
    )
    assert [target.path for target in expand_paths([str(path)])] == [path]
    assert [run.messages for run in runs_of(path)] == [1]


def test_several_transcripts_of_a_zip_are_separate_targets(write_file: Any) -> None:
    nested = zip_of(EVAL_MEMBERS)
    path = write_file(zip_of({"b.eval": nested, "../../a.json": CHAT, "c.txt": ""}), "a.zip")
    targets = [target.path for target in expand_paths([str(path.parent)])]
    assert [str(target) for target in targets] == [f"{path}!../../a.json", f"{path}!b.eval"]
    assert [len(runs_of(target)) for target in targets if target] == [1, 2]
    assert [item.name for item in path.parent.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("pack", [zstandard.ZstdCompressor().compress])
def test_a_compressed_member_is_unpacked(write_file: Any, pack: Any) -> None:
    path = write_file(zip_of({"a.json.zst": pack(CHAT.encode())}), "a.zip")
    assert [run.messages for run in runs_of(path)] == [1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zip_of({"a.txt": "x"}), "a zip archive with no transcript in it (has a.txt)"),
        (zip_of({}), "a zip archive with no transcript in it (has nothing)"),
        (
            zip_of({"rollout_3/data.pkl": "x"}),
            "saved by torch.save: opening it may run code (write the",
        ),
        (zip_of({"a.json": CHAT, "b.json": CHAT}), "2 transcripts (choose one, as in "),
        (zip_of({"a.json": CHAT, "b.json": CHAT}), "!a.json'; it has a.json, b.json)"),
        (zip_of(EVAL_MEMBERS)[:60], "a damaged zip archive: File is not a zip file"),
        (zip_of({"header.json": "[]"}), "header.json is not a header of an evaluation"),
        (zip_of({"header.json": "{"}), "header.json is not JSON"),
    ],
    ids=[
        "no transcript",
        "empty",
        "torch",
        "several",
        "members",
        "torn",
        "odd header",
        "torn header",
    ],
)
def test_an_unreadable_archive_is_reported_in_one_line(
    write_file: Any, data: bytes, message: str
) -> None:
    failure = failure_of(write_file(data))
    assert message in failure
    assert "\n" not in failure


def test_an_encrypted_member_is_named(write_file: Any) -> None:
    data = bytearray(zip_of({"a.json": CHAT}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.index(mark) + (6 if mark[2] == 3 else 8)
        data[at] |= 1
    assert "a.json is encrypted" in failure_of(write_file(bytes(data)))


def test_a_damaged_member_is_named_and_the_samples_before_it_are_shown(write_file: Any) -> None:
    for pack in (bytes, as_zstd):
        data = bytearray(pack(zip_of(EVAL_MEMBERS, zipfile.ZIP_STORED)))
        at = data.index(b"samples/b_epoch_1.json") + 60
        data[at : at + 4] = b"\xff\xff\xff\xff"
        path = write_file(bytes(data))
        file = open_file(path, whole=True)
        found = [step.state.run_id for step in survey(file) if isinstance(step, FoundRun)]
        assert found[0] == "a_epoch_1"
        assert "a damaged zip archive: samples/b_epoch_1.json" in file.source.failure
        file.close()


METHODS = (
    zip_of(EVAL_MEMBERS),
    zip_of(EVAL_MEMBERS, zipfile.ZIP_BZIP2),
    zip_of(EVAL_MEMBERS, zipfile.ZIP_LZMA),
    as_zstd(zip_of(EVAL_MEMBERS, zipfile.ZIP_STORED)),
)


@settings(max_examples=150, deadline=None)
@given(
    whole=st.sampled_from(METHODS),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    cut=st.tuples(st.integers(0, 4000), st.integers(0, 30)),
)
def test_any_damage_to_an_archive_is_reported_in_one_line(
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


def test_a_member_above_the_compression_ratio_limit_is_not_unpacked(
    write_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    path = write_file(zip_of({"a.json": b"[" + b" " * (2 << 20)}))
    assert failure_of(path) == (
        f"{path}: a.json unpacks to more than 500 times its size; it is not read "
        "(perhaps a decompression bomb: unpack it yourself if you trust it)"
    )


def test_the_compression_ratio_limit_applies_to_all_members_together(
    write_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zip_of({**EVAL_MEMBERS, "samples/c_epoch_1.json": sample("c", " " * 9000)})
    monkeypatch.setattr(limits, "FREE_BYTES", 2000)
    monkeypatch.setattr(limits, "MAX_RATIO", 2)
    path = write_file(data)
    file = open_file(path, whole=True)
    found = [step.state.run_id for step in survey(file) if isinstance(step, FoundRun)]
    assert found[:2] == ["a_epoch_1", "b_epoch_1"]
    assert "c_epoch_1.json unpacks to more than 2 times its size" in file.source.failure
    file.close()


def test_a_member_longer_than_its_declared_size_is_damaged(write_file: Any) -> None:
    data = bytearray(as_zstd(zip_of({"a.json": CHAT + " " * 5000}, zipfile.ZIP_STORED)))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (60).to_bytes(4, "little")
    assert "a.json: it is longer than the archive says" in failure_of(write_file(bytes(data)))


def test_an_archive_with_overlapping_members_is_refused(write_file: Any) -> None:
    data = bytearray(zip_of({f"{n}.json": CHAT * 9 for n in range(3)}, zipfile.ZIP_STORED))
    # Every entry of the directory points to the first member.
    at = data.index(b"PK\x01\x02")
    while at >= 0:
        data[at + 42 : at + 46] = bytes(4)
        data[at + 20 : at + 24] = (len(data)).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 4)
    assert "whose members overlap" in failure_of(write_file(bytes(data), "a.zip"))


def test_a_missing_member_is_reported(write_file: Any) -> None:
    path = write_file(zip_of({"a.json": CHAT}), "a.zip")
    assert failure_of(Path(f"{path}!x.json")) == (
        f"{path}!x.json: no such member in this archive (has a.json)"
    )
    assert "no such file" in failure_of(Path(f"{path}.no!x.json"))


def test_the_directory_of_an_archive_is_read_once_for_all_its_members(write_file: Any) -> None:
    path = write_file(zip_of({f"{number}.json": CHAT for number in range(20)}), "a.zip")
    before = zip_members._kept_directory.cache_info().misses
    targets = [target.path for target in expand_paths([str(path)])]
    assert [len(runs_of(target)) for target in targets if target] == [1] * 20
    assert zip_members._kept_directory.cache_info().misses == before + 1


def test_a_replaced_archive_is_read_again(write_file: Any) -> None:
    path = write_file(zip_of({"a.json": CHAT}), "a.zip")
    assert len(runs_of(path)) == 1
    path.unlink()
    write_file(zip_of({"a.json": CHAT.replace("hi", "bye")}), "a.zip")
    [run] = runs_of(path)
    assert run.task == "bye"


@pytest.mark.parametrize("damage", [b"\xff\xff\xff\xff", b"    "], ids=["no UTF-8", "blanks"])
def test_a_damaged_member_opened_by_its_name_is_named_once(write_file: Any, damage: bytes) -> None:
    path = write_file(
        zip_of({"a.json": CHAT}, zipfile.ZIP_STORED).replace(CHAT[-4:].encode(), damage)
    )
    why = "a damaged zip archive: Bad CRC-32 (was it cut short?)"
    assert failure_of(Path(f"{path}!a.json")) == f"{path}!a.json: {why}"
    assert failure_of(path) == f"{path}: {why.replace('Bad', 'a.json: Bad')}"


def test_a_damaged_archive_is_named_once_if_a_member_is_opened(write_file: Any) -> None:
    path = write_file(zip_of({"a.json": CHAT})[:-9])
    why = "a damaged zip archive: File is not a zip file (was it cut short?)"
    assert failure_of(Path(f"{path}!a.json")) == f"{path}: {why}"


def test_a_damaged_archive_on_standard_input_is_named_once() -> None:
    done = hermes_tui("scan", "-", stdin=b"PK\x03\x04garbage")
    assert (done.code, done.out) == (3, b"")
    assert done.one_line == (
        "hermes-tui: -: a damaged zip archive: File is not a zip file (was it cut short?)"
    )


def test_a_file_with_an_exclamation_mark_in_its_name_opens_as_a_file(write_file: Any) -> None:
    write_file(zip_of({"b.json": "x"}), "a")
    assert [run.messages for run in runs_of(write_file(CHAT.encode(), "a!b.json"))] == [1]


def test_a_member_name_too_long_for_a_file_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / f"a!{'b' * 300}"
    assert failure_of(path) == f"{path}: File name too long"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_complete_samples_of_a_truncated_log_are_read(write_file: Any, method: int) -> None:
    data = zip_of(EVAL_MEMBERS, method)
    cut = data.index(b"samples/b_epoch_1.json") + 60
    file = open_file(write_file(data[:cut]), whole=True)
    found = [step.state.run_id for step in survey(file) if isinstance(step, FoundRun)]
    assert found == ["a_epoch_1"]
    assert "it ends before its directory; 1 whole sample in it" in file.source.failure
    file.close()


def test_a_bomb_in_a_truncated_log_is_not_unpacked(
    write_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000)
    monkeypatch.setattr(limits, "MAX_RATIO", 2)
    members = {**EVAL_MEMBERS, "samples/../../c_epoch_1.json": sample("c", "x" * 100_000)}
    whole = zip_of(members)
    assert "unpacks to more than 2 times" in failure_of(
        write_file(whole[: whole.rindex(b"PK\1\2")])
    )


FIXTURES = PROJECT / "tests" / "fixtures"
RUN_FOLDERS = {
    "c/events": FIXTURES / "openhands" / "conversation",
    "sessions/demo/events": FIXTURES / "openhands" / "sessions" / "demo",
    "session_1/agents/agent_default/messages": FIXTURES / "strands" / "session_demo",
}


def zip_of_folders(path: Path, *places: str, without: str = "") -> Path:
    """Pack the folders of numbered files whose runs get the given places in the archive.

    Members whose names end in `without` are left out.
    """
    members: dict[str, str | bytes] = {}
    for place in places:
        folder = RUN_FOLDERS[place]
        top = place.removesuffix("/events").removesuffix("/agents/agent_default/messages")
        for file in sorted(folder.rglob("*.json")):
            inside = f"{top}/{file.relative_to(folder)}"
            if not (without and inside.endswith(without)):
                members[inside] = file.read_bytes()
    path.write_bytes(zip_of(members))
    return path


@pytest.mark.parametrize(("place", "messages"), [*zip(RUN_FOLDERS, (15, 8, 10), strict=True)])
def test_a_folder_of_numbered_files_in_an_archive_is_one_run(
    tmp_path: Path, place: str, messages: int
) -> None:
    path = zip_of_folders(tmp_path / "a.zip", place)
    assert [str(target.path) for target in expand_paths([str(path)])] == [str(path)]
    for each in (path, Path(f"{path}!{place}")):
        file = open_file(each, whole=True)
        [run] = [found for found in survey(file) if isinstance(found, FoundRun)]
        assert (run.state.messages, file.source.failure) == (messages, "")
        file.close()


def test_each_run_folder_of_an_archive_is_a_target(tmp_path: Path) -> None:
    path = zip_of_folders(tmp_path / "a.zip", *RUN_FOLDERS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("c/event_cache/0-25.json", "[]")
        archive.writestr("other/base_state.json", CHAT)
    found = [str(target.path) for target in expand_paths([str(path)])]
    places = sorted([*RUN_FOLDERS, "other/base_state.json"])
    assert found == [f"{path}!{place}" for place in places]


def test_a_gap_in_the_numbers_of_a_packed_run_is_reported(tmp_path: Path) -> None:
    place = "session_1/agents/agent_default/messages"
    path = zip_of_folders(tmp_path / "a.zip", place, without="message_4.json")
    file = open_file(path, whole=True)
    assert file.source.failure == f"{path}: no file has the number 4"
    file.close()


def test_a_damaged_member_of_a_packed_run_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    place = "session_1/agents/agent_default/messages"
    path = zip_of_folders(tmp_path / "a.zip", place)
    with zipfile.ZipFile(path) as archive:
        damaged = archive.getinfo(f"{place}/message_4.json")
    data = bytearray(path.read_bytes())
    begins = damaged.header_offset + 30 + len(damaged.filename)
    data[begins : begins + damaged.compress_size] = bytes(damaged.compress_size)
    path.write_bytes(data)
    file = open_file(path, whole=True)
    [run] = [found for found in survey(file) if isinstance(found, FoundRun)]
    assert run.state.messages == 9
    assert file.source.failure.startswith(f"{path}: message_4.json: a damaged zip archive")
    file.close()
