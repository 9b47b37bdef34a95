"""Fixtures shared by all tests."""

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
# Processes of the tests must end on the signals that nohup and a shell's & make them ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
PROJECT = Path(__file__).resolve().parents[1]
SHARED = PROJECT.parent / "shared"

# The same examples each time, however busy the machine is: a new failure comes from a change in
# the code. `--hypothesis-profile default` looks for new examples, as `python -m tests.fuzz` does.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processors plus one, as tests often wait; beyond four gain little."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put temporary folders, such as those of live runs, where pytest removes them."""
    folder = str(tmp_path_factory.mktemp("t"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def trajectories() -> Path:
    """Return the folder of real transcript files; skip the test if it is absent."""
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
    """Use a separate cache instead of the user's; return its folder."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
