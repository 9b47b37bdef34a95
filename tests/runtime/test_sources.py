"""Plain, packed and growing files are read; a failure on the way is reported, not raised."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime import sources
from hermes_tui.runtime.growing import GrowingSource
from hermes_tui.runtime.opener import open_file
from hermes_tui.runtime.packed import limits
from hermes_tui.runtime.packed.unpacking import MAGIC_BYTES, unpacker
from hermes_tui.runtime.sources import FileSource, OpenSource, open_source
from hermes_tui.runtime.spools import SpoolSource

BLOCK = 4096
TEXT = b"".join(b'{"role":"user","content":"line %d"}\n' % number for number in range(40_000))


def read_whole(path: Path) -> tuple[bytes, str]:
    source = open_source(path)
    try:
        if isinstance(source, SpoolSource):
            source.wait(10)
        assert source.complete
        return source.read(0, source.size), source.failure
    finally:
        source.close()


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]),
        zst(TEXT),
        zst(TEXT[:5000]) + zst(b"") + zst(TEXT[5000:]),
        bz2.compress(TEXT),
        bz2.compress(TEXT[:5000]) + bz2.compress(TEXT[5000:]),
        lzma.compress(TEXT),
        lzma.compress(TEXT[:5000]) + lzma.compress(TEXT[5000:]),
        gzip.compress(zst(TEXT)),
        b"\x5d\x2a\x4d\x18\x02\0\0\0ab" + zst(TEXT),
    ],
    ids=[
        "plain",
        "gzip",
        "two gzip members",
        "zstd",
        "several zstd frames",
        "bzip2",
        "two bzip2 streams",
        "xz",
        "two xz streams",
        "zstd in gzip",
        "an empty zstd frame first",
    ],
)
def test_packed_files_are_unpacked_regardless_of_their_name(tmp_path: Path, packed: bytes) -> None:
    path = tmp_path / "run.data"
    path.write_bytes(packed)
    assert read_whole(path) == (TEXT, "")


PACKS = pytest.mark.parametrize(
    "pack",
    [gzip.compress, zst, bz2.compress, lzma.compress],
    ids=["gzip", "zstd", "bzip2", "xz"],
)


@PACKS
def test_the_readable_part_of_a_torn_packed_file_is_kept(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    noise = os.urandom(2_000_000)
    path = tmp_path / "torn"
    path.write_bytes(pack(noise)[:1_900_000])
    data, failure = read_whole(path)
    assert len(data) > 100_000
    assert noise.startswith(data)
    assert str(path) in failure and "ended" in failure


@PACKS
def test_damaged_packed_data_is_reported(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    packed = bytearray(pack(TEXT))
    packed[len(packed) // 2 :] = b"\xff" * (len(packed) - len(packed) // 2)
    path = tmp_path / "damaged"
    path.write_bytes(packed)
    data, failure = read_whole(path)
    assert TEXT.startswith(data[:1000])
    assert str(path) in failure


def test_a_path_that_cannot_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in {
        "missing": "no such file",
        "dangling": "no such file",
        "pipe": "not a regular file",
        "loop": "symbolic links",
        ".": "not a regular file",
    }.items():
        with pytest.raises(SourceError, match=reason):
            open_source(tmp_path / name)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "closed"
    path.write_bytes(TEXT)
    path.chmod(0)
    with pytest.raises(SourceError, match="permission"):
        open_source(path)


def test_a_followed_file_grows_only_when_refreshed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\n")
    source = GrowingSource(path)
    with path.open("ab") as stream:
        stream.write(b"two\n")
    assert (source.size, source.complete) == (4, False)
    assert source.refresh()
    assert source.read(4, 100) == b"two\n"
    assert not source.refresh()
    source.close()


def test_a_file_that_shrinks_is_reported_once_and_reads_short(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\ntwo\n")
    source = GrowingSource(path)
    path.write_bytes(b"one\n")
    assert source.refresh()
    assert "became shorter" in source.failure
    assert not source.refresh()
    assert source.read(0, 8) == b"one\n"
    source.close()


def test_a_deleted_file_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\n")
    source = GrowingSource(path)
    path.unlink()
    assert source.refresh()
    assert "showing what was read before" in source.failure
    assert source.read(0, 4) == b"one\n"
    source.close()


def test_a_replaced_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\n")
    source = GrowingSource(path)
    (tmp_path / "new").write_bytes(b"other\n")
    (tmp_path / "new").replace(path)
    assert source.refresh()
    assert "replaced by another file" in source.failure
    assert source.read(0, 4) == b"one\n"
    source.close()


def test_an_overwritten_file_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\n")
    source = FileSource(path)
    # The clock of the file system may stand still for some milliseconds.
    os.utime(path, ns=(0, 1))
    assert source.refresh()
    assert source.failure == f"{path}: changed since it was read; open it again"
    assert not source.refresh()
    source.close()


def test_a_missing_file_is_reported_once_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CHECK_INTERVAL_S", 0.0)
    path, elsewhere = tmp_path / "run.jsonl", tmp_path / "moved.jsonl"
    path.write_bytes(b"one\n")
    source = FileSource(path)
    path.rename(elsewhere)
    assert source.refresh()
    assert source.failure == f"{path}: gone since it was read; showing what was read"
    assert not source.refresh()
    assert source.read(0, 4) == b"one\n"
    elsewhere.rename(path)
    assert source.refresh() and source.failure == ""
    path.unlink()
    path.write_bytes(b"another\n")
    assert source.refresh() and "changed since it was read" in source.failure
    source.close()


def test_a_file_that_does_not_grow_is_rarely_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\n")
    monkeypatch.setattr(sources, "CHECK_INTERVAL_S", 3_600.0)
    source = FileSource(path)
    assert not source.refresh()
    path.write_bytes(b"one\ntwo\n")
    assert not source.refresh()
    monkeypatch.setattr(sources, "CHECK_INTERVAL_S", 0.0)
    source._next_look = 0.0
    assert source.refresh()
    source.close()


def test_a_spool_can_be_closed_before_it_is_full() -> None:
    def endless() -> object:
        while True:
            yield b"x" * 1000

    source = SpoolSource("endless", endless)  # type: ignore[arg-type]
    source.wait(0.05)
    assert source.size > 0
    source.close()
    assert not source._thread.is_alive()


def test_a_plain_file_that_shrinks_is_reported_when_it_reads_short(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(TEXT)
    source = FileSource(path)
    os.truncate(path, 1000)
    assert len(source.read(0, len(TEXT))) == 1000
    assert "became shorter" in source.failure
    source.close()


def test_a_full_temporary_disk_leaves_the_part_already_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        data, failure = read_whole(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert data == TEXT[:100_000]
    assert "not even 1 MB could be written" in failure and "TMPDIR" in failure
    assert "\n" not in failure


def test_a_missing_temporary_folder_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(SourceError, match="no temporary file"):
        open_source(path)


@PACKS
def test_a_file_that_unpacks_to_a_thousand_times_its_size_takes_little_memory(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(pack(b"\n" * (32 << 20)))
    unpack = unpacker(path.read_bytes()[:MAGIC_BYTES])
    assert unpack is not None
    pieces = [len(piece) for piece in unpack(path)]
    assert sum(pieces) == 32 << 20
    assert path.stat().st_size < sum(pieces) // 900
    assert max(pieces) <= 20 << 20


@PACKS
def test_a_file_above_the_compression_ratio_limit_is_read_in_part(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 4 << 20)
    path = tmp_path / "bomb"
    path.write_bytes(pack(TEXT[:50_000] + b"\n" * (32 << 20)))
    data, failure = read_whole(path)
    assert data.startswith(TEXT[:50_000]) and data[50_000:].strip() == b""
    assert len(data) < 32 << 20
    assert failure == (
        f"{path}: unpacks to more than 500 times its size; only its first {len(data) >> 20} MB "
        "are read (perhaps a decompression bomb: unpack it yourself if you trust it)"
    )


def test_a_file_below_the_compression_ratio_limit_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    assert read_whole(path) == (TEXT, "")


def disk(size: int, free: int) -> Callable[[int], os.statvfs_result]:
    """Return an `fstatvfs` for a disk on which one file grows; `size` and `free` are blocks."""

    def fstatvfs(fd: int) -> os.statvfs_result:
        left = free - -(-os.fstat(fd).st_size // BLOCK)
        return os.statvfs_result((BLOCK, BLOCK, size, left + 100, left, 0, 0, 0, 0, 255))

    return fstatvfs


@pytest.mark.parametrize(
    ("blocks", "extent"),
    [(50, "not even 1 MB"), (300, "only the first 1 MB"), (600, "only the first 2 MB")],
)
def test_a_small_temporary_disk_is_not_filled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, extent: str
) -> None:
    monkeypatch.setattr(os, "fstatvfs", disk(blocks, blocks))
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT * 2))
    data, failure = read_whole(path)
    assert (TEXT * 2).startswith(data)
    assert 0.9 < len(data) / (blocks * BLOCK) <= 0.95
    assert failure == (
        f"{path}: {extent} could be written to {tempfile.gettempdir()}: "
        "the disk is nearly full (set TMPDIR to a folder with more room)"
    )


def test_a_file_takes_only_a_small_part_of_the_free_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fstatvfs", disk(1 << 30, 2000))
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT[: 100 * BLOCK]))
    assert read_whole(path) == (TEXT[: 100 * BLOCK], "")
    path.write_bytes(gzip.compress(TEXT))
    data, failure = read_whole(path)
    assert 100 * BLOCK < len(data) <= 2000 * BLOCK // 16
    assert "the disk is nearly full" in failure


def test_a_disk_of_unknown_size_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fstatvfs", disk(0, 0))
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    assert read_whole(path) == (TEXT, "")


def test_the_failure_of_a_doubly_packed_file_is_that_of_the_outer_layer(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.zst.gz"
    noise = os.urandom(400_000).hex().encode()
    path.write_bytes(gzip.compress(zst(noise))[:300_000])
    data, failure = read_whole(path)
    assert noise.startswith(data) and len(data) > 100_000
    assert failure.startswith(f"{path}: Compressed file ended")


def test_a_zstd_window_too_large_for_memory_is_reported_with_a_command(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    packing = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(packing.compress(TEXT) + packing.flush())
    assert read_whole(path) == (
        b"",
        f"{path}: a zstd window above 128 MB: unpack it with zstd -d --long=31",
    )


def test_a_file_packed_too_many_times_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    packed = TEXT
    for _ in range(sources.MAX_PACKED + 1):
        packed = gzip.compress(packed)
    path.write_bytes(packed)
    with pytest.raises(SourceError, match=r"data packed by gzip \(unpack it first\)"):
        open_file(path, whole=True)


def wait_for_size(source: OpenSource, size: int) -> None:
    assert isinstance(source, SpoolSource)
    for _ in range(400):
        if source.size >= size:
            return
        source.wait(0.02)
    raise AssertionError(f"{source.size} bytes, {source.failure}")


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, zst, bz2.compress, lzma.compress, lambda data: data.decode().encode("utf-16")],
    ids=["gzip", "zstd", "bzip2", "xz", "utf-16"],
)
def test_a_followed_packed_file_is_unpacked_further_as_it_grows(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "run"
    text = TEXT[:20_000]
    packed = pack(text)
    path.write_bytes(packed[:-9])
    source = open_source(path, follow=True)
    with path.open("ab") as stream:
        stream.write(packed[-9:])
    wait_for_size(source, len(text))
    assert source.read(0, source.size) == text
    assert not source.complete and not source.failure
    source.close()


def test_a_replaced_packed_file_is_reported_while_it_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    source = open_source(path, follow=True)
    wait_for_size(source, len(TEXT))
    (tmp_path / "new").write_bytes(gzip.compress(TEXT))
    (tmp_path / "new").replace(path)
    assert isinstance(source, SpoolSource)
    source.wait(10)
    assert source.complete
    assert source.failure == (f"{path}: replaced by another file; open it again to read that one")
    source.close()


def test_a_followed_packed_file_is_closed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    source = open_source(path, follow=True)
    wait_for_size(source, len(TEXT))
    source.close()
    assert isinstance(source, SpoolSource)
    assert not source._thread.is_alive()
