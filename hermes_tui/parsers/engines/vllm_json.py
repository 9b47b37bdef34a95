"""vLLM 0.33.0's readers of plain JSON calls: hermes, longcat and llama3_json, non-streaming.

    hermes  := text ("<tool_call>" JSON "</tool_call>" | "<tool_call>" JSON end-of-text)*
    llama   := anything with JSON objects in it

Both are all-or-nothing: one bad block keeps the whole text as content. The keys must be exactly
`name` and `arguments` (llama also accepts `parameters`), names are not checked, values are not
coerced to a schema, and text between and after the calls is lost (in llama, also before them).
"""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import Part, Refused, Trace
from hermes_tui.parsers.engines.emulated import Emulated, emulated
from hermes_tui.parsers.engines.json_blocks import (
    Block,
    flag_nested,
    flag_unclosed,
    places_in,
    read_blocks,
    read_payload,
    refuse_block,
)
from hermes_tui.parsers.engines.json_text import BadJson, Scanner, dumps

PYTHON_TAG = "<|python_tag|>"
_KEYS_HINT = 'vLLM expects exactly {"name": …, "arguments": {…}}'
_KIND = "legacy: regex + json"
_ONE_BLOCK = "write one object in each block"


class _TagReader:
    """Reads JSON objects between a pair of tags."""

    def __init__(self, opener: str, closer: str) -> None:
        self.opener = opener
        self.closer = closer

    def __call__(self, trace: Trace) -> None:
        first, refusal = read_blocks(trace, self.opener, self.closer, self._read)
        if refusal:
            raise Refused(refusal)
        trace.keep(Span(0, first))

    def _read(self, trace: Trace, block: Block, _: Part) -> None:
        if not len(block.body):
            raise refuse_block(trace, block, Code.EMPTY_BLOCK, "an empty block", _KEYS_HINT)
        flag_nested(trace, block, self.opener)
        try:
            payload = read_payload(trace, block.body)
        except BadJson as error:
            raise Refused(f"a block is not JSON: {error.message}") from None
        _deliver(trace, block, payload, ("arguments",))
        flag_unclosed(trace, block)


def _deliver(trace: Trace, block: Block, payload: Any, keys: tuple[str, ...]) -> None:
    """Deliver the call in a payload; raises Refused if vLLM cannot read it."""
    if not isinstance(payload, dict):
        several = isinstance(payload, list)
        code = Code.MULTI_PAYLOAD if several else Code.JSON_INVALID
        message = f"the payload is a {'list' if several else 'value'}, not an object"
        raise refuse_block(trace, block, code, message, _ONE_BLOCK)
    if "name" not in payload:
        raise refuse_block(trace, block, Code.NAME_MISSING, "there is no `name` key", _KEYS_HINT)
    key = next((key for key in keys if key in payload), None)
    if key is None:
        raise refuse_block(trace, block, Code.ARGS_KEY, f"no {_either(keys)} key", _KEYS_HINT)
    name, places = payload["name"], places_in(trace.text, block.body, keys)
    if not isinstance(name, str):
        span = places.name or block.body
        message = "the name is not a string"
        raise refuse_block(trace, Block(span, span), Code.NAME_TYPE, message, _KEYS_HINT)
    trace.call(
        name,
        dumps(payload[key]),
        block.span,
        name_span=places.name,
        arguments_span=places.arguments,
        value=payload[key],
    )


def _either(keys: tuple[str, ...]) -> str:
    return " or ".join(f"`{key}`" for key in keys)


def _read_llama(trace: Trace) -> None:
    """Read every JSON object outside the ones before it; the first that is no call voids all."""
    text = trace.text
    scanner = Scanner(text)
    at, read_to = text.find("{"), -1
    while at >= 0:
        if at > read_to:
            with trace.part("object", Span(at, at + 1)) as part:
                try:
                    read_to = _llama_object(trace, scanner, at)
                except Refused:
                    part.outcome = "refused"
                    _flag_sibling(trace, scanner, at)
                    raise
        at = text.find("{", max(at, read_to) + 1)
    if not trace.calls:
        raise Refused("no JSON object in the text")


def _llama_object(trace: Trace, scanner: Scanner, at: int) -> int:
    """Deliver the object at `at`; return its end. A brace right at the end is skipped by vLLM."""
    try:
        payload, end = scanner.decode(at)
    except BadJson as error:
        detail = f"{error.message} at {error.position}"
        stop = min(error.position + 1, len(trace.text))
        trace.step("raw_decode", Span(at, stop), "refused", detail)
        flag_payload(trace, Span(at, len(trace.text)))
        raise Refused("a brace that opens no JSON object spoils the whole text") from None
    span = Span(at, end)
    trace.step("raw_decode", span, "read", "dict")
    _deliver(trace, Block(span, span), payload, ("arguments", "parameters"))
    if trace.text.startswith("{", end):
        message = "an object right after another one: vLLM skips its first brace"
        hint = "separate them by `; `"
        trace.flag(Code.MULTI_PAYLOAD, Severity.WARNING, Span(end, end + 1), message, hint)
    return end


def _flag_sibling(trace: Trace, scanner: Scanner, at: int) -> None:
    """Flag one sound call after the brace that voids it, so that its loss is visible."""
    start = trace.text.find('{"name"', at + 1)
    if start < 0:
        return
    try:
        payload, end = scanner.decode(start)
    except BadJson:
        return
    if isinstance(payload, dict) and {"arguments", "parameters"} & payload.keys():
        message = "a valid call, lost because a brace before it opens no call"
        hint = "vLLM treats every brace in the text as the start of a call"
        trace.flag(Code.SIBLING_VOIDED, Severity.ERROR, Span(start, end), message, hint)


def _hermes(name: str, families: str) -> Emulated:
    tags = ("<tool_call>", "</tool_call>")
    return emulated(f"vllm/{name}", "hermes", families, _KIND, tags, _TagReader(*tags))


def _llama(name: str, families: str) -> Emulated:
    return emulated(f"vllm/{name}", "llama3_json", families, _KIND, (PYTHON_TAG,), _read_llama)


_LONGCAT = ("<longcat_tool_call>", "</longcat_tool_call>")

PARSERS = (
    _hermes("hermes", "Hermes 2/3/4, Qwen2.5, Qwen3"),
    _hermes("qwen3_json", "Qwen2.5, Qwen3, QwQ"),
    emulated("vllm/longcat", "longcat", "LongCat-Flash", _KIND, _LONGCAT, _TagReader(*_LONGCAT)),
    _llama("llama3_json", "Llama 3.1-3.3"),
    _llama("llama4_json", "Llama 4"),
)
