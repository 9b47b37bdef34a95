"""Fixtures of the tests of the screens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ui.opened import close_all_apps


@pytest.fixture(autouse=True)
def files_are_closed() -> Iterator[None]:
    """Close the files that a test opened on screen."""
    yield
    close_all_apps()
