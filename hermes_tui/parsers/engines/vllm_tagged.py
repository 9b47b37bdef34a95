"""vLLM 0.33's declared parsers for Qwen-Coder XML, GLM and Kimi K2, non-streaming.

    qwen3_coder  <tool_call> <function=NAME> (<parameter=KEY>VALUE</parameter>)* </function> …
    glm45/47     <tool_call>NAME (<arg_key>KEY</arg_key><arg_value>VALUE</arg_value>)* </tool_call>
    kimi_k2      <|tool_call_begin|>[functions.]NAME:N<|tool_call_argument_begin|>JSON…

`tagged` is the state machine, `tagged_calls` builds calls from what it collects. Reasoning tags are
plain text, as in a server without a reasoning parser.
"""

from __future__ import annotations

from hermes_tui.parsers.engines.emulated import Emulated, emulated
from hermes_tui.parsers.engines.tagged import Move, State, Table
from hermes_tui.parsers.engines.tagged_arguments import glm_pairs, qwen_pairs
from hermes_tui.parsers.engines.tagged_calls import (
    Dialect,
    header_name,
    kimi_name,
    known_name,
    read,
)

_C, _P, _N, _A, _B = State.CONTENT, State.PREAMBLE, State.NAME, State.ARGS, State.BETWEEN

_QWEN = Dialect(
    Table(
        {
            (_C, "<tool_call>"): Move(_P, starts=True),
            (_C, "<function="): Move(_N, starts=True),
            (_P, "</tool_call>"): Move(_C, ends=True),
            (_P, "<function="): Move(_N),
            (_N, ">"): Move(_A),
            (_N, "</function>"): Move(_B, ends=True),
            (_N, "</tool_call>"): Move(_C, ends=True),
            (_N, "<tool_call>"): Move(_P, ends=True, starts=True),
            (_N, "<function="): Move(_N, ends=True, starts=True),
            (_A, "</function>"): Move(_B, ends=True),
            (_A, "<function="): Move(_N, ends=True, starts=True),
            (_B, "</tool_call>"): Move(_C),
            (_B, "<tool_call>"): Move(_P, starts=True),
            (_B, "<function="): Move(_N, starts=True),
        },
        shields=("<think>", "</think>", "<parameter=", "</parameter>"),
    ),
    header_name,
    qwen_pairs,
)

_GLM = Dialect(
    Table(
        {
            (_C, "<tool_call>"): Move(_N, starts=True),
            (_N, "<arg_key>"): Move(_A, keeps=True),
            (_N, "</tool_call>"): Move(_C, ends=True),
            (_A, "</tool_call>"): Move(_C, ends=True),
        }
    ),
    known_name,
    glm_pairs,
    known_names_only=True,
)

_SECTION, _SECTION_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
_KIMI_CALL, _KIMI_CALL_END = "<|tool_call_begin|>", "<|tool_call_end|>"
_KIMI_ARGUMENTS = "<|tool_call_argument_begin|>"

_KIMI = Dialect(
    Table(
        {
            (_C, _SECTION): Move(_P),
            (_P, _KIMI_CALL): Move(_N, starts=True),
            (_P, _SECTION_END): Move(_P),
            (_N, _KIMI_ARGUMENTS): Move(_A),
            (_A, _KIMI_CALL_END): Move(_B, ends=True),
            (_A, _SECTION_END): Move(_P, ends=True),
            (_B, _KIMI_CALL): Move(_N, starts=True),
            (_B, _SECTION_END): Move(_P),
        }
    ),
    kimi_name,
    strips=False,
)


def _parser(
    name: str, dialect: Dialect, wire: str, families: str, markers: tuple[str, ...]
) -> Emulated:
    return emulated(name, wire, families, "engine", markers, lambda trace: read(trace, dialect))


_QWEN_FAMILIES = "Qwen3-Coder, Qwen3-Next, Qwen3.5, Nemotron 3"
_QWEN_MARKERS = ("<tool_call>", "<function=")
_KIMI_MARKERS = (_SECTION, _KIMI_CALL)

PARSERS = (
    _parser("vllm/qwen3_coder", _QWEN, "function-xml", _QWEN_FAMILIES, _QWEN_MARKERS),
    _parser("vllm/qwen3_xml", _QWEN, "function-xml", _QWEN_FAMILIES, _QWEN_MARKERS),
    _parser("vllm/glm45", _GLM, "glm", "GLM-4.5, GLM-4.6", ("<tool_call>",)),
    _parser("vllm/glm47", _GLM, "glm", "GLM-4.7, GLM-5", ("<tool_call>",)),
    _parser("vllm/kimi_k2", _KIMI, "kimi_k2", "Kimi K2, Kimi K2.5", _KIMI_MARKERS),
)
