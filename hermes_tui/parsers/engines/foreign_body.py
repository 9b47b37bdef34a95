"""Findings about a block that holds something other than a call of the format."""

from __future__ import annotations

import re

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Trace
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.other_parsers import cure, model_of_tags
from hermes_tui.parsers.engines.tagged import SPECIAL_TOKENS

_JSON = re.compile(r"\s*+[{\[]")
_ATTRIBUTE = re.compile(r"\s*+(<(?:function|invoke|tool)\s++name\s*+=[^>\n]{0,80}+>?+)")
_FUNCTION = re.compile(r"\s*+<function=")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,6});")
_SPECIAL = re.compile("|".join(map(re.escape, SPECIAL_TOKENS)))
_CLOSER = "</tool_call>"
_LOOK_AHEAD = 400
_LOOK_BACK = 40


def flag_foreign_body(trace: Trace, place: Span, *, prose: bool = True) -> None:
    """Flag what the body of a block holds if this parser reads no call from it.

    Without `prose`, a body that is no call of any format is not flagged.
    """
    start = place.start
    body = trace.text[start : min(place.end, start + _LOOK_AHEAD)]
    code, hint = Code.WRONG_FORMAT, ""
    if _JSON.match(body):
        message = "the body is JSON"
        if trace.text[max(0, start - _LOOK_BACK) : start].rstrip().endswith("<tool_call>"):
            hint = cure(trace, "hermes", "hermes", place)
    elif _FUNCTION.match(body):
        message = "the body is function XML"
        hint = cure(trace, "function-xml", "qwen3_coder", place)
    elif found := _ATTRIBUTE.match(body):
        code, message = Code.MARKER_VARIANT, "the name is written as an attribute"
        hint = "function XML has <function=NAME>"
        place = Span(start + found.start(1), start + found.end())
    elif of_tags := model_of_tags(trace, place):
        model, hint = of_tags
        message = f"the body is a call as {model} writes it"
    elif not prose:
        return
    elif body.strip():
        code, message = Code.MARKER_IN_PROSE, "the block contains text, not a call"
        hint = "the text may only mention the marker, but the engine acts on it"
    else:
        code, message = Code.EMPTY_BLOCK, "a block without a call"
    severity = Severity.WARNING if code is Code.EMPTY_BLOCK else Severity.ERROR
    trace.flag(code, severity, place, message, hint)


def flag_loose_text(trace: Trace, span: Span, part_name: str) -> bool:
    """Flag text between the `part_name` of a call; return whether a marker ended a value early.

    In that case the text contains the marker that should have ended the value.
    """
    at = stripped(trace.text, span)
    if not len(at):
        return False
    code, message, hint = loose_text_finding(trace.text[at.start : at.end], part_name)
    trace.flag(code, Severity.ERROR, at, message, hint)
    return code is Code.MARKER_IN_VALUE


def loose_text_finding(text: str, part_name: str) -> tuple[Code, str, str]:
    """Return code, message and hint for stripped text between the `part_name` of a call.

    A closing marker in the text should have ended a value that another one ended early.
    """
    message = f"text outside of the {part_name} is dropped: {text[:40]!r}"
    if "</" in text:
        return Code.MARKER_IN_VALUE, message, "a marker inside a value ends it early"
    return Code.EXTRA_TEXT, message, "write nothing there"


def flag_early_close(trace: Trace, body: Span) -> bool:
    """Flag the </tool_call> after `body` if it is part of a value; return whether it is.

    That is so if </function> follows before another function opens.
    """
    text, start = trace.text, body.end
    if trace.findings_full or not text.startswith(_CLOSER, start):
        return False
    closer_end = start + len(_CLOSER)
    end = text.find("</function>", closer_end)
    if end < 0 or text.find("<function=", closer_end, end) >= 0:
        return False
    message = f"{_CLOSER} inside a value ends the whole block"
    hint = "the rest of the value is not part of the call"
    trace.flag(Code.MARKER_IN_VALUE, Severity.ERROR, Span(start, closer_end), message, hint)
    return True


def flag_kept_specials(trace: Trace, span: Span) -> None:
    """Flag the first special token that reaches the content in `span`."""
    found = _SPECIAL.search(trace.text, span.start, span.end)
    if found is not None:
        message = f"the special token {found[0]} reaches the content"
        hint = "a stop token in the text: look at the chat template and at skip_special_tokens"
        trace.flag(Code.STRAY_SPECIAL, Severity.WARNING, Span(*found.span()), message, hint)


def flag_entities(trace: Trace, span: Span, index: int) -> None:
    """Flag the first HTML escape in the arguments of call `index`: it is passed on verbatim."""
    found = _ENTITY.search(trace.text, span.start, span.end)
    if found is None:
        return
    message = f"the HTML escape {found[0]} stays unchanged: this format has no escapes"
    hint = "the model wrote XML; the tool gets the escape itself"
    trace.flag(Code.BAD_ESCAPE, Severity.WARNING, Span(*found.span()), message, hint, index)
