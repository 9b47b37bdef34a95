r"""SGLang 0.5.23's glm45 and glm47, non-streaming.

    glm45 := text ("<tool_call>" NAME ("\n" | "\\n") pairs "</tool_call>")*
    glm47 := text ("<tool_call>" NAME pairs "</tool_call>")*
    pairs := ("<arg_key>" KEY "</arg_key>" ("\\n" | blank)* "<arg_value>" VALUE "</arg_value>")*

Names are read verbatim, with any blanks, and must be declared. glm45 keeps the text before the
first call, glm47 all text outside closed calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.emulated import Emulated, emulated
from hermes_tui.parsers.engines.foreign_body import (
    flag_entities,
    flag_foreign_body,
    flag_kept_specials,
)
from hermes_tui.parsers.engines.json_blocks import tagged_blocks
from hermes_tui.parsers.engines.other_parsers import hint_if_called
from hermes_tui.parsers.engines.sglang_arguments import (
    Read,
    glm45_values,
    glm47_values,
    written,
)
from hermes_tui.parsers.engines.sglang_tools import (
    LOGGED,
    deliver_known,
    drop,
    flag_values,
    remove_drop_findings,
)
from hermes_tui.parsers.engines.sglang_values import UnexpectedValue, need_tools
from hermes_tui.parsers.engines.tagged_arguments import pair_flaws

OPENER, CLOSER = "<tool_call>", "</tool_call>"
_KEY, _VALUE_END = "<arg_key>", "</arg_value>"
_NEWLINE = re.compile(r"\\n|\n")
_OTHER_BODY = re.compile(r"\s*+(?:[{\[]|<function)")
_JUNCTION = re.compile(r"</arg_key>(?:\\n|\s)*+<arg_value>")

Values = Callable[[list[tuple[str, str]], Any], dict[str, Read]]


def _read_glm45(trace: Trace) -> None:
    first = _read(trace, _name_before_newline, glm45_values)
    trace.keep_before(first)


def _read_glm47(trace: Trace) -> None:
    _read(trace, _name_before_key, glm47_values)
    position, kept = 0, []
    for block in _closed_blocks(trace.text):
        kept.append(Span(position, block.start))
        position = block.end
    kept.append(Span(position, len(trace.text)))
    for span in kept:
        trace.keep(span)
        flag_kept_specials(trace, span)
    trace.say("".join(trace.text[span.start : span.end] for span in kept).strip() or None)


def _read(
    trace: Trace, head: Callable[[Trace, Span], tuple[Span, Span] | None], values: Values
) -> int:
    """Read all closed blocks; return the position of the first marker."""
    need_tools(trace)
    first = trace.first(OPENER)
    end = first
    try:
        for block in _closed_blocks(trace.text):
            end = block.end
            with trace.part("block", block):
                _read_block(trace, block, head(trace, block), values)
    except UnexpectedValue as error:
        remove_drop_findings(trace)
        raise Refused(str(error)) from None
    except Refused:
        remove_drop_findings(trace)
        raise
    _flag_open(trace, end)
    return first


def _closed_blocks(text: str) -> list[Span]:
    return [block.span for block in tagged_blocks(text, OPENER, CLOSER) if block.closed]


def _name_before_newline(trace: Trace, block: Span) -> tuple[Span, Span] | None:
    inner = Span(block.start + len(OPENER), block.end - len(CLOSER))
    newline = _NEWLINE.search(trace.text, inner.start, inner.end)
    if newline is None:
        return None
    return Span(inner.start, newline.start()), Span(newline.end(), inner.end)


def _name_before_key(trace: Trace, block: Span) -> tuple[Span, Span] | None:
    inner = Span(block.start + len(OPENER), block.end - len(CLOSER))
    key = trace.text.find(_KEY, inner.start, inner.end)
    split = key if key >= 0 else inner.end
    return Span(inner.start, split), Span(split, inner.end)


def _read_block(trace: Trace, block: Span, head: tuple[Span, Span] | None, values: Values) -> None:
    if head is None:
        _flag_head(trace, Span(block.start + len(OPENER), block.end - len(CLOSER)))
        hint = hint_if_called(trace, "sglang/glm47", block, "glm47 needs none")
        drop(trace, block, "no newline after the name, which glm45 needs", hint or LOGGED)
        return
    name, body = head
    if _OTHER_BODY.match(trace.text, name.start, body.end):
        flag_foreign_body(trace, Span(name.start, body.end))
        drop(trace, block, "there is no name where GLM writes it", LOGGED)
        return
    tool = trace.tools.get(trace.text[name.start : name.end])
    pairs, places = _pairs(trace, body)
    read = values(pairs, tool.parameters if tool else None)
    written(read)
    _flag_nested(trace, name)
    if tool is not None:
        flag_values(trace, read, places, len(trace.calls))
        flag_entities(trace, body, len(trace.calls))
    plain = {key: one.value for key, one in read.items()}
    deliver_known(trace, block, name, plain, None, places)


def _flag_head(trace: Trace, body: Span) -> None:
    """Flag why the block has no line with a name."""
    text = trace.text[body.start : body.end]
    if _KEY not in text and text.strip() not in trace.tools:
        flag_foreign_body(trace, body)
        return
    message = "no newline after the name"
    hint = "glm47 is the parser for calls without newlines"
    hint = hint_if_called(trace, "sglang/glm47", body, hint)
    trace.flag(Code.MARKER_VARIANT, Severity.ERROR, body, message, hint)


def _flag_nested(trace: Trace, name: Span) -> None:
    """Flag an opener inside the name."""
    if trace.text.find(OPENER, name.start, name.end) >= 0:
        message = "an opening tag inside an open block is read as the name"
        hint = "write the opening tag once"
        trace.flag(Code.NESTED_OPEN, Severity.ERROR, name, message, hint)


def _pairs(trace: Trace, body: Span) -> tuple[list[tuple[str, str]], dict[str, Span]]:
    """Return the keys with their texts, and the spans of the texts by key.

    A key without a value extends to the next key that has one.
    """
    text = trace.text[body.start : body.end]
    found: list[tuple[str, str]] = []
    places: dict[str, Span] = {}
    position = covered = 0
    while (start := text.find(_KEY, position)) >= 0:
        junction = _JUNCTION.search(text, start + len(_KEY))
        end = text.find(_VALUE_END, junction.end()) if junction else -1
        if junction is None or end < 0:
            break
        _flag_loose(trace, text, covered, start, body.start)
        key = text[start + len(_KEY) : junction.start()].strip()
        found.append((key, text[junction.end() : end]))
        position = covered = end + len(_VALUE_END)
        place = Span(body.start + start, body.start + position)
        blank = not found[-1][1].strip()
        places[key] = place if blank else Span(body.start + junction.end(), body.start + end)
        trace.step("argument", place, "read", key[:60])
        for code, message, hint in pair_flaws(*found[-1]):
            trace.flag(code, Severity.ERROR, place, message, hint)
    _flag_loose(trace, text, covered, len(text), body.start)
    return found, places


def _flag_loose(trace: Trace, text: str, start: int, end: int, shift: int) -> None:
    loose = text[start:end]
    if not loose.replace("\\n", "").strip():
        return
    start += shift + len(loose) - len(loose.lstrip())
    message = f"text outside of the arguments is dropped: {loose.strip()[:40]!r}"
    unclosed = "<arg_" in loose
    code = Code.PARAM_UNCLOSED if unclosed else Code.EXTRA_TEXT
    if "</arg_value>" in loose:
        code, message = Code.MARKER_IN_VALUE, "a marker inside a value ends it early"
    hint = "close every <arg_key> and <arg_value>" if unclosed else "write nothing there"
    trace.flag(code, Severity.ERROR, Span(start, start + len(loose.strip())), message, hint)


def _flag_open(trace: Trace, position: int) -> None:
    """Flag a block that is never closed; the engine does not see it."""
    start = trace.text.find(OPENER, position)
    if start < 0:
        return
    end = len(trace.text)
    message = f"{OPENER} is never closed: the engine sees no call in it"
    hint = "raise max_tokens, or look for the stop string that cut it"
    trace.flag(Code.TRUNCATED, Severity.ERROR, Span(start, end), message, hint)
    trace.step("block", Span(start, end), "no match", f"no {CLOSER}")


def _parser(name: str, families: str, read: Callable[[Trace], None]) -> Emulated:
    return emulated(f"sglang/{name}", "glm", families, "regex", (OPENER,), read)


PARSERS = (
    _parser("glm45", "GLM-4.5, GLM-4.6", _read_glm45),
    _parser("glm47", "GLM-4.7, GLM-5", _read_glm47),
)
