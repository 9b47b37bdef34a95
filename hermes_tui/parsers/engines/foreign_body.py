"""What stands in a block where a call of the format should be, when it is none."""

from __future__ import annotations

import re

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Trace
from hermes_tui.parsers.engines.tagged import SPECIAL_TOKENS

_JSON = re.compile(r"\s*+[{\[]")
_ATTRIBUTE = re.compile(r"\s*+<(?:function|invoke|tool)\s++name\s*+=")
_FUNCTION = re.compile(r"\s*+<function=")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,6});")
_SPECIAL = re.compile("|".join(map(re.escape, SPECIAL_TOKENS)))
_LOOK_AHEAD = 400


def flag_foreign_body(trace: Trace, start: int, end: int) -> None:
    """Say what the body of a block is that this parser reads no call from."""
    body = trace.text[start : min(end, start + _LOOK_AHEAD)]
    code, hint = Code.WRONG_FORMAT, ""
    if _JSON.match(body):
        message, hint = "the body is JSON", "--tool-call-parser hermes reads it"
    elif _FUNCTION.match(body):
        message, hint = "the body is function XML", "--tool-call-parser qwen3_coder reads it"
    elif _ATTRIBUTE.match(body):
        code, message = Code.MARKER_VARIANT, "the name is written as an attribute"
        hint = "this format writes <function=NAME>"
    elif body.strip():
        code, message = Code.MARKER_IN_PROSE, "the block holds no call but text"
        hint = "the marker may only be spoken of: the engine takes it for one all the same"
    else:
        code, message = Code.EMPTY_BLOCK, "a block without a call"
    severity = Severity.WARNING if code is Code.EMPTY_BLOCK else Severity.ERROR
    trace.flag(code, severity, start, max(end, start + 1), message, hint)


def flag_kept_specials(trace: Trace, start: int, end: int) -> None:
    """Say that special tokens reach the content between `start` and `end`."""
    found = _SPECIAL.search(trace.text, start, end)
    if found is not None:
        message = f"the special token {found[0]} reaches the content"
        hint = "a stop token in the text: look at the chat template and at skip_special_tokens"
        trace.flag(Code.STRAY_SPECIAL, Severity.WARNING, *found.span(), message, hint)


def flag_entities(trace: Trace, span: Span, index: int) -> None:
    """Say that HTML escapes in the arguments of call `index` are handed on as they stand."""
    found = _ENTITY.search(trace.text, span.start, span.end)
    if found is None:
        return
    message = f"the HTML escape {found[0]} stays as it is: this format has no escapes"
    hint = "the model wrote XML; the tool gets the escape itself"
    trace.flag(Code.BAD_ESCAPE, Severity.WARNING, *found.span(), message, hint, index)
