"""The stand-alone script of a finding prints what the engine returns here."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import Outcome, ParseResult
from hermes_tui.parsers.report import Reproduction
from hermes_tui.runtime import engines
from hermes_tui.runtime.engine_script import engine_script
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.pool import EnginePool
from hermes_tui.runtime.parser_panel import ParserPanel
from hermes_tui.runtime.real_parser import Deltas, RealParser

TOOLS = (ToolSpec("f", "does", {"type": "object", "properties": {"a": {"type": "integer"}}}),)
JSON = 'Sure. <tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
XML = "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>"
GLM = "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>"
NASTY = "\"\"\" ''' \\ \r\n\0 🦉 <tool_call>"
TEXTS = {"hermes": JSON, "qwen": JSON, "qwen3_coder": XML, "glm45": GLM, "pythonic": "[f(a=1)]"}

IN_PARTS = """
import sys
engine, source, deps, script = sys.argv[1:5]
sys.path[:0] = [deps, {folder!r}]
import importlib
from child.stand_ins import install
facts = importlib.import_module(f"child.{{engine}}_facts")
install(source, facts, facts.others() if engine == "vllm" else facts.OTHERS)
sys.path.insert(0, source)
del sys.argv[1:]
exec(compile(open(script, encoding="utf-8").read(), script, "exec"), {{"__name__": "__main__"}})
"""
"""Run a script with only the Python files of the engine and stand-ins for everything else."""


def script_of(parser: RealParser, text: str) -> str:
    nothing = ParseResult(Outcome.TEXT)
    return engine_script(
        Reproduction(text, parser.info, TOOLS, nothing, None, "", parser.engine_run)
    )


def fake(engine: str, version: str) -> AddedEngine:
    return AddedEngine(f"{engine}-{version}", engine, version, "wheel", *[""] * 3, (), {}, Path())


def parser_of(engine: AddedEngine, name: str, deltas: Deltas | None) -> RealParser:
    return RealParser(EnginePool([engine]), engine, name, asyncio.run, deltas)


def added(name: str) -> AddedEngine:
    found = [one for one in EnginePool().engines if one.name == name and not one.problem]
    if not found:
        pytest.skip(f"{name} is not here: hermes-tui engines add {name.replace('-', '==')}")
    return found[0]


def printed(script: str, engine: AddedEngine, folder: Path) -> Any:
    path = folder / "alone.py"
    path.write_text(script, encoding="utf-8")
    run = IN_PARTS.format(folder=str(Path(engines.__file__).parent))
    command = [sys.executable, "-I", "-S", "-c", run]
    done = subprocess.run(
        [*command, engine.engine, engine.source, engine.deps, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.engines
@pytest.mark.parametrize("deltas", [None, Deltas(1), Deltas(3, by_characters=True)], ids=str)
@pytest.mark.parametrize(
    ("name", "parser"),
    [
        *(("vllm-0.33.0", parser) for parser in ("hermes", "qwen3_coder", "pythonic")),
        *(("sglang-0.5.23", parser) for parser in ("qwen", "glm45")),
    ],
)
def test_the_script_prints_what_the_engine_returns(
    tmp_path: Path, name: str, parser: str, deltas: Deltas | None
) -> None:
    engine = added(name)
    real = parser_of(engine, parser, deltas)
    with ParserPanel() as panel:
        verdict = panel.read(real.name, TEXTS[parser], TOOLS, deltas=deltas)
    assert verdict.calls
    assert printed(script_of(real, TEXTS[parser]), engine, tmp_path) == {
        "calls": [list(call) for call in verdict.calls],
        "content": verdict.content or None,
    }


@pytest.mark.parametrize("deltas", [None, Deltas(2)], ids=str)
@pytest.mark.parametrize("engine", [fake("vllm", "0.33.1"), fake("sglang", "0.5.9")], ids=str)
def test_the_script_is_valid_python_for_any_text(
    engine: AddedEngine, deltas: Deltas | None
) -> None:
    source = script_of(parser_of(engine, "hermes", deltas), NASTY + "\ud83e")
    compile(source.encode(), "alone.py", "exec")
    assert "hermes_tui" not in source


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        (fake("vllm", "0.12.0"), "hermes"),
        (fake("vllm", "0.33.0"), "openai"),
        (fake("hermes-agent", "1"), "hermes"),
    ],
    ids=str,
)
def test_there_is_no_script_for_a_parser_whose_name_in_the_engine_is_unknown(
    engine: AddedEngine, name: str
) -> None:
    assert script_of(parser_of(engine, name, None), JSON) == ""


@pytest.mark.parametrize(
    ("name", "version", "parser"), [("vllm", "0.33.0", "hermes"), ("sglang", "0.5.23", "qwen")]
)
def test_a_script_without_its_engine_names_what_to_install(
    tmp_path: Path, name: str, version: str, parser: str
) -> None:
    script = tmp_path / "alone.py"
    script.write_text(script_of(parser_of(fake(name, version), parser, None), JSON))
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"No module named '{name}': this needs {name} {version} (pip install {name}=={version})"
    )
