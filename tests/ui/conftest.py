"""Fixtures for the tests of the screens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ui.opened import close_all_apps


@pytest.fixture(autouse=True)
def files_are_closed() -> Iterator[None]:
    """Close the files of apps that a test left open."""
    yield
    close_all_apps()
