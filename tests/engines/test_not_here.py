"""A parser that cannot be run without its server gives no verdict, and no finding."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermes_tui.runtime.engines.added import AddedEngine, write_manifest
from hermes_tui.runtime.engines.verdicts import EngineOutcome
from hermes_tui.runtime.engines.worker import EngineWorker
from tests.cli.program import within
from tests.engines.fakes import PYDANTIC

NAMES = ("asks", "asks_quietly", "bad", "knows", "lacks", "serves")
PARSERS = """
import logging
from vllm.entrypoints.generate.base.protocol import ExtractedToolCallInformation

class ToolParser:
    def __init__(self, tokenizer, tools=None):
        pass

    def extract_tool_calls(self, text, request):
        raise NotImplementedError

def parser(read):
    def extract_tool_calls(self, text, request):
        content = read(text, request)
        return ExtractedToolCallInformation(tools_called=False, tool_calls=[], content=content)
    return type(read.__name__, (ToolParser,), {"extract_tool_calls": extract_tool_calls})

@parser
def asks(text, request):
    return request.is_on_tuesday

@parser
def asks_quietly(text, request):
    try:
        return request.is_on_tuesday
    except AttributeError:
        logging.getLogger("vllm").exception("Error in parsing")
        return text

@parser
def bad(text, request):
    return None.text

@parser
def knows(text, request):
    return str(request.chat_template_kwargs)

class lacks(bad):
    def __init__(self, tokenizer, tools=None):
        raise ValueError("the tokenizer has no\\n template")

class serves(ToolParser):
    pass

class ToolParserManager:
    list_registered = staticmethod(lambda: %r)
    get_tool_parser = staticmethod(globals().get)
"""
UNIFIED = """
class ParserManager:
    @staticmethod
    def get_parser(name, *_, **__):
        raise ImportError("The parser requires another package")
"""


def engine(folder: Path) -> AddedEngine:
    files = {
        "src/vllm/tool_parsers/__init__.py": PARSERS % (list(NAMES),),
        "src/vllm/parser/__init__.py": "",
        "src/vllm/parser/abstract_parser.py": "def parse_delta(): ...",
        "src/vllm/parser/parser_manager.py": UNIFIED,
        **{f"deps/{name}": source for name, source in PYDANTIC.items()},
    }
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    src = str(folder / "src")
    return AddedEngine(folder.name, "vllm", "1", "wheel", "", version, src, NAMES, {}, folder)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[EngineWorker]:
    worker = EngineWorker(engine(tmp_path / "vllm-1"))
    yield worker
    await worker.close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("asks", "AttributeError: 'ChatCompletionRequest' object has no attribute 'is_on_tuesday'"),
        ("asks_quietly", "AttributeError: 'ChatCompletionRequest' object has no attribute"),
        ("lacks", "ValueError: the tokenizer has no template"),
        ("serves", "ImportError: The parser requires another package"),
    ],
)
async def test_a_failure_only_of_this_environment_is_not_a_verdict_on_the_engine(
    worker: EngineWorker, name: str, why: str
) -> None:
    verdict = await worker.parse(name, "x")
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert verdict.error.startswith(f"cannot be run here: {why}")


async def test_an_exception_of_the_parser_itself_is_its_verdict(worker: EngineWorker) -> None:
    verdict = await worker.parse("bad", "x")
    assert verdict.outcome is EngineOutcome.RAISED
    assert verdict.error == "AttributeError: 'NoneType' object has no attribute 'text'"


async def test_a_field_that_every_request_has_can_be_read(worker: EngineWorker) -> None:
    assert (await worker.parse("knows", "x")).content == "None"


async def test_a_parser_that_cannot_be_created_is_reported_when_the_engine_is_added(
    worker: EngineWorker,
) -> None:
    failures = await worker.failures()
    assert failures == {
        "lacks": "ValueError: the tokenizer has no\n template",
        "serves": "ImportError: The parser requires another package",
    }


def test_a_table_of_all_parsers_omits_those_that_cannot_be_run_here(
    tmp_path: Path, cache: Path
) -> None:
    folder = cache / "vllm-1"
    added = engine(folder)
    write_manifest(added)
    path = tmp_path / "reply.txt"
    path.write_text("Hello.")
    found = within("parse", path, "--all")
    assert found.code == 1, "one raises"
    assert "left out: real/vllm-1/lacks: cannot be run here: ValueError" in found.err
    assert "real/vllm-1/lacks" not in found.text
    assert "real/vllm-1/knows" in found.text
    assert within("parse", path, "--parser", "real/vllm-1/lacks").code == 3
