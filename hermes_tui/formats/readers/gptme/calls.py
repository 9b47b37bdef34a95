"""Calls in the replies of gptme, which keeps every call in the text, as it reads them there.

    reply = (text | call | block | use)*
    call  = line start "@" NAME "(" ID "):" blank* object        the object ends with its last brace
    block = line start FENCE TAG (" " argument)* line* FENCE     closed by a bare fence as long
    use   = "<tool-use>" (element of a tool)* "</tool-use>"
          | "<function_calls>" ("<invoke name=" NAME ">" text "</invoke>")* "</function_calls>"

A call was a native one of the model's; gptme repairs arguments that are not JSON. A block calls a
tool if its tag is one of that tool's; a block with a tag inside a block belongs to its text. XML
counts only in a reply without any of the others: which of them gptme reads depends on a setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hermes_tui.formats.texts.text_actions import text_action
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Origin, ToolCall, changed
from hermes_tui.model.spans import Span
from hermes_tui.parsers.reasoning_tags import without_thoughts
from hermes_tui.parsers.tool_calls import read_call

Call = tuple[ToolCall, tuple[Diagnostic, ...]]

_CALL: Final = re.compile(r"^@([^\r\n]{1,200}?)\(([\w\-:.]{1,200}+)\):\s*+(?=\{)", re.MULTILINE)
_BRACE: Final = re.compile(r'["{}]|\\.', re.DOTALL)
_FENCE: Final = re.compile(r"^(`{3,}+)([^\n`]*+)$", re.MULTILINE)
_USES: Final = re.compile(r"<(tool-use|function_calls)>")
_MARKED: Final = re.compile(r"^[ \t]{0,100}+(<(?:tool-use|function_calls)>)", re.MULTILINE)
_ELEMENT: Final = re.compile(
    r"<([\w.-]{1,100}+)((?:\s++[\w-]{1,100}+=\"[^\"<>]{0,4000}+\")*+)\s*+>"
)
_ATTRIBUTE: Final = re.compile(r"([\w-]++)=\"([^\"]*+)\"")
_USE_MARKS: Final = ("<tool-use>", "<function_calls>")

_TOOLS: Final = {"py": "ipython"}
"""The tool of each tag that is not a tool's name."""
_TAGS: Final = frozenset({
    "append", "choice", "clarify", "complete", "elicit", "form", "gh", "hashline_edit", "ipython",
    "mcp", "memory", "morph", "patch", "patch_many", "progress", "py", "read",
    "request_tool_change", "restart", "save", "shell", "tmux", "todo", "vent", "watch",
})  # fmt: skip
"""The tags of gptme's own tools (0.35)."""
_CONTENT_KEYS: Final = {
    "append": "content", "ipython": "code", "morph": "edit", "patch": "patch", "save": "content",
    "shell": "command",
}  # fmt: skip
"""The parameter that the text of a block is for, by tool."""
_FILE_TOOLS: Final = frozenset({"append", "morph", "patch", "save"})


class Fence(NamedTuple):
    """A fenced block: its tag and arguments, where its text is, and its span with the fences."""

    tag: str
    text: Span
    whole: Span
    is_closed: bool

    @property
    def is_of_tool(self) -> bool:
        return self.tag.split(" ")[0] in _TAGS


class Calls(NamedTuple):
    """The calls of a reply. Whether `blocks` were run is known from the message after them."""

    native: list[Call]
    """Calls with an id."""
    blocks: list[Call]
    unclosed: Diagnostic | None
    """The finding for a call or block that never ends, so that gptme does not see it."""
    marked: Span | None
    """The first markup of a call in XML, which gptme may have failed to parse."""

    def in_order(self, *, with_blocks: bool) -> list[Call]:
        """Return the calls in the order of the text, numbered from 0."""
        found = [*self.native, *(self.blocks if with_blocks else ())]
        found.sort(key=lambda one: one[0].span.start if one[0].span else 0)
        return [
            (
                changed(call, index=index),
                tuple(
                    Diagnostic(one.code, one.severity, one.message, one.span, one.hint, index)
                    for one in findings
                ),
            )
            for index, (call, findings) in enumerate(found)
        ]


def read_calls_in(text: str) -> Calls:
    """Read the calls in the text of a reply."""
    if "@" not in text and "```" not in text and not any(mark in text for mark in _USE_MARKS):
        return Calls([], [], None, None)
    spoken = without_thoughts(text)
    fences = _fences(spoken)
    closed = [one.whole for one in fences if one.is_closed]
    native, open_call = _native_calls(text, closed)
    blocks = [_block(text, one) for one in fences if one.is_closed and one.is_of_tool]
    open_block = next((one for one in fences if not one.is_closed and one.is_of_tool), None)
    return Calls(
        native,
        blocks if native or blocks else list(_uses(spoken)),
        _unclosed(open_call, open_block.whole if open_block else None),
        _marked(spoken, closed),
    )


def _marked(text: str, blocks: list[Span]) -> Span | None:
    """Return the span from the first markup of a call in XML that is not an example in a block."""
    block = 0
    for mark in _MARKED.finditer(text):
        while block < len(blocks) and blocks[block].end <= mark.start(1):
            block += 1
        if block == len(blocks) or mark.start(1) < blocks[block].start:
            return Span(mark.start(1), len(text))
    return None


def _unclosed(call: Span | None, block: Span | None) -> Diagnostic | None:
    span = call or block
    if span is None:
        return None
    what = "the arguments of the call never end" if call else "the block is never closed"
    message = f"{what}: gptme finds no call in it"
    return Diagnostic(Code.UNCLOSED, Severity.ERROR, message, span)


def _native_calls(text: str, blocks: list[Span]) -> tuple[list[Call], Span | None]:
    """Return the calls with an id outside `blocks`, and the span of one that never ends."""
    calls: list[Call] = []
    position, block = 0, 0
    while mark := _CALL.search(text, position):
        while block < len(blocks) and blocks[block].end <= mark.start():
            block += 1
        if block < len(blocks) and blocks[block].start <= mark.start():
            position = blocks[block].end
            continue
        end = _object_end(text, mark.end())
        if end is None:
            return calls, Span(mark.start(), len(text))
        calls.append(_native_call(mark, text[mark.end() : end], Span(mark.start(), end), text))
        position = end
    return calls, None


def _object_end(text: str, start: int) -> int | None:
    """Return where the object at `start` ends, counting braces outside strings; None if it does
    not."""
    depth, is_in_string = 0, False
    for mark in _BRACE.finditer(text, start):
        if mark[0] == '"':
            is_in_string = not is_in_string
        elif mark[0] in "{}" and not is_in_string:
            depth += 1 if mark[0] == "{" else -1
            if not depth:
                return mark.end()
    return None


def _native_call(mark: re.Match[str], arguments: str, span: Span, text: str) -> Call:
    call, findings = read_call(function_call(mark[2], mark[1], arguments), 0)
    raw = text[span.start : span.end]
    call = changed(call, origin=Origin.TEXT, span=span, raw=raw, verdict="action")
    return call, tuple(map(_as_repaired, findings))


def _as_repaired(found: Diagnostic) -> Diagnostic:
    """Return a finding about arguments as a warning: gptme repairs them and runs the call."""
    if found.code is not Code.ARGS_INVALID:
        return found
    hint = "; ".join(filter(None, (found.hint, "gptme repaired them and ran the call")))
    return Diagnostic(found.code, Severity.WARNING, found.message, found.span, hint, 0)


def _fences(text: str) -> list[Fence]:
    """Return the outermost fenced blocks; the last one may be open."""
    marks = list(_FENCE.finditer(text))
    found = list(_paired(marks, text, may_nest=True))
    if found and not found[-1].is_closed:
        # A fence with a tag inside its text is no block of its own.
        found = list(_paired(marks, text, may_nest=False))
    return found


def _paired(marks: list[re.Match[str]], text: str, *, may_nest: bool) -> Iterator[Fence]:
    opening: re.Match[str] | None = None
    depth = 0
    for mark in marks:
        tag = mark[2].strip()
        if opening is None:
            opening, depth = mark, 0
        elif len(mark[1]) < len(opening[1]):
            continue
        elif tag:
            depth += may_nest
        elif depth:
            depth -= 1
        else:
            inner = Span(min(opening.end() + 1, mark.start()), mark.start())
            yield Fence(opening[2].strip(), inner, Span(opening.start(), mark.end()), True)
            opening = None
    if opening is not None:
        end = len(text)
        inner = Span(min(opening.end() + 1, end), end)
        yield Fence(opening[2].strip(), inner, Span(opening.start(), end), False)


def _block(text: str, fence: Fence) -> Call:
    tag, _, argument = fence.tag.partition(" ")
    content = text[fence.text.start : fence.text.end].removesuffix("\n")
    return _action(tag, argument.strip(), content, text, fence.whole)


def _uses(text: str) -> Iterator[Call]:
    """Yield the calls in XML, each with its attributes as arguments."""
    position = 0
    while uses := _USES.search(text, position):
        stop = text.find(f"</{uses[1]}>", uses.end())
        if stop < 0:
            return
        position = uses.end()
        while element := _ELEMENT.search(text, position, stop):
            closer = f"</{element[1]}>"
            end = text.find(closer, element.end(), stop)
            if end < 0:
                break
            position = end + len(closer)
            values = dict(_ATTRIBUTE.findall(element[2]))
            name = values.pop("name", "") if uses[1] == "function_calls" else element[1]
            content = text[element.end() : end].strip()
            span = Span(element.start(), position)
            yield _action(name, " ".join(values.values()), content, text, span)
        position = max(position, stop)


def _action(tag: str, argument: str, content: str, text: str, span: Span) -> Call:
    name = _TOOLS.get(tag, tag)
    given: dict[str, Any] = {}
    if argument:
        given["path" if name in _FILE_TOOLS else "args"] = argument
    if content:
        given[_CONTENT_KEYS.get(name, "content")] = content
    return text_action(0, name, given, raw=text[span.start : span.end], span=span)
