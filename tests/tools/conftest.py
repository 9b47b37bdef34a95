"""Fixtures of the tests of the tools."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def import_path_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the folders that a test's tools were imported from: another may look for `tools`."""
    monkeypatch.setattr(sys, "path", list(sys.path))
