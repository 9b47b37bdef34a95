"""Some parts of the program run as separate processes."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime import own_process
from hermes_tui.runtime.own_process import start_peer, start_process
from hermes_tui.runtime.scan import ray_cluster
from hermes_tui.runtime.scan.ray_cluster import RayCluster
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit
from tests.descriptors import open_files

MODULE_WITHOUT_MAIN = "hermes_tui.version"
UNIT = ScanUnit(0, 0, __file__)


def refuse_process(*arguments: Any, **options: Any) -> NoReturn:
    raise OSError(errno.EAGAIN, "too many processes")


def test_a_process_loads_nothing_from_its_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hermes_tui").mkdir()
    (tmp_path / "hermes_tui" / "__init__.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    process = start_process("hermes_tui.version", "", passed=(), stderr=subprocess.PIPE)
    _, errors = process.communicate()
    assert b"has no attribute 'main'" in errors
    assert process.returncode == 1


def test_a_process_that_cannot_be_started_leaves_no_descriptor_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_process.subprocess, "Popen", refuse_process)
    with pytest.raises(OSError, match="too many"):
        start_peer(MODULE_WITHOUT_MAIN)
    before = open_files()
    with pytest.raises(OSError, match="too many"):
        start_peer(MODULE_WITHOUT_MAIN)
    assert open_files() == before


def test_a_dead_cluster_driver_is_reported_in_one_line_with_its_last_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray_cluster, "_DRIVER", MODULE_WITHOUT_MAIN)
    cluster = RayCluster("ray://nowhere", ScanOptions())
    with pytest.raises(SourceError, match=r"the process that .* died \(AttributeError: .*\)$"):
        list(cluster.scan(iter([UNIT] * 10_000)))
    cluster.close()
    assert capfd.readouterr().err == ""


def test_a_cluster_driver_that_cannot_be_started_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_process.subprocess, "Popen", refuse_process)
    with pytest.raises(SourceError, match="the process that asks the cluster cannot be started"):
        list(RayCluster("ray://nowhere", ScanOptions()).scan(iter([UNIT])))
