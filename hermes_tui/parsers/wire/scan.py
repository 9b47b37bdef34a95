"""Scans a text once, from left to right, for calls of any wire format.

    text := (reasoning | fence | block of a format | special token | prose)*

If several formats have the same opening marker, the first one that recognises what follows reads
the block. Calls in reasoning are not read as calls, but reported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.marks import CLOSE, SPECIAL_NAMES, SPECIALS
from hermes_tui.parsers.reasoning_tags import ALL_NAMES
from hermes_tui.parsers.wire import (
    bare,
    deepseek,
    dsml,
    gemma,
    glm,
    harmony,
    hermes,
    internlm,
    kimi,
    lists,
    minimax,
    mistral,
    python_bare,
    pythonic,
    qwen_coder,
    step3,
)
from hermes_tui.parsers.wire.base import Reader, Wire
from hermes_tui.parsers.wire.cursor import WireCursor
from hermes_tui.parsers.wire.cut_marker import flag_cut_marker

WIRES: tuple[Wire, ...] = (
    *hermes.WIRES, *qwen_coder.WIRES, *glm.WIRES, *mistral.WIRES, *bare.WIRES,
    *pythonic.WIRES, *python_bare.WIRES, *deepseek.WIRES, *dsml.WIRES, *kimi.WIRES,
    *harmony.WIRES, *minimax.WIRES, *gemma.WIRES, *lists.WIRES, *internlm.WIRES, *step3.WIRES,
)  # fmt: skip
TAGGED: tuple[Wire, ...] = (*hermes.TAGGED, *qwen_coder.WIRES, *glm.WIRES)
"""The formats with `<tool_call>` or `<function=…>`, for which texts of saved runs are read."""

_SPECIAL = (
    rf"<\|(?:{SPECIAL_NAMES}|call|message"
    r"|python_end|tool_call_end|tool_calls_section_end|action_end|tools_suffix)\|>|<eos>|</s>"
)
_CLOSERS = (
    r"</(?:longcat_|seed:|minimax:)?tool_calls?>|</function_calls>|<｜tool▁calls?▁end｜>"
    r"|<｜tool_calls?_end｜>|<end_function_call>|<tool_call\|>|</｜DSML｜(?:function|tool)_calls>"
)
_BEGINS = (
    r"<[\w/|｜\s]|\[(?:TOOL|/?THINK|\s*+(?:\[\s*+)?[{\w])|\{\s*+[\"'“`\w]|\(\s*+[\w*\"')]|```"
    r"|&lt;|call\s*+:|functools\s*+\[|commentary|analysis\s"
)
_TAGS_BEGIN = r"<[a-zA-Z/|\s]|```|&lt;"


class _Openers:
    """The openers of some formats as one pattern, and the readers of each.

    `before` reads the payload before a closing marker without an opening one.
    """

    def __init__(
        self,
        formats: Sequence[Wire],
        begins: str,
        closers: str,
        specials: str,
        before: Reader | None = None,
    ) -> None:
        self.before = before
        wires = sorted(formats, key=lambda wire: wire.order)
        openers = list(dict.fromkeys(wire.opener for wire in wires))
        self.readers = {
            f"o{i}": tuple(dict.fromkeys(wire.read for wire in wires if wire.opener == opener))
            for i, opener in enumerate(openers)
        }
        runs = [(opener, f"(?P<o{i}>{_repeated(opener)})") for i, opener in enumerate(openers)]
        shapes = [(f"o{i}", _first_character(opener)) for i, opener in enumerate(openers)]
        self.shapes = {
            kind: [other for other, its in shapes if its == first != "" and other != kind]
            for kind, first in shapes
            if first != "<"
        }
        """For each opener that is no marker, the others to try if its readers find nothing."""
        self.one = {f"o{i}": re.compile(opener) for i, opener in enumerate(openers)}
        tags = [
            rf"(?P<think><(?P<slash>/?)(?P<tag>{ALL_NAMES})>)",
            *(run for opener, run in runs if opener.startswith("<")),
            rf"(?P<closer>{closers})",
            rf"(?P<special>{specials})",
        ]
        others = [
            r"(?P<bracket>\[(?P<end>/?)THINK\])",
            r"(?P<fence>```)",
            *(run for opener, run in runs if not opener.startswith("<")),
        ]
        # The lookahead skips everything else quickly.
        self.pattern = re.compile(rf"(?={begins})(?:(?=<)(?:{'|'.join(tags)})|{'|'.join(others)})")


def _first_character(opener: str) -> str:
    """Return the character that an opener begins with, empty if it may be one of several."""
    return "" if opener.startswith("(") else opener.lstrip("\\")[0]


def _repeated(opener: str) -> str:
    """Return a pattern of an opener that matches several repetitions of a marker as one."""
    if opener.startswith(("<", r"\[TOOL")) and "(?=" not in opener and "|<" not in opener:
        return rf"(?:{opener})(?:\s*+(?:{opener}))*+"
    return opener


@cache
def _openers(*, tagged: bool) -> _Openers:
    if tagged:
        return _Openers(TAGGED, _TAGS_BEGIN, CLOSE, f"<(?:{SPECIALS})", hermes.read_before)
    return _Openers(WIRES, _BEGINS, _CLOSERS, _SPECIAL)


def scan(text: str, tools: Sequence[ToolSpec] = (), *, tagged: bool = False) -> ParseResult:
    """Read every call in `text`, of any format or only of those in `TAGGED`; never raises."""
    cursor = WireCursor(text, tools)
    if orphan := _scan(cursor, _openers(tagged=tagged), thought=0):
        cursor = WireCursor(text, tools)
        _scan(cursor, _openers(tagged=tagged), thought=orphan)
    if not tagged:
        flag_cut_marker(cursor)
    return cursor.result()


def _scan(cursor: WireCursor, openers: _Openers, *, thought: int) -> int:
    """Scan once. The first `thought` characters are reasoning; -1 if there is none to look for.

    Return where reasoning ends whose opening tag was in the prompt, and stop there; 0 if none does.
    """
    text = cursor.text
    cursor.reading_reasoning = thought < 0
    position = 0
    if thought > 0:
        whole = Span(0, thought)
        position = _reasoning(cursor, openers, whole, whole, "think", opened=True)
    thinking = thought > 0
    while mark := openers.pattern.search(text, position):
        kind = mark.lastgroup or ""
        if kind in ("think", "bracket"):
            closing = bool(mark["slash"] or mark["end"])
            if closing and not thinking and thought == 0 and _is_unquoted(text, mark.start()):
                return mark.end()
            position, thinking = _thought(cursor, openers, mark, thinking)
        elif kind == "fence":
            cursor.in_fence = not cursor.in_fence
            position = mark.end()
        elif kind == "closer":
            position = _closer(cursor, openers, mark)
        elif kind == "special":
            position = _special(cursor, mark)
        else:
            position = _block(cursor, mark, kind, openers)
    return 0


def _is_unquoted(text: str, position: int) -> bool:
    return position == 0 or text[position - 1] != "`"


def _block(cursor: WireCursor, mark: re.Match[str], kind: str, openers: _Openers) -> int:
    """Pass what opens here to the first reader that recognises it; return where to continue."""
    start, end = mark.span()
    if (position := _read(cursor, Span(start, end), kind, openers)) > start:
        return position
    for other in openers.shapes.get(kind, ()):
        found = openers.one[other].match(cursor.text, start)
        if found and (position := _read(cursor, Span(*found.span()), other, openers)) > start:
            return position
    past = start + 1 if kind in openers.shapes else end
    return max(past, cursor.taken_until)


def _read(cursor: WireCursor, span: Span, kind: str, openers: _Openers) -> int:
    for read in openers.readers[kind]:
        calls = len(cursor.calls)
        end = read(cursor, span)
        cursor.drafts.clear()
        if end > span.start:
            _flag_nested(cursor, span, openers.one[kind], calls)
            return max(end, cursor.taken_until)
    return -1


def _flag_nested(cursor: WireCursor, span: Span, one: re.Pattern[str], calls: int) -> None:
    first = one.match(cursor.text, span.start, span.end)
    if not first or first.end() >= span.end or len(cursor.calls) == calls:
        return
    message = "an opening marker inside an open block"
    hint = "the outer one is ignored; engines refuse the block or lose the call"
    cursor.flag_call(Code.NESTED_OPEN, span, message, hint, calls)


def _thought(
    cursor: WireCursor, openers: _Openers, mark: re.Match[str], thinking: bool
) -> tuple[int, bool]:
    """Read the reasoning that a tag opens; a closing tag without an opening one is text.

    Return where to continue, and whether reasoning has been read so far.
    """
    text = cursor.text
    closing = bool(mark["slash"] or mark["end"])
    if cursor.reading_reasoning or closing or not _is_unquoted(text, mark.start()):
        return mark.end(), thinking
    tag = mark["tag"] or "THINK"
    closer = f"</{tag}>" if mark["tag"] else "[/THINK]"
    end = cursor.find(closer, mark.end())
    inner = Span(mark.end(), end)
    whole = Span(mark.start(), min(end + len(closer), len(text)))
    is_closed = end < len(text)
    return _reasoning(cursor, openers, whole, inner, tag, opened=is_closed), True


def _reasoning(
    cursor: WireCursor, openers: _Openers, whole: Span, inner: Span, tag: str, *, opened: bool
) -> int:
    """Take reasoning and report the calls in it; return where it ends."""
    since = cursor.mark()
    inside = cursor.text[inner.start : inner.end]
    found = WireCursor(inside, tuple(cursor.tools.values()))
    _scan(found, openers, thought=-1)
    calls = [call for call in found.calls if call.name is not None]
    if calls:
        first, last = calls[0].span.start, calls[-1].span.end
        span = Span(inner.start + first, inner.start + last)
        count = "a call" if len(calls) == 1 else f"{len(calls)} calls"
        where = "reasoning" if opened else f"reasoning that is never closed (<{tag}>)"
        message = f"{count} inside {where}: not read as a call"
        hint = "some engines run it anyway: vLLM ends the reasoning at the marker"
        cursor.flag(Code.MARKER_IN_REASONING, Severity.WARNING, span, message, hint)
        cursor.step("marker", span.start, span.end, "not a call", "inside reasoning")
    cursor.take_reasoning(whole)
    cursor.part("reasoning", whole.start, whole.end, "reasoning", f"<{tag}>", since)
    return whole.end


def _closer(cursor: WireCursor, openers: _Openers, mark: re.Match[str]) -> int:
    """Report a closing marker without an opening one; return where to continue."""
    start, end = mark.span()
    if cursor.mentioned_openers or not _is_unquoted(cursor.text, start):
        cursor.mentioned_openers = max(0, cursor.mentioned_openers - 1)
        return end
    if openers.before and (found := openers.before(cursor, Span(start, end))) >= 0:
        return found
    message = "a closing marker that closes nothing"
    hint = "the block has no opening marker, or another block took it"
    cursor.flag(Code.ORPHAN_CLOSE, Severity.WARNING, Span(start, end), message, hint)
    if cursor.taken_until == start and cursor.calls:
        cursor.drop(start, end)
        cursor.part("close", start, end, "dropped", "no block is open", cursor.mark())
    else:
        cursor.part("close", start, end, "text", "no block is open", cursor.mark())
    return end


def _special(cursor: WireCursor, mark: re.Match[str]) -> int:
    """Report a special token; after a call drop it, as engines drop all text there."""
    message = f"special token {mark[0]} in the text"
    hint = "servers strip it before they parse; here it was left in"
    severity = Severity.WARNING if cursor.calls else Severity.NOTE
    cursor.flag(Code.STRAY_SPECIAL, severity, Span(*mark.span()), message, hint)
    if cursor.calls:
        cursor.drop(*mark.span())
    outcome = "dropped" if cursor.calls else "text"
    cursor.part("special", *mark.span(), outcome, mark[0], cursor.mark())
    return mark.end()
