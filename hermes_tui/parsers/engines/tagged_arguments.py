"""Arguments written as tags, as vLLM 0.33's declared parsers read them: pairs of key and text.

    qwen  := ("<parameter" "=" KEY ">" VALUE ("</parameter>" | before "<parameter="))*
    glm   := ("<arg_key>" KEY "</arg_key>" "<arg_value>" VALUE "</arg_value>")*

A value that is never closed is no argument: it is lost, and so is all text outside the pairs. If a
key occurs twice, its last value counts, in the position of the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Trace
from hermes_tui.parsers.engines.foreign_body import loose_text_finding
from hermes_tui.parsers.engines.tagged import Slot

_QWEN_OPEN = re.compile(r"<\s*+parameter\s*+=\s*+")
_QWEN_STOP = re.compile(r"<\s*+(?:/\s*+parameter\s*+>|parameter\s*+=)")
_GLM_KEY = "<arg_key>"
_GLM_JUNCTION = re.compile(r"</arg_key>\s*+<arg_value>")
_GLM_END = "</arg_value>"
_MAX_FLAGS = 100


class Finding(NamedTuple):
    """A flaw in the arguments, with its place in the text."""

    code: Code
    severity: Severity
    span: Span
    message: str
    hint: str


@dataclass
class Pairs:
    """The values by key, and the flaws in how they are written."""

    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    """The span of each value's text; of the whole argument if the value is blank."""
    findings: list[Finding] = field(default_factory=list)
    cut: bool = False
    """Whether the last value is not closed, and therefore lost."""

    def add(self, key: str, value: str, whole: Span, place: Span) -> None:
        """Add a value; `whole` is the span of the argument, `place` that of the value."""
        if key in self.values:
            message = f"{key[:60]!r} is written twice: the last value counts"
            self.note(Code.DUP_KEY, Severity.WARNING, whole, message, "send it once")
        self.values[key] = value
        self.places[key] = place if value.strip() else whole

    def note(self, code: Code, severity: Severity, span: Span, message: str, hint: str) -> None:
        if len(self.findings) < _MAX_FLAGS:
            self.findings.append(Finding(code, severity, span, message, hint))

    def flag(self, trace: Trace, index: int) -> None:
        """Record the findings in the trace as those of call `index`."""
        for finding in self.findings:
            trace.flag(*finding, index)


def qwen_pairs(trace: Trace, slot: Slot, raw: str) -> Pairs:
    """Read <parameter=KEY>VALUE</parameter>; one newline is trimmed on each side of the value."""
    pairs, position, covered = Pairs(), 0, 0
    while opener := _QWEN_OPEN.search(raw, position):
        angle = raw.find(">", opener.end())
        key = raw[opener.end() : angle] if angle >= 0 else raw[opener.end() :]
        _flag_loose(pairs, slot, raw, covered, opener.start())
        stop = _QWEN_STOP.search(raw, angle + 1) if angle >= 0 else None
        if stop is None:
            _flag_cut(trace, pairs, slot, Span(opener.start(), len(raw)), key)
            return pairs
        closed = not stop[0].endswith("=")
        position = covered = stop.end() if closed else stop.start()
        whole = slot.place(opener.start(), position)
        if not closed:
            message = f"the parameter {key[:60]!r} is not closed: it ends where the next begins"
            pairs.note(Code.PARAM_UNCLOSED, Severity.WARNING, whole, message, "add </parameter>")
        value = raw[angle + 1 : stop.start()]
        begin, end = angle + 1 + value.startswith("\n"), stop.start() - value.endswith("\n")
        pairs.add(key, value.removeprefix("\n").removesuffix("\n"), whole, slot.place(begin, end))
        trace.step("parameter", whole, "read", key[:60])
    _flag_loose(pairs, slot, raw, covered, len(raw))
    return pairs


def glm_pairs(trace: Trace, slot: Slot, raw: str) -> Pairs:
    """Read <arg_key>KEY</arg_key><arg_value>VALUE</arg_value>; the value is not trimmed.

    A key without a value extends to the next key that has one.
    """
    pairs, position, covered = Pairs(), 0, 0
    while (start := raw.find(_GLM_KEY, position)) >= 0:
        junction = _GLM_JUNCTION.search(raw, start + len(_GLM_KEY))
        end = raw.find(_GLM_END, junction.end()) if junction else -1
        if junction is None or end < 0:
            key = raw[start + len(_GLM_KEY) :].partition("<")[0]
            _flag_cut(trace, pairs, slot, Span(start, len(raw)), key.strip())
            return pairs
        _flag_loose(pairs, slot, raw, covered, start)
        key = raw[start + len(_GLM_KEY) : junction.start()].strip()
        whole = slot.place(start, end + len(_GLM_END))
        value = raw[junction.end() : end]
        for code, message, hint in pair_flaws(key, value):
            pairs.note(code, Severity.ERROR, whole, message, hint)
        pairs.add(key, value, whole, slot.place(junction.end(), end))
        trace.step("argument", whole, "read", key[:60])
        position = covered = end + len(_GLM_END)
    _flag_loose(pairs, slot, raw, covered, len(raw))
    return pairs


def pair_flaws(key: str, value: str) -> Iterator[tuple[Code, str, str]]:
    """Yield code, message and hint for each tag that the key or its value swallows."""
    if "<" in key:
        message = f"a key without a value swallows what follows: the key is {key[:60]!r}"
        yield Code.PARAM_PAIRING, message, "each <arg_key> needs its <arg_value>"
    if _GLM_KEY in value:
        message = f"the value of {key[:60]!r} is not closed: it swallows the next argument"
        yield Code.PARAM_UNCLOSED, message, "add </arg_value>"


def _flag_cut(trace: Trace, pairs: Pairs, slot: Slot, lost: Span, key: str) -> None:
    pairs.cut = True
    place = slot.place(lost.start, lost.end)
    at_end = place.end >= len(trace.text.rstrip())
    code = Code.TRUNCATED if at_end and not slot.closed else Code.PARAM_UNCLOSED
    message = f"the value of {key[:60]!r} is never closed: vLLM delivers the call without it"
    hint = "raise max_tokens" if code is Code.TRUNCATED else "close the last value"
    pairs.note(code, Severity.ERROR, place, message, hint)
    trace.step("argument", place, "dropped", f"{key[:60]}: not closed")


def _flag_loose(pairs: Pairs, slot: Slot, raw: str, start: int, end: int) -> None:
    """Flag text between the pairs, which belongs to no argument."""
    text = raw[start:end]
    if not text.strip():
        return
    start += len(text) - len(text.lstrip())
    place = slot.place(start, start + len(text.strip()))
    if text.strip() == "</tool_call>":
        message = "no </function> before </tool_call>, which is read as text of the call"
        pairs.note(Code.UNCLOSED, Severity.WARNING, place, message, "close the function first")
        return
    code, message, hint = loose_text_finding(text.strip(), "arguments")
    pairs.note(code, Severity.ERROR, place, message, hint)
