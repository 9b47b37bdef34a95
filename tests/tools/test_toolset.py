"""The values of `--tools`."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure, specs_of
from hermes_tui.runtime.tools.builtin import SCHEMAS
from hermes_tui.runtime.tools.processes import children_of
from hermes_tui.runtime.tools.toolset import BUILTIN_NAMES, Toolset, open_tools
from tests.tools.helpers import CONTEXT, answer_of, value_of


def write_python(folder: Path, source: str) -> str:
    path = folder / "mine.py"
    path.write_text(source)
    return f"python:{path}"


def test_the_names_of_the_built_in_tools_are_their_schemas() -> None:
    assert tuple(SCHEMAS) == BUILTIN_NAMES


async def test_several_sources_form_one_set(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps([{"name": "ask"}]))
    mine = write_python(tmp_path, "def add(a: int) -> int:\n    return a + 1\n")
    tools = await open_tools(
        ["builtin:terminal, todo", mine, f"schema:{tmp_path}/s.json"], workdir=tmp_path
    )
    assert [spec.name for spec in tools.specs] == ["terminal", "todo", "add", "ask"]
    assert len(tools.schemas) == 4
    assert tools.manual == {"ask"}
    assert (await answer_of(tools, "terminal", command="echo hi"))["output"] == "hi\n"
    assert await value_of(tools, "add", a=1) == 2
    await tools.close()


async def test_builtin_alone_selects_all_built_in_tools(tmp_path: Path) -> None:
    tools = await open_tools(["builtin"], workdir=tmp_path)
    assert tuple(spec.name for spec in tools.specs) == BUILTIN_NAMES
    await tools.close()


async def test_a_toolset_can_be_empty(tmp_path: Path) -> None:
    assert (await open_tools([], workdir=tmp_path)).schemas == ()


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("builtin:terminl", "unknown built-in tool 'terminl'; did you mean terminal?"),
        ("bultin", "unknown kind 'bultin'; did you mean builtin?"),
        ("", "unknown kind ''; known: builtin, hermes, mcp, python, schema"),
        ("terminal", "unknown kind 'terminal'; did you mean builtin:terminal[?]"),
        ("todo,terminal", "did you mean builtin:todo,terminal[?]"),
        ("my/tools.py", "unknown kind 'my/tools.py'; did you mean python:my/tools.py[?]"),
        ("tools.json", "did you mean schema:tools.json[?]"),
        ("python:", "a path is missing after python:"),
        ("mcp: ", "a command is missing after mcp:"),
        ("hermes", "toolsets is missing after hermes:"),
        ("mcp:'x", "No closing quotation"),
    ],
)
async def test_an_invalid_value_is_refused_with_the_reason(
    tmp_path: Path, spec: str, error: str
) -> None:
    with pytest.raises(UsageError, match=error):
        await open_tools([spec], workdir=tmp_path)


async def test_a_duplicate_name_is_refused_with_both_sources(tmp_path: Path) -> None:
    mine = write_python(tmp_path, "def todo() -> str:\n    return ''\n")
    with pytest.raises(UsageError, match=r"'todo', in builtin:todo and in python:.*mine\.py"):
        await open_tools(["builtin:todo", mine], workdir=tmp_path)


async def test_opened_sources_are_closed_if_another_one_fails(
    tmp_path: Path,
) -> None:
    mine = write_python(tmp_path, "def add(a: int) -> int:\n    return a + 1\n")
    with pytest.raises(HermesError, match="none"):
        await open_tools([mine, f"python:{tmp_path}/none.py"], workdir=tmp_path)
    assert not children_of(threading.get_native_id())


async def test_an_unknown_name_is_a_failure_with_near_matches(tmp_path: Path) -> None:
    tools = await open_tools(["builtin"], workdir=tmp_path)
    with pytest.raises(ToolFailure, match="no tool is called 'read_fil'; did you mean read_file"):
        await tools.call("read_fil", {}, CONTEXT)
    await tools.close()


async def test_a_call_is_ended_at_the_time_limit(tmp_path: Path) -> None:
    source = "import asyncio\nasync def wait() -> None:\n    await asyncio.Event().wait()\n"
    mine = write_python(tmp_path, source)
    tools = await open_tools([mine, "builtin:terminal"], workdir=tmp_path, timeout_s=0.1)
    with pytest.raises(ToolFailure, match=r"TimeoutError: still running after 0\.1 s"):
        await tools.call("wait", {}, CONTEXT)
    assert (await answer_of(tools, "terminal", command="sleep 9"))[
        "error"
    ] == "timed out after 0.1 s"
    await tools.close()


class Box:
    """A toolbox whose calls time out, and whose closing raises `error` if there is one."""

    manual: frozenset[str] = frozenset()

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.schemas = ({"type": "function", "function": {"name": name}},)
        self.specs = specs_of(self.schemas)
        self.error = error
        self.is_closed = False

    async def call(self, name: str, arguments: object, context: CallContext) -> Answer:
        raise TimeoutError("its own")

    async def close(self) -> None:
        if self.error is not None:
            raise self.error
        await asyncio.sleep(0)
        self.is_closed = True


async def test_closing_closes_all_boxes_even_if_one_fails() -> None:
    boxes = [Box("a"), Box("b", OSError("stuck")), Box("c")]
    with pytest.raises(OSError, match="stuck"):
        await Toolset([("x", box) for box in boxes], None).close()
    assert [box.is_closed for box in boxes] == [True, False, True]


async def test_a_timeout_raised_by_a_tool_is_passed_on() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        await Toolset([("x", Box("a"))], 5.0).call("a", {}, CONTEXT)
