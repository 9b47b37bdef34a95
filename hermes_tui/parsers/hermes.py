"""Calls as Hermes and Qwen models write them: JSON between tags.

    text    := (reasoning | block | prose)*
    block   := "<tool_call>" blank payload blank "</tool_call>"
    payload := {"name": NAME, "arguments": {…}}

Read as well, each with a diagnostic: several payloads or a list of them in one block, a fenced
payload, payloads that are not quite JSON (`literals`) or not quite of this shape (`shapes`), blocks
without a closing or an opening tag. What engines do with a message: one block that is not exactly
as above voids them all (vLLM, hermes-agent).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.blocks import SPECIAL, Block, prose, scan, wrong_format
from hermes_tui.parsers.cursor import CLOSE, OPEN, Cursor
from hermes_tui.parsers.literals import FAILED, REPAIRED, Literal, compact, read_literal
from hermes_tui.parsers.payloads import BlockEnd, emit, flag_several, names_call

_FENCE = re.compile(r"```\w*+[ \t]*+\n?\s*+(?=[{\[])")
_FENCE_END = re.compile(r"\s*+```")
_GLM = re.compile(r"[^\W\d][\w.-]{0,127}(?=\s*+(?:<arg_key>|</tool_call>))")
_BETWEEN = re.compile(r"\s*+[,;]?\s*+(?=[{\[])")
_BRACE = re.compile(r"[{\[]")
_BRACE_LINE = re.compile(r"^[ \t]*+[{\[]", re.MULTILINE)
_EXTRA_BRACES = re.compile(r"[}\]][}\]\s]*+")
_CLOSE_VARIANT = re.compile(
    rf"</tool[ _-]?cal\w{{0,3}}\s?/?>|<\\/?tool_call>|&lt;/tool_call&gt;|{CLOSE[:-1]}(?![\w>])",
    re.IGNORECASE,
)
_OPEN_AS_CLOSE = re.compile(rf"{OPEN}(?!\s*+(?:[{{\[]|```|<))")
_MEANT = re.compile(r"[\"'“]|name")
_LOOK_AHEAD = 200
_ONLY_JSON = "engines refuse the block; only the JSON may stand between the tags"


class HermesTags:
    """Reads `<tool_call>` blocks with JSON in them."""

    name = "hermes-tui/hermes"

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        """Return the verdict on `text`; never raises."""
        function_xml = wrong_format(
            "function XML (<function=…>)", "choose the parser hermes-tui/function-xml (qwen3_coder)"
        )
        return scan(
            text,
            tools,
            json_block=json_block,
            function_block=function_xml,
            orphan=orphan_block,
        )


def render(calls: Iterable[ParsedCall]) -> str:
    """Return calls in the form that `HermesTags` reads without complaint."""
    return "\n".join(
        f'{OPEN}\n{{"name": {compact(call.name)}, "arguments": {call.arguments}}}\n{CLOSE}'
        for call in calls
    )


def json_block(cursor: Cursor, block: Block) -> int:
    """body := fence? payload | anything else — return where to go on."""
    text = cursor.text
    fence = _FENCE.match(text, block.body)
    if fence:
        span = Span(block.body, fence.end())
        return _payloads(cursor, block, fence.end(), (span, "a code fence around the payload"))
    if text.startswith(("{", "["), block.body):
        return _payloads(cursor, block, block.body, None)
    if _GLM.match(text, block.body) and cursor.at_line_start(block.start):
        reader = wrong_format("GLM's: a bare name with <arg_key> tags", "choose a GLM parser")
        return reader(cursor, block)
    return _no_payload(cursor, block)


def orphan_block(cursor: Cursor, block: Block) -> int:
    """orphan := payload CLOSE — read the call before a closing tag; -1 where there is none."""
    text, close = cursor.text, Span(block.body, block.body + len(CLOSE))
    start = cursor.skip_blank(block.start)
    if not text.startswith(("{", "["), start):
        found = _BRACE_LINE.search(text, block.start, block.body)
        if not found:
            return -1
        start = found.end() - 1
    literal = read_literal(text, start, block.body)
    if literal.rung == FAILED or cursor.skip_blank(literal.span.end) != block.body:
        return -1
    if not names_call(text, literal, cursor.tools):
        return -1
    message = f"a call without {OPEN!r} before it"
    hint = "engines leave it as text; the tag may have been in the prompt, or was not generated"
    cursor.flag(Code.ORPHAN_CLOSE, Severity.ERROR, close, message, hint, len(cursor.calls))
    emit(cursor, start, [literal], BlockEnd(close.end, True, False), cursor.mark(), sound=False)
    return close.end


def _no_payload(cursor: Cursor, block: Block) -> int:
    """Decide on a block that does not begin with a payload."""
    text, body = cursor.text, block.body
    end = cursor.limit(body)
    closed = text.startswith(CLOSE, end)
    brace = _BRACE.search(text, body, min(end, body + _LOOK_AHEAD))
    if closed and brace:
        literal = read_literal(text, brace.start(), end)
        if names_call(text, literal, cursor.tools):
            span = Span(body, brace.start())
            return _payloads(cursor, block, brace.start(), (span, "text before the payload"))
    if not closed or not cursor.at_line_start(block.start) or cursor.in_fence:
        return prose(cursor, block.opener)
    literal = Literal(None, Span(body, end), FAILED, (), "Expecting value", body)
    finish = BlockEnd(end + len(CLOSE), True, True)
    emit(cursor, block.start, [literal], finish, cursor.mark(), sound=False)
    return finish.position


def _payloads(cursor: Cursor, block: Block, start: int, extra: tuple[Span, str] | None) -> int:
    """payload (","? payload)* — read all payloads of a block, then its end."""
    text, since, first = cursor.text, cursor.mark(), len(cursor.calls)
    literals = [_literal(cursor, start)]
    if not _meant(cursor, literals[0], block):
        return prose(cursor, block.opener)
    while literals[-1].rung != FAILED and literals[-1].cut_at < 0:
        end_of_last = literals[-1].span.end
        between = _BETWEEN.match(text, end_of_last)
        if not between or between.end() > cursor.limit(end_of_last):
            break
        literal = _literal(cursor, between.end())
        if not names_call(text, literal, cursor.tools):
            break
        literals.append(literal)
    if extra:
        cursor.flag(Code.EXTRA_TEXT, Severity.ERROR, extra[0], extra[1], _ONLY_JSON, first)
    if len(literals) > 1:
        span = Span(literals[0].span.start, literals[-1].span.end)
        flag_several(cursor, span, f"{len(literals)} payloads in one block")
    end = _end(cursor, block, literals[-1], first)
    sound = block.sound and not extra and len(literals) == 1
    emit(cursor, block.start, literals, end, since, sound=sound)
    return end.position


def _meant(cursor: Cursor, literal: Literal, block: Block) -> bool:
    """Tell a payload, however bad, from braces that only stand for one."""
    if literal.rung not in (FAILED, REPAIRED):
        return True
    text, end = cursor.text, cursor.limit(literal.span.start)
    if end == len(text) and cursor.at_line_start(block.start):
        return True
    return _MEANT.search(text, literal.span.start, end) is not None


def _literal(cursor: Cursor, start: int) -> Literal:
    """Read a payload; where it breaks at a closing tag, try whether that stands in a string."""
    text, limit = cursor.text, cursor.limit(start)
    literal = read_literal(text, start, limit)
    broken = literal.rung == FAILED or literal.cut_in_string
    if broken and text.startswith(CLOSE, limit):
        later = text.find(CLOSE, limit + 1, cursor.find(OPEN, limit + 1))
        if later > 0:
            other = read_literal(text, start, later)
            if other.rung != FAILED and other.cut_at < 0:
                return other
    return literal


def _end(cursor: Cursor, block: Block, literal: Literal, index: int) -> BlockEnd:
    """Find the end of a block after its last payload, and say what is wrong with it."""
    text, position = cursor.text, literal.span.end
    if literal.rung == FAILED or literal.cut_at >= 0:
        position = cursor.limit(literal.span.start)
        if text.startswith(CLOSE, position):
            return BlockEnd(position + len(CLOSE), True, True)
        return _unclosed(cursor, block, position, index)
    inner = text.find(CLOSE, literal.span.start, position)
    if inner >= 0:
        span = Span(inner, inner + len(CLOSE))
        message = "a closing tag inside a string of the payload"
        hint = r"engines cut the block there and refuse it; write it as <\/tool_call>"
        cursor.flag(Code.MARKER_IN_VALUE, Severity.ERROR, span, message, hint, index)
    fence = _FENCE_END.match(text, position)
    after = cursor.skip_blank(fence.end() if fence else position)
    if text.startswith(CLOSE, after):
        return BlockEnd(after + len(CLOSE), True, inner < 0)
    return _odd_end(cursor, block, Span(position, after), index)


def _odd_end(cursor: Cursor, block: Block, blank: Span, index: int) -> BlockEnd:
    """Read a block on after its payload and `blank`, where no closing tag stands."""
    text, after = cursor.text, blank.end
    braces = _EXTRA_BRACES.match(text, after)
    if braces:
        span = Span(after, after + len(braces[0].rstrip()))
        message, hint = "closing brackets too many", "remove them; engines refuse the block"
        cursor.flag(Code.BRACES_EXTRA, Severity.ERROR, span, message, hint, index)
        blank, after = Span(span.end, braces.end()), braces.end()
    variant = _CLOSE_VARIANT.match(text, after)
    if variant and not text.startswith(CLOSE, after):
        message = f"{variant[0]!r} is not {CLOSE!r}"
        hint, span = "engines do not see the end of the block", Span(*variant.span())
        cursor.flag(Code.MARKER_VARIANT, Severity.ERROR, span, message, hint, index)
        return BlockEnd(variant.end(), True, False)
    as_close = _OPEN_AS_CLOSE.match(text, after)
    if as_close:
        message, hint = "an opening tag where the closing one belongs", "engines refuse the block"
        span = Span(*as_close.span())
        cursor.flag(Code.NESTED_OPEN, Severity.ERROR, span, message, hint, index)
        return BlockEnd(as_close.end(), True, False)
    limit = cursor.limit(after)
    if not text.startswith(CLOSE, limit):
        end = after if after == len(text) else blank.start
        return _unclosed(cursor, block, end, index)
    _flag_extra(cursor, Span(after, limit), index)
    return BlockEnd(limit + len(CLOSE), True, False)


def _flag_extra(cursor: Cursor, span: Span, index: int) -> None:
    """Name what stands between the payload and the closing tag."""
    text = cursor.text
    span = Span(span.start, span.start + len(text[span.start : span.end].rstrip()))
    if not len(span):
        return
    special = SPECIAL.fullmatch(text, span.start, span.end)
    code, what = (Code.STRAY_SPECIAL, "a special token") if special else (Code.EXTRA_TEXT, "text")
    cursor.flag(code, Severity.ERROR, span, f"{what} after the payload", _ONLY_JSON, index)


def _unclosed(cursor: Cursor, block: Block, position: int, index: int) -> BlockEnd:
    """End a block that nothing closes; whether its payload was cut is said with the payload."""
    at_end = position >= len(cursor.text)
    severity = Severity.NOTE if at_end else Severity.ERROR
    hint = "vLLM and hermes-agent read it at the very end of a text only, SGLang not at all"
    cursor.flag(Code.UNCLOSED, severity, block.opener, f"no {CLOSE!r} after this", hint, index)
    return BlockEnd(position, False, at_end)
