"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elsewhere import site, store

__all__ = ["site", "store"]
PROJECT = Path(__file__).resolve().parents[1]
SHARED = PROJECT.parent / "shared"


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
