"""DeepSeek V3 and V3.1 calls, as vLLM 0.33 and SGLang 0.5.23 read them (non-streaming).

    calls := CALLS_BEGIN call* CALLS_END
    V3    := CALL_BEGIN "function" SEP NAME "\\n```json\\n" ARGUMENTS "\\n```" CALL_END
    V3.1  := CALL_BEGIN NAME SEP ARGUMENTS CALL_END

vLLM never parses the arguments, and reports calls as soon as the outer marker is present. SGLang
reads all blocks as JSON, or else keeps the whole text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.emulated import Emulated, emulated
from hermes_tui.parsers.engines.foreign_body import flag_kept_specials
from hermes_tui.parsers.engines.json_text import BadJson, is_json, loads, value_of
from hermes_tui.parsers.engines.other_parsers import flag_that_reads
from hermes_tui.parsers.engines.sglang_tools import (
    deliver_known,
    extend_over_markers,
    remove_drop_findings,
)
from hermes_tui.parsers.engines.sglang_values import need_tools
from hermes_tui.parsers.forward_search import ForwardSearch

CALLS_BEGIN, CALLS_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
CALL_BEGIN, CALL_END, SEP = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"
_FENCE = "\n```json\n"
_FENCE_END = "\n```"
_SHAPES = {
    "deepseek_v3": f"V3 writes function{SEP}NAME, and the arguments in a ```json fence below",
    "deepseek_v31": f"V3.1 writes NAME{SEP}ARGUMENTS on one line",
}
_OUTER_RULE = "find the outer marker"


class _Block(NamedTuple):
    """A call as written; `kind` is the text before the separator in V3."""

    whole: Span
    name: Span
    arguments: Span
    kind: str = "function"


def _vllm_v3(trace: Trace) -> None:
    """Match header line, fence and end of each call; a kind other than "function" voids all."""
    outer = _outer_marker(trace)
    for block in _vllm_blocks(trace, _fenced_block):
        if block.kind != "function":
            at = block.whole.start
            message = f"the call is of kind {block.kind[:60]!r}, not 'function'"
            trace.flag(Code.NAME_DECORATED, Severity.ERROR, Span(at, block.name.start), message)
            raise Refused(message)
        _deliver_raw(trace, block)
    _wrap(trace, outer)
    end = trace.text.rfind(CALLS_END)
    if end >= 0:
        rest = Span(end + len(CALLS_END), len(trace.text))
        trace.keep(rest)
        flag_kept_specials(trace, rest)
        after = trace.text[rest.start :]
        trace.say(trace.text[:outer] + after or None)
    trace.tools_called = True


def _vllm_v31(trace: Trace) -> None:
    """Match name, separator and end of each call; nothing is checked."""
    outer = _outer_marker(trace)
    for block in _vllm_blocks(trace, _plain_block):
        _deliver_raw(trace, block)
    _wrap(trace, outer)
    trace.tools_called = True


def _outer_marker(trace: Trace) -> int:
    """Return the position of the outer marker; raises Refused if there is none."""
    outer = trace.text.find(CALLS_BEGIN)
    if outer < 0:
        raise Refused("there is no " + CALLS_BEGIN)
    trace.step(_OUTER_RULE, Span(outer, outer + len(CALLS_BEGIN)), "found")
    return outer


def _wrap(trace: Trace, outer: int) -> None:
    """Keep the text before the calls, and extend the calls over the outer markers."""
    trace.keep(Span(0, outer))
    extend_over_markers(trace, CALLS_BEGIN, CALLS_END)


def _vllm_blocks(trace: Trace, read: Callable[[ForwardSearch, int], _Block | str]) -> list[_Block]:
    """Return the calls from left to right; flag the openers that `read` gives a reason against."""
    search, found, position = ForwardSearch(trace.text), [], 0
    lost = 0
    while (start := trace.text.find(CALL_BEGIN, position)) >= 0:
        block = read(search, start)
        position = start + len(CALL_BEGIN)
        if isinstance(block, _Block):
            found.append(block)
            position = block.whole.end
            continue
        lost += 1
        if lost <= _MAX_FLAGS:
            _flag_no_match(trace, start, block)
    return found


_MAX_FLAGS = 100


def _fenced_block(search: ForwardSearch, start: int) -> _Block | str:
    text, inner = search.text, start + len(CALL_BEGIN)
    line_end = search.find("\n", inner)
    separator = search.last(SEP, inner, line_end)
    if separator < 0:
        return f"no {SEP} after the marker on its line"
    if not text.startswith(_FENCE, line_end):
        return "no ```json fence on the line after the name"
    body = line_end + len(_FENCE)
    end = search.find(_FENCE_END + CALL_END, body)
    if end >= len(text):
        if search.find(CALL_END, body) >= len(text):
            return f"no {CALL_END} after the arguments"
        return f"the fence is not closed right before {CALL_END}"
    stop = end + len(_FENCE_END) + len(CALL_END)
    name = Span(separator + len(SEP), line_end)
    return _Block(Span(start, stop), name, Span(body, end), text[inner:separator])


def _plain_block(search: ForwardSearch, start: int) -> _Block | str:
    inner = start + len(CALL_BEGIN)
    separator = search.find(SEP, inner)
    if separator > search.find("\n", inner) or separator >= len(search.text):
        return f"no {SEP} after the name on its line"
    body = separator + len(SEP)
    end = search.find(CALL_END, body)
    if end >= len(search.text):
        return f"no {CALL_END} after the arguments"
    return _Block(Span(start, end + len(CALL_END)), Span(inner, separator), Span(body, end))


def _other_version(trace: Trace, place: Span) -> str:
    """Return a hint that names the parser of the other version if it delivers the call."""
    other = "deepseek_v31" if trace.info.format == "deepseek_v3" else "deepseek_v3"
    flag = flag_that_reads(trace, other, other, place)
    # V3.1's parser takes the type that V3 writes before the name for a name.
    return f"{flag} reads it" if flag and f"{CALL_BEGIN}function{SEP}" not in trace.text else ""


def _flag_no_match(trace: Trace, start: int, why: str) -> None:
    end = start + len(CALL_BEGIN)
    opener, rest = Span(start, end), trace.text[end:]
    cut = CALL_END not in rest and CALLS_END not in rest
    code = Code.TRUNCATED if cut else Code.WRONG_FORMAT if "fence" in why else Code.UNCLOSED
    hint = _other_version(trace, opener) or _SHAPES[trace.info.format]
    if CALL_END not in rest:
        hint = "raise max_tokens" if cut else f"{CALLS_END} does not end a call: write both"
    trace.flag(code, Severity.ERROR, opener, f"no call here: {why}", hint)
    trace.step("match a call", opener, "no match", why)


def _flag_inner_marker(trace: Trace, block: _Block) -> bool:
    """Flag the end marker of the call if it is probably inside a value; return whether it is."""
    end = trace.text.find(CALL_END, block.whole.end)
    following = trace.text.find(CALL_BEGIN, block.whole.end)
    if end < 0 or 0 <= following < end:
        return False
    start = block.whole.end - len(CALL_END)
    message = f"{CALL_END} inside a value ends the call early"
    hint = "no engine looks at quotes here; the text continues after it"
    trace.flag(Code.MARKER_IN_VALUE, Severity.ERROR, Span(start, block.whole.end), message, hint)
    return True


def _deliver_raw(trace: Trace, block: _Block) -> None:
    text, arguments = trace.text, block.arguments
    if not is_json(text[arguments.start : arguments.end]):
        _flag_inner_marker(trace, block)
    trace.call(
        text[block.name.start : block.name.end],
        text[arguments.start : arguments.end],
        block.whole,
        name_span=block.name,
        arguments_span=arguments,
        value=value_of(text[arguments.start : arguments.end]),
    )


def _sglang_v3(trace: Trace) -> None:
    """Read each block up to the first end marker; the last fence in it holds the arguments."""
    _sglang(trace, _last_fence)


def _sglang_v31(trace: Trace) -> None:
    """Read each block up to the first end marker; the last separator in it ends the name."""
    _sglang(trace, _last_separator)


def _sglang(trace: Trace, read: Callable[[str, int, int], _Block | None]) -> None:
    need_tools(trace)
    outer = _outer_marker(trace)
    try:
        _sglang_blocks(trace, read)
    except Refused:
        remove_drop_findings(trace)
        raise
    _wrap(trace, outer)
    trace.say(trace.text[:outer].strip() or None)


def _sglang_blocks(trace: Trace, read: Callable[[str, int, int], _Block | None]) -> None:
    text, position = trace.text, 0
    while (start := text.find(CALL_BEGIN, position)) >= 0:
        end = text.find(CALL_END, start + len(CALL_BEGIN))
        if end < 0:
            _flag_no_match(trace, start, f"no {CALL_END} after it")
            break
        position = end + len(CALL_END)
        block = read(text, start, end)
        if block is None:
            whole = Span(start, position)
            if not _flag_inner_marker(trace, _Block(whole, whole, whole)):
                why = "name, fence and arguments are not as the format requires"
                _flag_no_match(trace, start, why)
            raise Refused("a block is not of this format")
        _deliver_json(trace, block)


def _deliver_json(trace: Trace, block: _Block) -> None:
    arguments = block.arguments
    try:
        value = loads(trace.text[arguments.start : arguments.end])
    except BadJson as error:
        if trace.text[arguments.start : arguments.end].strip():
            flag_payload(trace, arguments)
            _flag_inner_marker(trace, block)
        else:
            message = "a call without arguments: {} is expected"
            trace.flag(Code.EMPTY_BLOCK, Severity.ERROR, block.whole, message)
        raise Refused(f"arguments that are not JSON: {error.message}") from None
    if block.kind != "function":
        start = block.whole.start + len(CALL_BEGIN)
        end = max(start + 1, block.name.start - len(SEP))
        message = f"the call is of kind {block.kind[:60]!r}: SGLang does not look at it"
        hint = f"the format has `function` before {SEP}"
        trace.flag(Code.NAME_DECORATED, Severity.WARNING, Span(start, end), message, hint)
    deliver_known(trace, block.whole, block.name, value, arguments)


def _last_fence(text: str, start: int, end: int) -> _Block | None:
    close = end - len(_FENCE_END)
    inner = start + len(CALL_BEGIN)
    fence = text.rfind(_FENCE, inner, close)
    separator = text.rfind(SEP, inner, fence) if fence >= 0 else -1
    if separator < 0 or not text.startswith(_FENCE_END, close):
        return None
    whole, name = Span(start, end + len(CALL_END)), Span(separator + len(SEP), fence)
    return _Block(whole, name, Span(fence + len(_FENCE), close), text[inner:separator])


def _last_separator(text: str, start: int, end: int) -> _Block | None:
    inner = start + len(CALL_BEGIN)
    separator = text.rfind(SEP, inner, end)
    if separator < 0:
        return None
    name, arguments = Span(inner, separator), Span(separator + len(SEP), end)
    return _Block(Span(start, end + len(CALL_END)), name, arguments)


def _parser(name: str, wire: str, families: str, read: Callable[[Trace], None]) -> Emulated:
    return emulated(name, wire, families, "regex", (CALLS_BEGIN, CALL_BEGIN), read)


_V3, _V31 = "DeepSeek V3, R1", "DeepSeek V3.1"

PARSERS = (
    _parser("vllm/deepseek_v3", "deepseek_v3", _V3, _vllm_v3),
    _parser("vllm/deepseek_v31", "deepseek_v31", _V31, _vllm_v31),
    _parser("sglang/deepseekv3", "deepseek_v3", _V3, _sglang_v3),
    _parser("sglang/deepseekv31", "deepseek_v31", _V31, _sglang_v31),
)
