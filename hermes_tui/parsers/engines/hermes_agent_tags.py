"""hermes-agent's client-side parsers of tagged values: qwen3_coder, glm45, glm47.

qwen3_coder := ("<tool_call>"? "<function=" NAME ">" parameter* "</function>"?)*
parameter   := "<parameter=" KEY ">" VALUE ("</parameter>" | next parameter | end)
glm45       := "<tool_call>" NAME newline pair* "</tool_call>"
glm47       := "<tool_call>" NAME pair* "</tool_call>"
pair        := "<arg_key>" KEY "</arg_key>" blank* "<arg_value>" VALUE "</arg_value>"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.costs import flag_repeats
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.foreign_body import (
    flag_early_close,
    flag_entities,
    flag_foreign_body,
    flag_loose_text,
)
from hermes_tui.parsers.engines.hermes_agent_values import NumberTooLong, flag_guess, guess, written
from hermes_tui.parsers.engines.json_blocks import Block, tagged_blocks
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.other_parsers import hint_if_called

OPENER, CLOSER = "<tool_call>", "</tool_call>"
FUNCTION, FUNCTION_END = "<function=", "</function>"
PARAMETER, PARAMETER_END = "<parameter=", "</parameter>"
KEY, KEY_END, VALUE, VALUE_END = "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"

_SLOW_OPENERS = 6_000

_PARAMETER_STOP = re.compile(r"</parameter>|<parameter=|</function>")
_PAIR_45 = re.compile(r"</arg_key>\s*+<arg_value>")
_PAIR_47 = re.compile(r"</arg_key>(?:\\n|\s)*+<arg_value>")


class _Value(NamedTuple):
    """An argument as written: its key, and the span of its text with the blanks at the ends.

    `trimmed` is the value that the format means: without the newlines next to its tags.
    `cut`: a marker inside the value ended it early.
    """

    key: str
    span: Span
    trimmed: Span
    cut: bool = False


def _read_coder(trace: Trace) -> None:
    text = trace.text
    if FUNCTION not in text:
        for block in tagged_blocks(text, OPENER, CLOSER):
            flag_foreign_body(trace, block.body, prose=False)
            break
        raise Refused(f"no {FUNCTION} in the text")
    blocks = list(tagged_blocks(text, OPENER, CLOSER)) or [_whole_text(text)]
    for block in blocks:
        with trace.part("block", block.span):
            body = _cut_newline(text, block)
            for function in tagged_blocks(text, FUNCTION, FUNCTION_END, body):
                _coder_call(trace, function)
    if not trace.calls:
        raise Refused("no function could be read")
    first = text.find(OPENER)
    trace.keep_before(first if first >= 0 else text.find(FUNCTION))


def _whole_text(text: str) -> Block:
    return Block(Span(0, len(text)), Span(0, len(text)))


def _cut_newline(text: str, block: Block) -> Span:
    """Return the body of a block; that of an open block excludes the final newline."""
    body = block.body
    cut = not block.closed and text.endswith("\n") and len(body)
    return Span(body.start, body.end - 1) if cut else body


def _coder_call(trace: Trace, function: Block) -> None:
    body, text = function.body, trace.text
    angle = text.find(">", body.start, body.end)
    if angle < 0:
        message = "a function tag that never closes is dropped"
        hint = "raise max_tokens, or write <function=name>"
        trace.flag(Code.NAME_MISSING, Severity.ERROR, function.span, message, hint)
        return
    early = not function.closed and flag_early_close(trace, body)
    if not function.closed and not early:
        message = f"no {FUNCTION_END}: the function still reaches to the end of its block"
        hint = "a call cut by max_tokens looks the same: it runs with what was written"
        opener = Span(function.span.start, body.start)
        trace.flag(Code.UNCLOSED, Severity.ERROR, opener, message, hint)
    name = stripped(text, Span(body.start, angle))
    values = list(_parameters(trace, Span(angle + 1, body.end), early=early))
    flag_entities(trace, Span(angle + 1, body.end), len(trace.calls))
    _deliver(trace, name, values, function.span, any_case_null=True)


def _parameters(trace: Trace, body: Span, *, early: bool) -> Iterator[_Value]:
    """Yield the arguments. `early`: a marker inside the last one ended the whole block."""
    text = trace.text
    end_of_all = body.end - 1 if text[body.start : body.end].endswith("\n") else body.end
    start = text.find(PARAMETER, body.start, body.end)
    while start >= 0:
        inner = start + len(PARAMETER)
        stop = _PARAMETER_STOP.search(text, inner, body.end)
        end = stop.start() if stop else max(inner, end_of_all)
        closed = stop is not None and stop[0] == PARAMETER_END
        angle = text.find(">", inner, end)
        if not closed and not (early and stop is None):
            _flag_open_parameter(trace, Span(start, end))
        covered = stop.end() if stop and closed else end
        start, opener = text.find(PARAMETER, covered, body.end), start
        loose = Span(covered, start if start >= 0 else body.end)
        cut = flag_loose_text(trace, loose, "parameters") or (early and stop is None)
        if angle >= 0:
            key, span = stripped(text, Span(inner, angle)), Span(angle + 1, end)
            yield _Value(text[key.start : key.end], span, _without_newlines(text, span), cut)
        else:
            _flag_lost_parameter(trace, Span(opener, end))


def _without_newlines(text: str, span: Span) -> Span:
    """Return the value without the newline after its opening tag and before its closing tag."""
    start = span.start + text.startswith("\n", span.start, span.end)
    return Span(start, span.end - text.endswith("\n", start, span.end))


def _flag_open_parameter(trace: Trace, span: Span) -> None:
    message = f"no {PARAMETER_END}: the value reaches to the next tag or the end"
    hint = "add </parameter>; a value that was cut looks the same"
    trace.flag(Code.PARAM_UNCLOSED, Severity.WARNING, span, message, hint, len(trace.calls))


def _flag_lost_parameter(trace: Trace, span: Span) -> None:
    message = "a parameter tag without `>` is dropped, the call is delivered without it"
    hint = "write <parameter=key>value</parameter>"
    trace.flag(Code.PARAM_UNCLOSED, Severity.ERROR, span, message, hint, len(trace.calls))


def _deliver(
    trace: Trace, name: Span, values: list[_Value], span: Span, *, any_case_null: bool
) -> None:
    """Deliver a call; if a number is too long, qwen3_coder (`any_case_null`) drops the call.

    The other parsers keep the whole text: Refused is raised.
    """
    word, index = trace.text[name.start : name.end], len(trace.calls)
    arguments: dict[str, Any] = {}
    for value in values:
        try:
            guessed = guess(trace, value.span, any_case_null=any_case_null)
        except NumberTooLong as error:
            _flag_overlong(trace, value, str(error))
            if any_case_null:
                return
            raise Refused(str(error)) from None
        if value.key in arguments:
            message = f"{value.key} appears twice; the last one counts"
            trace.flag(Code.DUP_KEY, Severity.WARNING, value.span, message, "send it once", index)
        if not value.cut:
            flag_guess(trace, word, value.key, guessed, value.trimmed, index)
        kind = type(guessed).__name__
        trace.step(f"value of {value.key[:40]}", value.span, kind)
        arguments[value.key] = guessed
    trace.call(
        word,
        written(arguments),
        span,
        name_span=name if len(name) else None,
        arguments_span=None,
        value=arguments,
        places={one.key: stripped(trace.text, one.span) for one in values},
    )


def _flag_overlong(trace: Trace, value: _Value, message: str) -> None:
    hint = "send long numbers as strings"
    trace.flag(Code.JSON_INVALID, Severity.ERROR, value.span, message, hint)


class _GlmReader:
    """Reads `<tool_call>` blocks of keys and values."""

    def __init__(
        self, head: Callable[[str, Span], tuple[Span, Span] | None], pair: re.Pattern[str]
    ) -> None:
        self._head = head
        self._pair = pair

    def __call__(self, trace: Trace) -> None:
        text = trace.text
        if OPENER not in text:
            raise Refused(f"no {OPENER} in the text")
        for block in tagged_blocks(text, OPENER, CLOSER):
            with trace.part("block", block.span) as part:
                if not block.closed:
                    part.outcome = "refused"
                    self._flag_open(trace, block)
                    flag_repeats(trace, OPENER, _SLOW_OPENERS, "each opener looks for its end, n^2")
                elif head := self._head(text, block.body):
                    values = list(self._values(trace, head[1]))
                    flag_entities(trace, head[1], len(trace.calls))
                    name = stripped(text, head[0])
                    _deliver(trace, name, values, block.span, any_case_null=False)
                else:
                    part.outcome = "skipped"
                    self._flag_head(trace, block)
        if not trace.calls:
            raise Refused("no block could be read")
        trace.keep_before(text.find(OPENER))

    @staticmethod
    def _flag_open(trace: Trace, block: Block) -> None:
        message = f"no {CLOSER}: the block is not a call"
        hint = "raise max_tokens, or check that the closing tag is not a stop sequence"
        trace.flag(Code.UNCLOSED, Severity.ERROR, block.span, message, hint)

    @staticmethod
    def _flag_head(trace: Trace, block: Block) -> None:
        message = "no newline after the name: glm45 skips the block"
        start, end = block.span.start, block.span.end
        hint = "glm47 is the parser for calls without newlines"
        hint = hint_if_called(trace, "hermes-agent/glm47", block.span, hint)
        key = trace.text.find(KEY, start, end)
        if trace.text.find("\\n", start, key if key >= 0 else end) >= 0:
            hint = r"it needs a newline, not the two characters \n"
        trace.flag(Code.MARKER_VARIANT, Severity.ERROR, block.span, message, hint)

    def _values(self, trace: Trace, body: Span) -> Iterator[_Value]:
        text, position = trace.text, body.start
        while (start := text.find(KEY, position, body.end)) >= 0:
            middle = self._pair.search(text, start + len(KEY), body.end)
            end = text.find(VALUE_END, middle.end(), body.end) if middle else -1
            if not middle or end < 0:
                self._flag_pair(trace, Span(start, body.end))
                return
            key = stripped(text, Span(start + len(KEY), middle.start()))
            word = text[key.start : key.end]
            if KEY in word or KEY_END in word:
                self._flag_pair(trace, Span(start, middle.end()))
            if text.find(KEY, middle.end(), end) >= 0:
                self._flag_pair(trace, Span(start, end))
            position = end + len(VALUE_END)
            following = text.find(KEY, position, body.end)
            loose = Span(position, following if following >= 0 else body.end)
            cut = flag_loose_text(trace, loose, "arguments")
            yield _Value(word, Span(middle.end(), end), Span(middle.end(), end), cut)

    @staticmethod
    def _flag_pair(trace: Trace, span: Span) -> None:
        message = "a key without a value that closes"
        hint = "write <arg_key>k</arg_key><arg_value>v</arg_value>"
        index = len(trace.calls)
        trace.flag(Code.PARAM_PAIRING, Severity.ERROR, span, message, hint, index)


def _head_45(text: str, body: Span) -> tuple[Span, Span] | None:
    """Split the body into name and arguments at its first newline; None if it has none."""
    newline = text.find("\n", body.start, body.end)
    if newline < 0:
        return None
    return Span(body.start, newline), Span(newline + 1, body.end)


def _head_47(text: str, body: Span) -> tuple[Span, Span]:
    """Split the body into name and arguments before its first key."""
    key = text.find(KEY, body.start, body.end)
    key = key if key >= 0 else body.end
    return Span(body.start, key), Span(key, body.end)


_GLM = (OPENER, CLOSER)
_CODER = (OPENER, CLOSER, FUNCTION, FUNCTION_END)

PARSERS = (
    emulated(
        "hermes-agent/qwen3_coder",
        "function-xml",
        "Qwen3-Coder",
        "regex, types guessed",
        _CODER,
        _read_coder,
    ),
    emulated(
        "hermes-agent/glm45",
        "glm",
        "GLM-4.5",
        "regex, types guessed",
        _GLM,
        _GlmReader(_head_45, _PAIR_45),
    ),
    emulated(
        "hermes-agent/glm47",
        "glm",
        "GLM-4.7",
        "regex, types guessed",
        _GLM,
        _GlmReader(_head_47, _PAIR_47),
    ),
)
