"""Tools of real MCP servers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.errors import HermesError, SourceError
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.mcp_stdio import McpTools
from hermes_tui.runtime.tools.toolset import open_tools
from tests.tools.helpers import CONTEXT, processes_with, until, value_of

mcp = pytest.importorskip("mcp")
pytestmark = pytest.mark.skipif(not hasattr(mcp, "Client"), reason="mcp is older than 2")

SERVER = str(Path(__file__).parent / "stand_ins" / "mcp_server.py")


@pytest.fixture
async def box() -> Any:
    opened = await McpTools.open([sys.executable, SERVER])
    yield opened
    await opened.close()


async def test_a_server_lists_its_tools_and_answers_calls(
    box: McpTools, capfd: pytest.CaptureFixture[str]
) -> None:
    add = box.schemas[0]["function"]
    assert (add["name"], add["description"]) == ("add", "Add two numbers.")
    assert add["parameters"]["required"] == ["a", "b"]
    assert await value_of(box, "add", a=1, b=2) == "3"
    assert await value_of(box, "big", size=300_000) == "x" * 300_000
    blocks = await value_of(box, "picture")
    assert [block["type"] for block in blocks] == ["text", "image"]
    assert blocks[1]["mimeType"] == "image/png"
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


async def test_errors_that_the_server_flags_are_marked(box: McpTools) -> None:
    answer = await box.call("fail", {"reason": "no luck"}, CONTEXT)
    assert answer.value.startswith("Error executing tool fail")
    assert answer.error is not None
    assert answer.error.kind == "flag"
    assert answer.error.reason.endswith(f"as an error: {answer.value.splitlines()[0]}")
    assert (await box.call("add", {"a": "x"}, CONTEXT)).error is not None


async def test_protocol_errors_are_failures(box: McpTools) -> None:
    with pytest.raises(ToolFailure, match="nothing"):
        answer = await box.call("nothing", {}, CONTEXT)
        assert answer.error, "some servers flag an unknown tool instead"
        raise ToolFailure(answer.value)
    with pytest.raises(TypeError, match="take an object, not list"):
        await box.call("add", [1], CONTEXT)


async def test_calls_can_overlap_and_be_cancelled(box: McpTools) -> None:
    hanging = asyncio.create_task(box.call("hang", {}, CONTEXT))
    await value_of(box, "add", a=1, b=1)
    started = time.monotonic()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert time.monotonic() - started < 20
    assert await value_of(box, "add", a=2, b=2) == "4"


@pytest.mark.parametrize(("how", "reason"), [("exit", "ended, status 7"), ("signal", "SIGKILL")])
async def test_the_death_of_a_server_during_a_call_is_reported(how: str, reason: str) -> None:
    box = await McpTools.open([sys.executable, SERVER])
    with pytest.raises(ToolFailure, match=rf"{reason}.*last words"):
        await box.call("die", {"how": how}, CONTEXT)
    with pytest.raises(ToolFailure, match=reason):
        await box.call("add", {"a": 1, "b": 1}, CONTEXT)
    await box.close()


async def test_a_server_that_ignores_signals_is_killed_on_closing() -> None:
    mark = uuid.uuid4().hex
    box = await McpTools.open([sys.executable, SERVER, "--stubborn", mark])
    assert processes_with(mark)
    await box.close()
    assert not processes_with(mark)
    with pytest.raises(ToolFailure, match="closed"):
        await box.call("add", {"a": 1, "b": 1}, CONTEXT)
    await box.close()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["no-such-program-at-all"], "cannot be started: No such file"),
        ([sys.executable, "-c", "raise SystemExit('oh dear')"], "ended, status 1: oh dear"),
        ([sys.executable, "-c", "import os; os.abort()"], "was killed by SIGABRT"),
        ([sys.executable, "-c", "print('no protocol')"], "ended, status 0: no protocol"),
    ],
)
async def test_a_server_that_does_not_start_is_reported_with_the_reason(
    command: list[str], reason: str
) -> None:
    with pytest.raises(SourceError, match=reason):
        await McpTools.open(command)


def silent_server() -> tuple[list[str], str]:
    """Return a server that does not answer, and what its command line has alone."""
    mark = uuid.uuid4().hex
    return [sys.executable, "-c", "import time; time.sleep(1000)", mark], mark


async def test_a_server_that_does_not_answer_is_ended() -> None:
    command, mark = silent_server()
    with pytest.raises(SourceError, match=r"did not answer within 0\.3 s"):
        await McpTools.open(command, start_s=0.3)
    assert not processes_with(mark)


async def test_cancelling_the_start_leaves_no_process() -> None:
    command, mark = silent_server()
    opening = asyncio.create_task(McpTools.open(command))
    await until(lambda: processes_with(mark))
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not processes_with(mark)


async def test_a_missing_package_is_reported_with_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HermesError, match=r"`pip install 'hermes-tui\[mcp\]'`") as caught:
        await McpTools.open(["x"])
    assert caught.value.exit_code == 3


async def test_a_published_server_works(tmp_path: Path) -> None:
    pytest.importorskip("mcp_server_time")
    tools = await open_tools([f"mcp:{sys.executable} -m mcp_server_time"], workdir=tmp_path)
    assert [spec.name for spec in tools.specs] == ["get_current_time", "convert_time"]
    answer = await tools.call("get_current_time", {"timezone": "Asia/Tokyo"}, CONTEXT)
    assert json.loads(answer.value)["timezone"] == "Asia/Tokyo"
    wrong = await tools.call("get_current_time", {"timezone": "Nowhere"}, CONTEXT)
    assert wrong.error is not None
    await tools.close()
