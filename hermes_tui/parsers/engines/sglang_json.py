"""SGLang 0.5.23's readers of JSON between tags, non-streaming.

    hermes       := text ("<tool_call>" JSON "</tool_call>" | "<tool_call>" JSON end-of-text)*
    qwen25, qwen := text ("<tool_call>\\n" JSON "\\n</tool_call>")*       the newlines are needed

hermes is all-or-nothing, but ignores empty blocks. qwen25 drops a bad block with its text and keeps
the others. Content is the text before the first marker, stripped of blanks.
"""

from __future__ import annotations

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import EngineRaised, Part, Refused, Trace
from hermes_tui.parsers.engines.costs import flag_repeats
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_blocks import (
    Block,
    flag_nested,
    flag_unclosed,
    read_payload,
    tagged_blocks,
)
from hermes_tui.parsers.engines.json_text import BadJson
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.other_parsers import hint_if_called
from hermes_tui.parsers.engines.sglang_tools import remove_drop_findings
from hermes_tui.parsers.engines.sglang_values import UnexpectedValue, deliver, need_tools

OPENER, CLOSER = "<tool_call>", "</tool_call>"
_SLOW_OPENERS = 5_000


def _read_hermes(trace: Trace) -> None:
    need_tools(trace)
    first = trace.first(OPENER)
    refusal = ""
    for block in tagged_blocks(trace.text, OPENER, CLOSER):
        with trace.part("block", block.span) as part:
            if not len(block.body):
                _flag_empty(trace, block, part)
                continue
            try:
                flag_nested(trace, block, OPENER)
                _deliver_block(trace, block)
                flag_unclosed(trace, block)
            except BadJson as error:
                refusal = refusal or f"a block is not JSON: {error.message}"
                part.outcome = "refused"
            except UnexpectedValue as error:
                refusal = refusal or str(error)
                part.outcome = "refused"
    if refusal:
        remove_drop_findings(trace)
        raise Refused(refusal)
    trace.keep_before(first)


def _deliver_block(trace: Trace, block: Block) -> None:
    body = stripped(trace.text, block.body)
    value = read_payload(trace, body)
    if isinstance(value, list):
        message = "a list in a one-object block: SGLang reads its items as calls"
        hint = "write one block per call"
        trace.flag(Code.MULTI_PAYLOAD, Severity.WARNING, body, message, hint)
    deliver(trace, value, body, block.span)


def _flag_empty(trace: Trace, block: Block, part: Part) -> None:
    part.outcome = "skipped"
    trace.flag(Code.EMPTY_BLOCK, Severity.WARNING, block.span, "an empty block is skipped")


def _read_qwen(trace: Trace) -> None:
    need_tools(trace)
    opener, closer = OPENER + "\n", "\n" + CLOSER
    first = trace.text.find(opener)
    if first < 0:
        _flag_newline(trace)
        raise Refused("no <tool_call> with a newline after it in the text")
    for block in tagged_blocks(trace.text, opener, closer):
        with trace.part("block", block.span) as part:
            if block.closed:
                _qwen_block(trace, block, part)
            else:
                _flag_open(trace, block, part)
                flag_repeats(trace, opener, _SLOW_OPENERS, "each opener looks for its end, n^2")
    trace.keep_before(first)


def _qwen_block(trace: Trace, block: Block, part: Part) -> None:
    try:
        _deliver_block(trace, block)
    except UnexpectedValue as error:
        raise EngineRaised(str(error)) from None
    except BadJson as error:
        if not error.syntax:
            raise EngineRaised(error.raised) from None
        part.outcome = "dropped"
        message = "SGLang drops a block that is not JSON, and its text with it"
        hint = "the log has a warning; the client sees nothing"
        trace.flag(Code.SILENT_DROP, Severity.ERROR, block.span, message, hint)


def _flag_open(trace: Trace, block: Block, part: Part) -> None:
    part.outcome = "dropped"
    opener = Span(block.span.start, block.body.start)
    message = f"no newline and {CLOSER} after this: the block is not a call, and its text is lost"
    hint = "streams read it; raise max_tokens, or check that the closing tag is not a stop sequence"
    trace.flag(Code.UNCLOSED, Severity.ERROR, opener, message, hint)
    trace.flag(Code.SILENT_DROP, Severity.ERROR, block.span, "lost: no call, no content", hint)


def _flag_newline(trace: Trace) -> None:
    at = trace.text.find(OPENER)
    if at >= 0:
        message = "no newline after the tag: SGLang's qwen25 does not see it"
        place = Span(at, at + len(OPENER))
        hint = "--tool-call-parser hermes reads it"
        hint = hint_if_called(trace, "sglang/hermes", place, hint)
        trace.flag(Code.MARKER_VARIANT, Severity.ERROR, place, message, hint)


_QWEN_FAMILIES = "Qwen2.5, Qwen3"
_QWEN_KIND = "regex + json, newlines needed"

PARSERS = (
    emulated("sglang/hermes", "hermes", "Hermes", "regex + json", (OPENER, CLOSER), _read_hermes),
    emulated("sglang/qwen25", "hermes", _QWEN_FAMILIES, _QWEN_KIND, (OPENER, CLOSER), _read_qwen),
    emulated("sglang/qwen", "hermes", _QWEN_FAMILIES, _QWEN_KIND, (OPENER, CLOSER), _read_qwen),
)
