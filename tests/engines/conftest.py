"""Where the engines of a test are stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_tui.runtime.engines import store


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder that replaces the user's."""
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "engines")
    return tmp_path / "engines"
