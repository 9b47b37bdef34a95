"""Laws of our own parser: total, covering, nested, linear, and consistent with its renderer."""

from __future__ import annotations

import gc
import math
import re
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.recognise import READERS, formats_in
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.dsml import DSML
from hermes_tui.parsers.wire.glm import BARE_GLM, GLM, HY_V3
from hermes_tui.parsers.wire.minimax import MINIMAX
from hermes_tui.parsers.wire.qwen_coder import QWEN3_CODER, SEED_OSS
from hermes_tui.parsers.wire.scan import WIRES
from hermes_tui.parsers.wire.step3 import STEP3
from hermes_tui.parsers.wire.tag_set import TagSet
from tests.parsers.laws import check_laws

MARKERS = [
    *("<tool_call>", "</tool_call>", "<tool_calls>", "</tool_calls>", "<tool_sep>"),
    *("<function=f>", "</function>", "<parameter=k>", "</parameter>", "<longcat_tool_call>"),
    *("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<seed:tool_call>"),
    *("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>", "functools[", "<|tool_call|>"),
    *("<|python_start|>", "<|tool_call_start|>", "<|tool_call_end|>", "<function_calls>"),
    *("</function_calls>", "<minimax:tool_call>", '<invoke name="f">', '<parameter name="k">'),
    *("</invoke>", "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>"),
    *("<｜tool▁call▁end｜>", "<｜DSML｜function_calls>", '<｜DSML｜invoke name="f">'),
    *('<｜DSML｜parameter name="k" string="true">', "</｜DSML｜parameter>", "<|tools_prefix|>"),
    *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>"),
    *("<|start|>assistant", "<|channel|>commentary to=functions.f ", "<|message|>", "<|call|>"),
    *("<start_function_call>", "call:f{", "<escape>", "<end_function_call>", "<|tool_call>"),
    *('<|"|>', "<tool_call|>", "<|action_start|><|plugin|>", "<|action_end|>"),
    *("<｜tool_calls_begin｜>", '<steptml:invoke name="f">', '<steptml:parameter name="k">'),
    *("<think>", "</think>", "[THINK]", "<|im_end|>", "```", "&lt;tool_call&gt;"),
]
PIECES = [
    *MARKERS,
    *("f(", "f(k='a', ", "[f(k=1)]", "**{", "functions.f:0", "to=f", "03", "1+2", "'''", "\\"),
    *("{", "}", "[", "]", "(", ")", '"', "'", "“", ":", ",", "=", "`", "//", "&amp;"),
    *('"name"', '"f"', '"arguments"', '{"name":"f","arguments":{"k":1}}', "{'name':'f'}"),
    *("True", "null", "words", "\n", "\\n", " ", "\r\n", "\x00", "\ud83e"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
TOOL = ToolSpec("f", "", {"type": "object", "properties": {"k": {"type": "integer"}}})
ODD_SCHEMA = {"properties": {"k": {"type": [[], "integer"]}}, "required": [[], {}, None, "k"]}
ODD_TOOLS = (ToolSpec("f", "", "no schema"), ToolSpec(""))
TOOLS = st.sampled_from([(), (TOOL,), ODD_TOOLS, (ToolSpec("f", "", ODD_SCHEMA),)])


@settings(max_examples=500, deadline=None)
@given(TEXTS | st.text(max_size=60), TOOLS)
def test_any_text_is_read_lawfully(text: str, tools: tuple[ToolSpec, ...]) -> None:
    check_laws(text, Auto().parse(text, tools))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([GLM, HY_V3, BARE_GLM, QWEN3_CODER, SEED_OSS, MINIMAX, DSML, STEP3]))
def test_a_search_for_tags_misses_none(text: str, tags: TagSet) -> None:
    patient = replace(tags, begins="")
    for quick, slow in ((tags.in_value, patient.in_value), (tags.any_tag, patient.any_tag)):
        assert [m.span() for m in quick.finditer(text)] == [m.span() for m in slow.finditer(text)]


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_formats_are_guessed_by_a_marker_in_the_text(text: str) -> None:
    for guess in formats_in(text):
        assert guess.format in READERS
        assert 0 < guess.score <= 1
        assert 0 <= guess.span.start < guess.span.end <= len(text)


NAMES = st.from_regex(r"[a-z]{1,3}_[a-z]{1,6}", fullmatch=True)
KEYS = st.from_regex(r"[a-z]{1,3}_[a-z0-9]{0,4}", fullmatch=True)
NUMBERS = st.integers(-(10**12), 10**12) | st.floats(-1e6, 1e6).filter(math.isfinite)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=12)


def nested(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


# Formats without escapes cannot carry text that looks like their own syntax.
SYNTAX = re.compile(r"[<>|\[\]{}\\&\r]|^\s|\s$|^(?:null|None|nil)$")
PLAIN = st.text(max_size=15).filter(lambda text: not SYNTAX.search(text))
ARGUMENTS = {
    "json": st.dictionaries(st.text(max_size=5), nested(st.text(max_size=5)), max_size=3),
    "python": st.dictionaries(KEYS, nested(KEYS), max_size=3),
    "marked": st.dictionaries(KEYS, PLAIN | st.integers() | st.booleans(), max_size=3),
    "text": st.dictionaries(KEYS, PLAIN, max_size=3),
}
KINDS = {
    **dict.fromkeys(("pythonic", "llama4_pythonic", "lfm2", "olmo3"), "python"),
    **dict.fromkeys(("glm45", "glm47", "hy_v3", "minimax_m2", "step3", "seed_oss"), "text"),
    **dict.fromkeys(("qwen3_coder", "functiongemma", "deepseek_v32"), "text"),
    "gemma4": "marked",
}
WRITTEN = [wire for wire in WIRES if wire.render]


@pytest.mark.parametrize("wire", WRITTEN, ids=lambda wire: wire.formats[0])
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_rendered_calls_are_read_back(wire: Wire, data: st.DataObject) -> None:
    arguments = ARGUMENTS[KINDS.get(wire.formats[0], "json")]
    pairs = data.draw(st.lists(st.tuples(NAMES, arguments), min_size=1, max_size=3))
    calls = [ParsedCall(name, compact(value), Span(0, 0), value=value) for name, value in pairs]
    assert wire.render is not None
    text = wire.render(calls)
    result = Auto().parse(text)
    assert [(call.name, call.value) for call in result.calls] == pairs
    assert result.content is None


REPEATED = [
    *MARKERS,
    *("<tool_call>{", '<tool_call>{"a":"', "<tool_call> ", "[TOOL_CALLS][", "[TOOL_CALLS]f[ARGS]{"),
    *("functools[{", '{"name":', '{"name":"a",', '[{"name":1},', "[f(", "[f(a=1, ", "[f(a='"),
    *("call:a{x:{", "x:{", "call:a{x:<escape>", "<arg_key>k</arg_key><arg_value>v", "[", "[["),
    *("{", '"', "\\", " ", "<", "&lt;tool_call&gt;{", "<think></think>", "f(k=1", "1+"),
]
OPENINGS = [
    "",
    '<tool_call>{"name":"f","arguments":{"a":"',
    "<tool_call>f<arg_key>k</arg_key><arg_value>",
    '<minimax:tool_call><invoke name="f"><parameter name="k">',
    "<|tool_call>call:f{k:",
    "[f(k=",
]


def work(text: str) -> int:
    """Return how many function calls, of Python and built-in functions, a parse takes."""
    count = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    parser, before = Auto(), sys.getprofile()
    parser.parse(text, (TOOL,))  # what is built at the first use does not count
    sys.setprofile(note)
    try:
        parser.parse(text, (TOOL,))
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("unit", REPEATED)
def test_the_work_grows_linearly_with_the_length(unit: str) -> None:
    # A certain amount of broken JSON may be retried before the work depends on the length.
    free = 600_000 if '{"name"' in unit else 1_500
    for opening in OPENINGS:
        small, large = (opening + unit * (size // len(unit)) for size in (500, 4_000))
        assert work(large) <= 12 * work(small) + free


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>" + " " * 1_000_000,
        "[f(" + ", ".join(f"a{i}=1" for i in range(50_000)),
        "<|tool_call>call:a{" + "x:{" * 300_000,
        "<tool_call><function=a>" + "<parameter=x>" * 50_000,
        "<tool_calls>" + "<tool_call>" * 90_000,
        "<｜tool▁calls▁begin｜>" * 50_000,
        "[" * 1_000_000,
        "functools[" * 100_000,
    ],
    ids=lambda text: text[:24].strip(),
)
def test_a_megabyte_that_engines_choke_on_is_read(text: str) -> None:
    result = Auto().parse(text, (TOOL,))
    assert len(result.diagnostics) < 1_000
    del result
    gc.collect()
