"""The markers that distinguish the wire formats, and the parsers that read each format."""

from __future__ import annotations

import re
from typing import NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.parsers.recognise import GLM45_NAME_ALONE, GLM47_NAME_ALONE


class FormatMarker(NamedTuple):
    """A marker of a format in a text. `flag` is the vLLM parser that reads the format."""

    format: str
    flag: str
    span: Span


_INVOKE = "<invoke>"
"""Calls of MiniMax M2 without its opening marker, and those of Claude: vLLM reads both alike."""
_UNSEPARATED = r"(?![^<\n]{0,200}\n?<[｜|]tool_sep[｜|]>(?!\s*+<steptml:))"
"""No separator of DeepSeek's follows: its markers are sometimes written like Kimi's or Step's."""

HUNYUAN_SEPARATOR = "<tool_sep>"
"""What Hunyuan V3 writes between name and arguments; its other markers are those of GLM."""

_FORMATS = (
    ("function-xml", "qwen3_coder", r"<function=[\w.-]"),
    ("longcat", "longcat", r"<longcat_tool_call>"),
    ("seed_oss", "seed_oss", r"<seed:tool_call>"),
    ("minimax_m2", "minimax_m2", r"<minimax:tool_call>"),
    (_INVOKE, "minimax_m2", r"<invoke\s++name\s*+="),
    ("hy_v3", "hy_v3", r"<tool_call>[^<\n]{1,200}<tool_sep>|<tool_sep>\s*+<arg_key>"),
    ("glm", "glm45", r"<arg_key>"),
    ("glm", "glm45", GLM45_NAME_ALONE),
    ("glm", "glm47", GLM47_NAME_ALONE),
    ("hermes", "hermes", r"<tool_call>"),
    ("mistral_v11", "mistral", r"\[TOOL_CALLS\]\s*+[\w.-]++(?:\[ARGS\]|\{)"),
    ("mistral", "mistral", r"\[TOOL_CALLS\]"),
    ("llama3_json", "llama3_json", r"<\|python_tag\|>"),
    ("deepseek_v32", "deepseek_v32", r"<｜DSML｜"),
    ("deepseek_v3", "deepseek_v3", r"<｜tool▁call▁begin｜>function<｜tool▁sep｜>"),
    ("deepseek_v31", "deepseek_v31", r"<｜tool▁call▁begin｜>|<｜tool▁calls▁begin｜>"),
    ("kimi_k2", "kimi_k2", rf"<\|tool_call_begin\|>{_UNSEPARATED}|<\|tool_calls_section_begin\|>"),
    ("step3", "step3", rf"<｜tool_calls_begin｜>(?!\s*+<｜tool_call_begin｜>(?!{_UNSEPARATED}))"),
    ("gemma4", "gemma4", r"<\|tool_call>"),
    ("functiongemma", "functiongemma", r"<start_function_call>"),
    ("granite", "granite", r"<\|tool_call\|>"),
    ("internlm", "internlm", r"<\|action_start\|>"),
    ("lfm2", "lfm2", r"<\|tool_call_start\|>"),
    ("apertus", "apertus", r"<\|tools_prefix\|>"),
    ("harmony", "openai", r"<\|channel\|>commentary"),
    ("phi4_mini", "phi4_mini_json", r"functools\["),
    ("jamba", "jamba", r"<tool_calls>"),
    ("olmo3", "olmo3", r"<function_calls>(?!\s*+<)"),
    ("llama4_pythonic", "llama4_pythonic", r"<\|python_start\|>"),
    ("pythonic", "pythonic", r"\A\s*+\[[A-Za-z_]\w*+\("),
    ("llama3_json", "llama3_json", r"\A\s*+\{\s*+\"name\""),
    ("xlam", "xlam", r"\A\s*+\[\s*+\{\s*+\"name\""),
)
_PATTERNS = tuple((name, flag, re.compile(pattern)) for name, flag, pattern in _FORMATS)

_MARKER_VARIANT = re.compile(
    r"&lt;/?tool_call&gt;|<\s?/?\s?(?i:tool[ _-]?calls?)\s?>|\[\s?(?i:tool[ _-]?calls?)\s?\]"
    r"|<[|｜]\s?(?i:tool[_▁ ]calls?[_▁ ](?:begin|section[_▁ ]begin))\s?[|｜]>"
)


def seen_formats(text: str) -> list[FormatMarker]:
    """Return the first marker of each format in `text`, the most distinctive formats first."""
    found = []
    for name, flag, pattern in _PATTERNS:
        if match := pattern.search(text):
            found.append(FormatMarker(name, flag, Span(*match.span())))
    return found


def near_marker(text: str) -> Span | None:
    """Return the span of a marker that differs from a real one by case, blanks or escapes.

    None if there is no such marker.
    """
    match = _MARKER_VARIANT.search(text)
    return Span(*match.span()) if match else None


_SGLANG_NAMES = {
    **dict.fromkeys(("hermes", "mistral", "qwen3_coder", "glm45", "glm47", "kimi_k2", "gemma4")),
    **dict.fromkeys(("lfm2", "pythonic", "step3")),
    "llama3_json": "llama3",
    "deepseek_v3": "deepseekv3",
    "deepseek_v31": "deepseekv31",
    "deepseek_v32": "deepseekv32",
    "minimax_m2": "minimax-m2",
    "openai": "gpt-oss",
    "internlm": "interns1",
    "apertus": "apertus2509",
    "hy_v3": "hunyuan",
    "llama4_pythonic": "pythonic",
}
_HERMES_AGENT_NAMES = frozenset(
    [
        *("hermes", "longcat", "mistral", "llama3_json", "qwen3_coder", "glm45", "kimi_k2"),
        *("glm47", "deepseek_v3", "deepseek_v31"),
    ]
)


def parser_setting(engine: str, vllm_name: str, wire_format: str = "") -> str:
    """Return the setting by which `engine` reads the format of vLLM's parser `vllm_name`.

    `wire_format` is the form that the calls are written in, if vLLM's parser reads several.
    """
    if engine == "hermes-agent" and vllm_name in _HERMES_AGENT_NAMES:
        return f'get_parser("{vllm_name}")'
    if engine == "sglang" and vllm_name in _SGLANG_NAMES and wire_format != _INVOKE:
        return f"--tool-call-parser {_SGLANG_NAMES[vllm_name] or vllm_name}"
    flag = f"--tool-call-parser {vllm_name}"
    return flag if engine == "vllm" else f"{engine} has no parser for it; vLLM has {flag}"
