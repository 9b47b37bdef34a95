"""Run the loop that faithful mode reproduces, if its source is next to the project.

That source lost its indentation: `_LEVELS` restores it, a digit for each logical line
of code from the first import on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

SEED = Path(__file__).resolve().parents[2] / "../shared/seed/agent_loop.txt"
_LEVELS = (
    "000000000001110001111100111111012121234341012222222212222223445422333434343343444334433334"
    "555566764534565445445665665666567677678887788788788788887786777566777856554434454444221232"
)


def seed_source() -> str:
    lines = [line for line in SEED.read_text().splitlines() if line != "|"]
    code = _logical_lines(lines[lines.index("import asyncio") :])
    return "\n".join("    " * int(level) + line for level, line in zip(_LEVELS, code, strict=True))


def _logical_lines(lines: list[str]) -> Iterator[str]:
    """Yield statements, joined if they span several lines; comments and docstrings are left out."""
    held, depth, in_doc = "", 0, False
    for line in lines:
        if in_doc or (not held and line.startswith('"""')):
            in_doc = line.count('"""') == (0 if in_doc else 1)
            continue
        if not held and line.startswith("#"):
            continue
        held += f"\n{line}" if held else line
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line).partition("# ")[0]
        depth += sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))
        if not depth:
            yield held
            held = ""


class HermesParser:
    """A stand-in for hermes-agent's parser of that name."""

    pattern = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>|<tool_call>\s*(.*)", re.DOTALL)

    def parse(self, text: str) -> tuple[str | None, list[Any] | None]:
        calls = []
        try:
            for closed, unclosed in self.pattern.findall(text):
                payload = closed or unclosed
                if payload.strip():
                    value = json.loads(payload)
                    arguments = json.dumps(value.get("arguments", {}), ensure_ascii=False)
                    function = SimpleNamespace(name=value["name"], arguments=arguments)
                    made = f"call_{len(calls):08x}"
                    calls.append(SimpleNamespace(id=made, type="function", function=function))
        except (ValueError, TypeError, KeyError, AttributeError):
            return text, None
        return text.partition("<tool_call>")[0].strip() or None, calls or None


@contextmanager
def _modules(handler: Callable[..., Any]) -> Iterator[None]:
    def todo_tool(*, todos: Any, merge: Any, store: Any) -> Any:
        return handler("todo", {"todos": todos, "merge": merge})

    def call(name: str, arguments: Any, **_: Any) -> Any:
        return handler(name, arguments)

    stubs = {
        "model_tools": {"handle_function_call": call},
        "tools": {},
        "tools.todo_tool": {"TodoStore": dict, "todo_tool": todo_tool},
        "environments": {},
        "environments.tool_call_parsers": {"get_parser": lambda name: HermesParser()},
    }
    held = {name: sys.modules.get(name) for name in stubs}
    for name, fields in stubs.items():
        module = ModuleType(name)
        module.__dict__.update(fields)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in held.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class Server:
    """A server that replies with the given messages, then with an exception."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = iter(answers)

    async def chat_completion(self, **_: Any) -> Any:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        choices = [] if answer == "no choices" else [SimpleNamespace(message=answer)]
        return SimpleNamespace(choices=choices)


def run_seed(
    answers: list[Any],
    handler: Callable[..., Any],
    messages: list[dict[str, Any]],
    schemas: list[dict[str, Any]],
    names: set[str],
    max_turns: int,
) -> tuple[Any, str]:
    """Return what the loop returns, or None if it raises, and the exception as a text.

    `messages` grows with the conversation.
    """
    logging.getLogger("seed_loop_source").setLevel(logging.CRITICAL + 1)
    with _modules(handler):
        space: dict[str, Any] = {"__name__": "seed_loop_source"}
        sys.modules["seed_loop_source"] = ModuleType("seed_loop_source")
        try:
            exec(compile(seed_source(), str(SEED), "exec", dont_inherit=True), space)
            loop = space["HermesAgentLoop"](Server(answers), schemas, names, max_turns)
            return asyncio.run(loop.run(messages)), ""
        except Exception as error:  # noqa: BLE001 - any exception of the loop is a result
            return None, f"{type(error).__name__}: {error}"
        finally:
            del sys.modules["seed_loop_source"]
            if "_tool_executor" in space:
                space["_tool_executor"].shutdown()
