"""Fixtures for the tests of the tools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermes_tui.runtime.tools.tool_process import ToolProcess
from tests.tools.helpers import open_python_tools


@pytest.fixture
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ToolProcess]:
    """Yield the tools that the `SOURCE` of a test module defines."""
    path = tmp_path / "my_tools.py"
    path.write_text(request.module.SOURCE)
    toolbox = await open_python_tools(path)
    yield toolbox
    await toolbox.close()
