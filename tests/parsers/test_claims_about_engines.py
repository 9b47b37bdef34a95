"""Findings claim of an engine what that engine does with the same text, in the corpus."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

import hermes_tui.parsers.engines as engines
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.engines.emulated import Emulated
from hermes_tui.parsers.engines.registry import engine_parsers, parser_named
from tests.parsers.agreement import COLUMNS, CORPUS, rows, toolsets
from tests.parsers.damage import damaged

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the project"),
]

Record = dict[str, Any]

MODULES = Path(engines.__file__).parent
OWN = {"vllm": "vLLM", "tagged": "vLLM", "sglang": "SGLang", "hermes_agent": "hermes-agent"}
"""The engine that a module is about, by the beginning of the module's name."""
NAMED = re.compile(
    r"vLLM|SGLang|hermes-agent|(?:other|stricter|all) (?:engines|parsers)|engines differ"
    r"|[Ss]treams\b|--tool-call-parser|glm4\d"
)
"""Matches a string that makes a claim about an engine."""


class Read(NamedTuple):
    """One row as one emulated parser reads it, and the measured verdict of the engine itself."""

    row: Record
    tools: tuple[ToolSpec, ...]
    parser: str
    result: ParseResult
    real: Record


def _calls(record: Record) -> bool:
    return bool(record["tool_calls"])


def _keeps_text(one: Read, column: str) -> bool:
    record = one.row[column]
    return not _calls(record) and (record["content"] or "").strip() == one.row["text"].strip()


def _drops(one: Read, column: str) -> bool:
    record = one.row[column]
    meant = max(1, len(one.row["intent"]))
    return len(record["tool_calls"]) < meant and not _keeps_text(one, column)


def _read_by(parser: str) -> Callable[[Read], bool]:
    """Return a check that another parser reads calls of tools that the request declares."""

    def reads(one: Read) -> bool:
        known = {tool.name for tool in one.tools}
        calls = parser_named(parser).parse(one.row["text"], one.tools).calls
        return bool(calls) and {call.name for call in calls} <= known

    return reads


def _as_text(one: Read, column: str) -> bool:
    return any('": "{' in call["arguments"] for call in one.row[column]["tool_calls"])


CLAIMS: dict[str, Callable[[Read], bool]] = {
    "SGLang's pythonic finds the list anywhere": lambda one: _calls(one.row["sglang"]),
    "vLLM's qwen3_coder reads it": lambda one: _calls(one.row["vllm"]),
    "--tool-call-parser hermes reads it": _read_by("sglang/hermes"),
    "SGLang keeps it as text": lambda one: _keeps_text(one, "sglang"),
    "SGLang drops such a call": lambda one: _drops(one, "sglang"),
    "vLLM passes it on as text": lambda one: _as_text(one, "vllm"),
    "vLLM reads it anyway": lambda one: _calls(one.row["vllm"]),
    "streams read it": lambda one: _calls(one.row["sglang_stream"]),
    "glm47 needs none": _read_by("sglang/glm47"),
    "glm47 is the parser for calls without newlines": lambda one: _read_by(
        f"{one.parser.partition('/')[0]}/glm47"
    )(one),
}
"""The claims about an engine in messages and hints, and what must then hold for the row."""


@cache
def readings() -> tuple[Read, ...]:
    parsers = {parser.name: parser for parser in engine_parsers()}
    tools = toolsets()
    return tuple(
        Read(row, declared, parser.name, parser.parse(row["text"], declared), real)
        for row in rows()
        for column, engine in COLUMNS.items()
        if (real := row.get(column)) and (parser := parsers.get(f"{engine}/{real['parser']}"))
        for declared in (tools[row["tools"]],)
    )


def findings() -> Iterator[tuple[Read, Diagnostic]]:
    for one in readings():
        for found in one.result.diagnostics:
            yield one, found


@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_about_an_engine_are_what_it_does(claim: str) -> None:
    readings_with_claim = [
        one for one, found in findings() if claim in f"{found.message}\n{found.hint}"
    ]
    assert readings_with_claim
    assert not [
        f"{one.parser} {one.row['id']}" for one in readings_with_claim if not CLAIMS[claim](one)
    ]


def _strings(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of a module that are not docstrings."""
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documents:
            yield node.value


def test_a_finding_names_only_its_own_engine_or_a_checked_claim() -> None:
    """Covers the findings in the corpus."""
    strange = set()
    for one, found in findings():
        engine = one.parser.partition("/")[0]
        for text in (found.message, found.hint):
            engines_named = {word.lower() for word in ENGINES if word in text}
            if engines_named - {engine} and not any(claim in text for claim in CLAIMS):
                strange.add(text)
    assert not [text for text in strange if "has no parser for it" not in text]


def test_no_string_names_another_engine_without_a_checked_claim() -> None:
    """Covers the findings that the corpus does not contain, too."""
    unchecked = []
    for path in sorted(MODULES.glob("*.py")):
        own = next((OWN[word] for word in OWN if path.name.startswith(word)), "")
        for text in _strings(ast.parse(path.read_text("utf-8"))):
            engines_named = set(NAMED.findall(text)) - {own}
            known = (*CLAIMS, *CHECKED_STRINGS)
            if (
                engines_named
                and len(text.split()) > 2
                and not any(claim in text for claim in known)
            ):
                unchecked.append(f"{path.name}: {text!r}")
    assert not unchecked


ENGINES = ("vLLM", "SGLang", "hermes-agent")
CHECKED_STRINGS = (
    "glm45 skips the block",
    "which glm45 needs",
    "SGLang does not look at it",
    "streams may differ",
    " has no parser for it; vLLM has ",
    "hermes-agent reads the raw completion",
    "lost together with a call that SGLang cannot read",
    "vLLM accepts nothing else in the answer",
    "SGLang's expression backtracks",
)
"""Strings of modules that serve several engines, each used in a reading of the engine it names."""


CURE = re.compile(
    r"(?P<flag>(?:--tool|get_).+?) (?P<does>reads it|is made for it, but reads no call here either)"
)


def chooses(one: Emulated, beside: Emulated, flag: str) -> bool:
    """Return whether a flag that is named next to a parser may mean `one`."""
    return one.info.engine == beside.info.engine and one.info.flag == flag


@pytest.mark.parametrize("seed", range(2))
def test_a_named_parser_does_what_the_hint_claims_with_damaged_outputs(seed: int) -> None:
    random, found, tools = Random(seed), list(rows()), toolsets()
    texts, parsers = [row["text"] for row in found], engine_parsers()
    counts = Counter[bool]()
    for row in found:
        text, declared = damaged(row["text"], texts, random), tools[row["tools"]]
        for parser in random.sample(parsers, 3):
            for finding in parser.parse(text, declared).diagnostics:
                cure = CURE.fullmatch(finding.hint)
                if cure is None or finding.span is None:
                    continue
                asked = [one for one in parsers if chooses(one, parser, cure["flag"])]
                calls = [call for one in asked for call in one.parse(text, declared).calls]
                reaching = [call for call in calls if call.span.end > finding.span.start]
                is_read = cure["does"] == "reads it"
                assert asked and bool(reaching) == is_read, (text, finding)
                counts[is_read] += 1
    assert min(counts[True], counts[False]) > 20
