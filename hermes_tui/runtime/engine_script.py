"""A finding as a script for an engine's maintainers, which needs nothing but that engine.

It calls the parser as hermes-tui does. If the parser needs a tokenizer, the script contains one; a
model named on the command line replaces it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from typing import Final

from hermes_tui.parsers.engines.base import EngineInfo
from hermes_tui.parsers.report import Reproduction, text_literal, tools_json
from hermes_tui.runtime.engines.child import vocabulary
from hermes_tui.runtime.engines.child.base import in_sizes
from hermes_tui.runtime.real_parser import Deltas

_KNOWN_VERSIONS: Final = {"vllm": "0.33.", "sglang": "0.5."}
"""The versions whose interface is known; others may need different calls."""
_NEED_TOKENIZER: Final = frozenset(
    {
        *("vllm/openai", "vllm/mistral", "vllm/mistral_v11", "vllm/mistral_v13"),
        "sglang/hunyuan",
    }
)
"""Parsers that read token ids, or that look up more than markers in the tokenizer."""

_HEAD = '''\
"""Show how {engine} {version} reads a text{how}: python {file}{arguments}"""

'''

_VLLM = """\
{tokenizer}

# The class above stands in for the tokenizer of a model that writes this format.

import json
import sys

try:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from {module} import {manager}
except ModuleNotFoundError as error:
    sys.exit({missing})

{constants}

tokenizer = Vocabulary(MARKERS)
if sys.argv[1:]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
tools = json.loads(TOOLS)
request = ChatCompletionRequest(
    model="m",
    messages=[{{"role": "user", "content": "hi"}}],
    tools=tools or None,
    tool_choice="auto" if tools else None,
)
"""

_VLLM_WHOLE = """\
parser = ToolParserManager.get_tool_parser(PARSER)(tokenizer, request.tools)
if hasattr(parser, "skip_reasoning_parsing"):
    parser.skip_reasoning_parsing = True  # as the server does without a reasoning parser
found = parser.extract_tool_calls(TEXT, request)
calls = [[call.function.name, call.function.arguments] for call in found.tool_calls]
content = found.content
"""

_VLLM_STREAM = """\
parser = ParserManager.get_parser(PARSER, None, True, "m")(tokenizer, request.tools)
sent, content = {}, ""
for number, delta in enumerate(DELTAS, 1):
    given = parser.parse_delta(
        delta,
        tokenizer.encode(delta, add_special_tokens=False),
        request,
        prompt_token_ids=[],
        finished=number == len(DELTAS),
    )
    if given is None:
        continue
    content += given.content or ""
    for piece in given.tool_calls or ():
        call = sent.setdefault(piece.index, ["", ""])
        if piece.function is not None:
            call[0] += piece.function.name or ""
            call[1] += piece.function.arguments or ""
calls = [sent[index] for index in sorted(sent)]
"""

_SGLANG = """\
import json
import sys

try:
    from sglang.srt.entrypoints.openai.protocol import Tool
    from sglang.srt.function_call.function_call_parser import FunctionCallParser
except ModuleNotFoundError as error:
    sys.exit({missing})

{constants}

parser = FunctionCallParser([Tool(**tool) for tool in json.loads(TOOLS)], PARSER)
"""

_SGLANG_WHOLE = """\
content, found = TEXT, []
if parser.has_tool_call(TEXT):
    content, found = parser.parse_non_stream(TEXT)
calls = [[call.name, call.parameters] for call in found]
"""

_SGLANG_STREAM = """\
sent, content = {}, ""
given = [parser.parse_stream_chunk(delta) for delta in DELTAS]
if hasattr(parser, "parse_stream_end"):
    given.append(parser.parse_stream_end())
for text, pieces in given:
    content += text or ""
    for piece in pieces or ():
        call = sent.setdefault(piece.tool_index, ["", ""])
        call[0] += piece.name or ""
        call[1] += piece.parameters or ""
calls = [sent[index] for index in sorted(sent)]
"""

_PRINT = 'print(json.dumps({"calls": calls, "content": content or None}))\n'


def engine_script(reproduction: Reproduction) -> str:
    """Return the script; empty if the engine's parser cannot be called on its own."""
    info, real = reproduction.parser, reproduction.real
    is_known = info.version.startswith(_KNOWN_VERSIONS.get(info.engine, "-"))
    is_alone = "+" not in info.name and info.name not in _NEED_TOKENIZER
    if real is None or not is_alone or not is_known:
        return ""
    is_stream = bool(real.stream)
    head = _HEAD.format(
        engine=info.engine,
        version=info.version,
        how=" that streams in" if is_stream else "",
        file=script_name(reproduction),
        arguments=" [MODEL]" if info.engine == "vllm" else "",
    )
    constants = _constants(reproduction)
    if info.engine == "sglang":
        body = _SGLANG_STREAM if is_stream else _SGLANG_WHOLE
        setup = _SGLANG.format(constants=constants, missing=_missing_engine_message(info))
        return head + setup + body + _PRINT
    setup = _VLLM.format(
        module="vllm.parser.parser_manager" if is_stream else "vllm.tool_parsers",
        manager="ParserManager" if is_stream else "ToolParserManager",
        tokenizer=inspect.getsource(vocabulary).partition('"""\n\n')[2].rstrip(),
        constants=constants,
        missing=_missing_engine_message(info),
    )
    return head + setup + (_VLLM_STREAM if is_stream else _VLLM_WHOLE) + _PRINT


def _missing_engine_message(info: EngineInfo) -> str:
    """Return the expression of the script's message for an engine that is not installed."""
    requirement = f"{info.engine}=={info.version}"
    return f'f"{{error}}: this needs {info.engine} {info.version} (pip install {requirement})"'


def script_name(reproduction: Reproduction) -> str:
    """Return the file name of the script."""
    return f"{reproduction.parser.engine}_alone.py"


def _constants(reproduction: Reproduction) -> str:
    text, real = reproduction.text, reproduction.real
    source = f"TEXT = {text_literal(text)}"
    if real is not None and real.stream:
        deltas = Deltas.of(real.stream)
        is_vllm = reproduction.parser.engine == "vllm"
        words = vocabulary.Vocabulary(vocabulary.MARKERS if is_vllm else vocabulary.ALL_MARKERS)
        pieces: Sequence[str] = text if deltas.by_characters else words.tokenize(text)
        cut = ["".join(part) for part in in_sizes(pieces, (deltas.size,))]
        source = f"DELTAS = json.loads({text_literal(json.dumps(cut))})"
    return "\n".join(
        (
            f"PARSER = {reproduction.parser.name.partition('/')[2]!a}",
            source,
            f"TOOLS = {text_literal(tools_json(reproduction.tools))}",
        )
    )
