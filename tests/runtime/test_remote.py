"""Remote files are read, from a real object store and a real web server on loopback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.remote import (
    BLOCK,
    RemotePath,
    RemoteSource,
    find_remote,
    is_url,
)
from tests.elsewhere import put

pytest.importorskip("fsspec")


def test_only_a_scheme_makes_a_url() -> None:
    assert is_url("s3://bucket/a") and is_url("GS://b")
    assert not is_url("runs/a.json") and not is_url("C:/a") and not is_url("a:3")


def test_any_range_of_an_object_is_read(store: str) -> None:
    content = os.urandom(BLOCK + 1000)
    source = RemoteSource(RemotePath(put(f"{store}/big.jsonl", content)))
    assert source.size == len(content)
    assert source.read(0, 10) == content[:10]
    assert source.read(BLOCK - 5, 20) == content[BLOCK - 5 : BLOCK + 15]
    assert source.read(len(content) - 3, 100) == content[-3:]
    assert source.read(len(content), 10) == b""
    assert source.failure == ""
    source.close()


def test_a_deleted_object_is_reported_not_raised(store: str) -> None:
    import s3fs

    url = put(f"{store}/gone.jsonl", b"{}")
    source = RemoteSource(RemotePath(url))
    s3fs.S3FileSystem().rm_file(url.removeprefix("s3://"))
    assert source.read(0, 2) == b""
    assert "no such file" in source.failure


def test_folders_and_globs_stand_for_their_files(store: str) -> None:
    for name in ("a.jsonl", "b.txt", "deep/c.json"):
        put(f"{store}/runs/{name}", b"{}")

    def is_json(name: str) -> bool:
        return name.endswith((".json", ".jsonl"))

    found, is_one = find_remote(f"{store}/runs", is_json)
    assert [str(path) for path in found] == [
        f"{store}/runs/a.jsonl",
        f"{store}/runs/deep/c.json",
    ]
    assert not is_one
    assert [path.name for path in find_remote(f"{store}/runs/*.txt", is_json)[0]] == ["b.txt"]
    assert find_remote(f"{store}/runs/b.txt", is_json) == (
        [RemotePath(f"{store}/runs/b.txt")],
        True,
    )


def test_missing_objects_are_reported_in_one_line(store: str) -> None:
    for url in (f"{store}/none.json", f"{store}/none/*.json", "s3://no-such-bucket/x"):
        with pytest.raises(SourceError) as raised:
            find_remote(url, lambda name: True)
        assert raised.value.exit_code == 3
        assert "\n" not in str(raised.value)


def test_a_web_server_that_ignores_ranges_is_reported(site: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"x" * (BLOCK + 10))
    source = RemoteSource(RemotePath(f"{site}/a.json"))
    assert source.size == BLOCK + 10
    assert source.read(BLOCK, 5) == b""
    assert f"{BLOCK + 10:,} bytes arrived, 10 were requested" in source.failure


def test_a_small_file_is_read_from_a_web_server(site: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"messages": []}')
    source = RemoteSource(RemotePath(f"{site}/a.json"))
    assert source.read(0, 100) == b'{"messages": []}'


def test_unknown_protocols_and_dead_servers_are_reported_with_a_hint() -> None:
    for url in ("nosuch://x/y", "http://127.0.0.1:9/x.json"):
        with pytest.raises(SourceError) as raised:
            find_remote(url, lambda name: True)
        assert raised.value.hint


@pytest.mark.parametrize(
    ("url", "package", "hint"),
    [("gs://bucket/x.json", "gcsfs", "hermes-tui[gcs]"), ("abfs://c/x.json", "adlfs", "with pip")],
)
def test_the_package_that_a_protocol_needs_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str, hint: str
) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SourceError, match=package) as raised:
        find_remote(url, lambda name: True)
    assert hint in raised.value.hint


@pytest.mark.skipif("JAVA_HOME" in os.environ, reason="there is Java")
def test_hdfs_without_java_is_reported_with_a_hint_at_java() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(SourceError) as raised:
        find_remote("hdfs://127.0.0.1:9/x.json", lambda name: True)
    assert "Java" in raised.value.hint


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9/x.json", "Connect call failed"),
        ("{site}/closed/x.json", "403"),
        ("{site}/x.json", "no such file"),
    ],
)
def test_a_dead_server_and_a_refusal_differ_from_a_missing_file(
    site: str, url: str, why: str
) -> None:
    with pytest.raises(SourceError, match=why):
        find_remote(url.format(site=site), lambda name: True)


def test_credentials_in_a_url_are_not_shown() -> None:
    shown = str(RemotePath("https://me:secret@host/x.json?X-Amz-Signature=abc&part=2"))
    assert "secret" not in shown and "abc" not in shown
    assert shown.endswith("part=2")
