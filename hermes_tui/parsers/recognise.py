"""Recognises the wire formats in a text by their markers, and names the parsers that read them."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from hermes_tui.model.spans import Span


class FormatGuess(NamedTuple):
    """A format that a text may be in. `score` is 0 to 1; `span` is that of the marker."""

    format: str
    score: float
    span: Span


READERS: dict[str, dict[str, str]] = {
    "hermes": {"vllm": "hermes", "sglang": "hermes", "hermes-agent": "hermes"},
    "qwen25": {"vllm": "hermes", "sglang": "qwen25", "hermes-agent": "qwen"},
    "longcat": {"vllm": "longcat", "hermes-agent": "longcat"},
    "mistral": {"vllm": "mistral", "sglang": "mistral", "hermes-agent": "mistral"},
    "mistral_v11": {"vllm": "mistral", "sglang": "mistral"},
    "llama3_json": {"vllm": "llama3_json", "sglang": "llama3", "hermes-agent": "llama3_json"},
    "pythonic": {"vllm": "pythonic", "sglang": "pythonic"},
    "llama4_pythonic": {"vllm": "llama4_pythonic", "sglang": "pythonic"},
    "olmo3": {"vllm": "olmo3"},
    "lfm2": {"vllm": "lfm2", "sglang": "lfm2"},
    "qwen3_coder": {
        "vllm": "qwen3_coder", "sglang": "qwen3_coder", "hermes-agent": "qwen3_coder",
    },
    "seed_oss": {"vllm": "seed_oss"},
    "glm45": {"vllm": "glm45", "sglang": "glm45", "hermes-agent": "glm45"},
    "glm47": {"vllm": "glm47", "sglang": "glm47", "hermes-agent": "glm47"},
    "minimax_m2": {"vllm": "minimax_m2", "sglang": "minimax-m2"},
    "deepseek_v3": {
        "vllm": "deepseek_v3", "sglang": "deepseekv3", "hermes-agent": "deepseek_v3",
    },
    "deepseek_v31": {
        "vllm": "deepseek_v31", "sglang": "deepseekv31", "hermes-agent": "deepseek_v31",
    },
    "deepseek_v32": {"vllm": "deepseek_v32", "sglang": "deepseekv32"},
    "deepseek_v4": {"vllm": "deepseek_v4", "sglang": "deepseekv4"},
    "kimi_k2": {"vllm": "kimi_k2", "sglang": "kimi_k2", "hermes-agent": "kimi_k2"},
    "harmony": {"vllm": "openai", "sglang": "gpt-oss"},
    "functiongemma": {"vllm": "functiongemma"},
    "gemma4": {"vllm": "gemma4", "sglang": "gemma4"},
    "granite": {"vllm": "granite"},
    "jamba": {"vllm": "jamba"},
    "phi4_mini": {"vllm": "phi4_mini_json"},
    "xlam": {"vllm": "xlam"},
    "hunyuan_a13b": {"vllm": "hunyuan_a13b"},
    "apertus": {"vllm": "apertus", "sglang": "apertus2509"},
    "internlm": {"vllm": "internlm"},
    "internlm_sp": {"sglang": "interns1"},
    "step3": {"vllm": "step3", "sglang": "step3"},
    "hy_v3": {"vllm": "hy_v3", "sglang": "hunyuan"},
}  # fmt: skip
"""The `--tool-call-parser` value for each format, by engine (vLLM 0.33, SGLang 0.5.23)."""

_NAME_KEY = r"\{\s*+[\"'](?:name|type|function|parameters|arguments)[\"']\s*+:"
_APART = r"(?:(?<![^\n>.!?:…。！？：])|(?<=[.!?:] ))"
_NAME_OPEN = rf"{_APART}<tool_call>[^\W\d][\w.\-]{{0,100}}+"
_NAME_CLOSE = r"</tool_call>(?=[ \t]*+(?:\Z|[\r\n<]))"
GLM45_NAME_ALONE = rf"{_NAME_OPEN}[ \t]*+\n\s*+{_NAME_CLOSE}"
GLM47_NAME_ALONE = rf"{_NAME_OPEN}{_NAME_CLOSE}"
"""A name as the whole block, set apart: GLM's call without arguments, not tags in prose."""
_LOW_BEGIN = r"<[｜|]tool_call_begin[｜|]>"
_BEGIN = rf"(?:<[｜|]tool[▁ ]call[▁ ]begin[｜|]>|{_LOW_BEGIN})"
_SEP = r"<[｜|]tool[▁ _]sep[｜|]>"
"""DeepSeek's markers, also with ASCII bars or low lines, as models without these tokens write."""
_SIGNS: tuple[tuple[str, float, str], ...] = (
    ("qwen3_coder", 1.0, r"<tool_call>\s*+<function[=\s]"),
    ("qwen3_coder", 0.8, r"<function=[^<>\n]{1,200}>"),
    ("seed_oss", 1.0, r"<seed:tool_call>"),
    ("glm45", 1.0, r"<tool_call>[^<>{\[\n]{1,200}\n\s*+<arg_key>"),
    ("glm47", 1.0, r"<tool_call>[^<>{\[\n]{1,200}<arg_key>"),
    ("glm45", 0.7, r"<arg_key>"),
    ("hy_v3", 1.0, r"<tool_calls>\s*+<tool_call>|<tool_sep>"),
    ("qwen25", 1.0, r"<tool_call>\n\s*+[{\[]"),
    ("hermes", 1.0, r"<tool_call>\s*+[{\[]"),
    ("glm45", 0.8, GLM45_NAME_ALONE),
    ("glm47", 0.8, GLM47_NAME_ALONE),
    ("hermes", 0.5, r"</?tool_call>"),
    ("longcat", 1.0, r"<longcat_tool_call>"),
    ("mistral", 1.0, r"\[TOOL_CALLS\]\s*+(?:\[\s*+[{\]`]|\{)"),
    ("mistral_v11", 1.0, r"\[TOOL_CALLS\][^\[\]{}\n]{1,200}(?:\[CALL_ID\]|\[ARGS\]|\{)"),
    ("mistral", 0.6, r"\[TOOL_CALLS\]"),
    ("llama3_json", 1.0, r"<\|python_tag\|>"),
    ("llama4_pythonic", 1.0, r"<\|python_start\|>"),
    ("lfm2", 1.0, r"<\|tool_call_start\|>"),
    ("olmo3", 1.0, r"<function_calls>\s*+[\w\[]"),
    ("olmo3", 0.6, r"<function_calls>(?!\s*+<)"),
    ("deepseek_v3", 1.0, rf"{_BEGIN}\w{{0,20}}{_SEP}[^\n{{<]{{1,200}}\n"),
    ("deepseek_v31", 1.0, rf"{_BEGIN}[^<\n]{{1,200}}{_SEP}\s*+\{{"),
    ("deepseek_v31", 0.6, r"<[｜|]tool[▁ ]calls?[▁ ]begin[｜|]>"),
    ("deepseek_v4", 1.0, r"<｜DSML｜tool_calls>"),
    ("deepseek_v32", 1.0, r"<｜DSML｜function_calls>"),
    ("deepseek_v32", 0.7, r"<[｜|]DSML[｜|]"),
    ("kimi_k2", 1.0, r"<\|tool_calls_section_begin\|>"),
    ("kimi_k2", 0.8, r"<\|tool_call_begin\|>"),
    ("minimax_m2", 1.0, r"<minimax:tool_call>"),
    ("minimax_m2", 0.5, r"<invoke\s+name="),
    ("step3", 1.0, r"<steptml:|<｜tool_calls_begin｜>"),
    ("harmony", 1.0, r"<\|channel\|>[^<]{0,100}to=|<\|start\|>assistant[^<]{0,100}to="),
    ("harmony", 0.7, r"<\|channel\|>(?:analysis|commentary|final)"),
    ("functiongemma", 1.0, r"<start_function_call>"),
    ("gemma4", 1.0, r"<\|tool_call>"),
    ("granite", 1.0, r"<\|tool_call\|>"),
    ("jamba", 1.0, r"<tool_calls>\s*+\[\s*+\n"),
    ("hunyuan_a13b", 1.0, r"<tool_calls>\s*+\["),
    ("phi4_mini", 1.0, r"functools\s*+\["),
    ("apertus", 1.0, r"<\|tools_(?:prefix|suffix)\|>"),
    ("internlm_sp", 1.0, r"<\|action_start\|> <\|plugin\|>"),
    ("internlm", 1.0, r"<\|action_start\|>"),
    ("xlam", 0.4, rf"\[\s*+{_NAME_KEY}"),
    ("pythonic", 0.4, r"\[\s*+[^\W\d][\w.\-]{0,100}+\((?:\)|\s*+[^\W\d]\w*+\s*+=)"),
    ("llama3_json", 0.4, _NAME_KEY),
)
_FOREIGN_MARKERS = (
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_tag|>", "llama3_json"),
    ("<｜tool▁calls▁begin｜>", "deepseek_v3"),
    ("<｜tool▁call▁begin｜>", "deepseek_v3"),
    ("<｜DSML｜", "deepseek_v32"),
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<|tool_call_begin|>", "kimi_k2"),
    ("minimax:tool_call>", "minimax_m2"),
    ("<longcat_tool_call>", "longcat"),
    ("<seed:tool_call>", "seed_oss"),
    ("<arg_key>", "glm45"),
    ("<|tool_call_start|>", "lfm2"),
    ("<|tool_call|>", "granite"),
    ("<start_function_call>", "functiongemma"),
    ("<end_function_call>", "functiongemma"),
    ("<|tool_call>call:", "gemma4"),
    ("<|START_ACTION|>", "cohere_command3"),
    ("<|action_start|>", "internlm"),
    ("<|action_end|>", "internlm"),
    ("<|tools_prefix|>", "apertus"),
    ("<function_calls>", "olmo3"),
    ("<tool_calls>", "hunyuan_a13b"),
    ("</tool_calls>", "hunyuan_a13b"),
    ("<｜tool_calls_begin｜>", "step3"),
    ("<steptml:", "step3"),
    ("<|python_start|>", "llama4_pythonic"),
    ("<|channel|>commentary", "harmony"),
    ("functools[", "phi4_mini"),
)
"""Markers without which these formats have no call, each opening or closing, and their formats."""


@cache
def _signs() -> tuple[tuple[str, float, re.Pattern[str]], ...]:
    return tuple((name, score, re.compile(pattern)) for name, score, pattern in _SIGNS)


def formats_in(text: str) -> tuple[FormatGuess, ...]:
    """Return the formats whose markers occur in `text`, the likeliest first.

    If the same marker indicates two formats, the one to which it is more specific comes first. A
    format without markers is guessed only if there is no other.
    """
    found: dict[str, FormatGuess] = {}
    for name, score, pattern in _signs():
        if (name in found and found[name].score >= score) or (score < 0.5 and found):
            continue
        if sign := pattern.search(text):
            found[name] = FormatGuess(name, score, Span(*sign.span()))
    return tuple(sorted(found.values(), key=lambda guess: (-guess.score, guess.span)))


def flag_for(format_name: str) -> str:
    """Return the server flag for a format, by engine; empty if none reads it."""
    readers = READERS.get(format_name, {})
    names = {engine: name for engine, name in readers.items() if engine != "hermes-agent"}
    if not names:
        return ""
    if len(set(names.values())) == 1:
        return f"--tool-call-parser {next(iter(names.values()))}"
    flags = ", ".join(f"{name} ({engine})" for engine, name in names.items())
    return f"--tool-call-parser {flags}"


def foreign_format(text: str) -> str | None:
    """Return a call format whose markers are in `text`, None if it has none but `<tool_call>`."""
    if "<" not in text and "[" not in text:
        return None
    return next((name for marker, name in _FOREIGN_MARKERS if marker in text), None)
