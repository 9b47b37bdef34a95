"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.elsewhere import site, store

__all__ = ["site", "store"]
# What the tests start is to end by the signals that nohup and a shell's & have it ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
PROJECT = Path(__file__).resolve().parents[1]
SHARED = PROJECT.parent / "shared"

# The same examples each time, however busy the machine is: what fails was changed, not drawn.
# `--hypothesis-profile default` looks for new ones, as `python -m tests.fuzz` does.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one more than processors, as tests wait for much; beyond four little is gained."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let working folders of live runs and their like go where pytest clears away."""
    folder = str(tmp_path_factory.mktemp("t"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def trajectories() -> Path:
    """Return the folder of real transcript files, skipping where it is absent."""
    folder = SHARED / "corpus" / "trajectories"
    if not folder.is_dir():
        pytest.skip("real transcript files are not here")
    return folder


@pytest.fixture
def transcripts() -> Path:
    """Return the folder of sample runs that the project ships."""
    return PROJECT / "transcripts"


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let what is kept in the platform's cache stay out of the user's; return its folder."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
