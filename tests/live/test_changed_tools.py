"""A file of tools that changes during a run."""

from __future__ import annotations

from pathlib import Path

from hermes_tui.runtime.tools.toolset import open_tools
from tests.live.engine import says
from tests.live.screen import live

CRASHES = """
import os

def f(a: int) -> str:
    with open(__file__, "w") as file:
        file.write("def f(b: str = 'x') -> str:\\n    return b\\n")
    os._exit(1)
"""


async def test_changed_schemas_of_a_tools_file_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "my_tools.py"
    path.write_text(CRASHES)
    tools = await open_tools([f"python:{path}"], workdir=tmp_path)
    replies = [says("", ("f", {"a": 1})), says("", ("f", {"b": "y"})), says("Done.")]
    async with live(replies, tools, stop_points=frozenset()) as run:
        await run.shows("ENDED")
        await run.shows("my_tools.py: changed: f; this run keeps the schemas it began with")
        # The message disappears with the next key and is not repeated, but the help keeps it.
        await run.press("k", "k")
        await run.pilot.pause(0.2)
        await run.press("question_mark")
        await run.shows("my_tools.py: changed: f")
