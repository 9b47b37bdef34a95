"""Split a rendered chat template into its messages.

    text     = preamble? turn+
    turn     = marker body
    marker   = "<|start_header_id|>" role "<|end_header_id|>" blank-line
             | "<|im_start|>" role ("<|im_sep|>" | end-of-line)
             | "<start_of_turn>" role end-of-line | "<|turn>" role end-of-line       Gemma
             | "<｜User｜>" | "<｜Assistant｜>"                         DeepSeek
             | "<|" role "|>"
             | "## " ROLE end-of-line | "**" role "**:" | "**" role ":**"
    body     = text up to an end token (<|eot_id|>, <|im_end|>, …), the next marker or the end

The first kind of marker that occurs decides. DeepSeek's system prompt precedes the first marker.
The markdown kinds count if there are at least two turns, or if the text begins with one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hermes_tui.model.spans import Span

_ROLE = r"(?P<role>[A-Za-z_][\w .\-]{0,40}?)"
_KNOWN_ROLE = (
    r"(?P<role>system|user|human|assistant|model|agent|environment|tool|function|observation)"
)
_MARKERS = (
    re.compile(rf"<\|start_header_id\|>\s*{_ROLE}\s*<\|end_header_id\|>(?:\r?\n){{0,2}}"),
    re.compile(rf"<\|im_start\|>[ \t]*{_ROLE}[ \t]*(?:<\|im_sep\|>\n?|\r?\n|\Z|(?=<\|im_end\|>))"),
    re.compile(rf"<(?:start_of_turn|\|turn)>{_KNOWN_ROLE}(?:\n|\Z)"),
    re.compile(r"<｜(?P<role>User|Assistant)｜>"),
    re.compile(rf"<\|{_KNOWN_ROLE}\|>\n?"),
)
_SYSTEM_PREAMBLE_MARK = "<｜"
"""The start of markers whose preamble is the system prompt."""
_MARKDOWN = (
    re.compile(rf"^#{{1,4}} *{_KNOWN_ROLE}:? *(?:\n+|\Z)", re.IGNORECASE | re.MULTILINE),
    re.compile(rf"^\*\*{_KNOWN_ROLE}(?::\*\*|\*\*:?) *\n?", re.IGNORECASE | re.MULTILINE),
)
_END = re.compile(
    r"\s*(?P<end>(?:(?:<\|(?:eot_id|eom_id|end_of_text|im_end|endoftext|end|eos)\|>|</s>"
    r"|<end_of_turn>|<turn\|>|<｜end▁of▁sentence｜>)\s*)+)\Z"
)
_BEGIN = re.compile(
    r"\s*(?:(?:<\|begin_of_text\|>|<s>|<bos>|\[gMASK\]|<sop>|<｜begin▁of▁sentence｜>)\s*)*"
)
_OPENERS = ("<|", "<start_of_turn>", "<｜")
_SYNONYMS = {"human": "user", "model": "assistant", "ipython": "tool", "observation": "tool"}
_TAIL = 200
"""Characters at the end of a body that are searched for an end token."""


@dataclass(frozen=True, slots=True)
class TemplateTurn:
    """One message of a rendered template. `span` is that of `text` in the whole text.

    `closed`: an end token follows it.
    """

    role: str
    text: str
    span: Span
    closed: bool


def may_be_rendered(text: str) -> bool:
    """Return whether a text may hold a marker that is a token; a cheap test."""
    return any(opener in text for opener in _OPENERS)


def split_template(text: str) -> tuple[TemplateTurn, ...]:
    """Return the messages of a rendered template, or none if it has no marker.

    Text before the first marker is a turn with an empty role, or the system prompt (DeepSeek). An
    open last turn without text is the prompt for a reply that did not come, and is left out.
    """
    for pattern in _MARKERS:
        markers = list(pattern.finditer(text))
        if markers:
            return _cut(text, markers)
    for pattern in _MARKDOWN:
        markers = list(pattern.finditer(text))
        if len(markers) > 1 or (markers and not text[: markers[0].start()].strip()):
            return _cut(text, markers)
    return ()


def split_reply(text: str) -> tuple[TemplateTurn, ...]:
    """Return the turns of a text that begins with the model's reply, as trainers keep rollouts.

    The first turn is the model's. A text without markers is that turn, without its end token.
    """
    for pattern in _MARKERS:
        if markers := list(pattern.finditer(text)):
            first, *others = _cut(text, markers) or (_whole_reply(text),)
            if first.span.start < markers[0].start():
                first = replace(first, role="assistant")
            return (first, *others)
    return (_whole_reply(text),)


def reply_start(text: str) -> int:
    """Return where the text of the model's first turn begins in a rendered template, or -1."""
    for pattern in _MARKERS:
        if markers := list(pattern.finditer(text)):
            starts = (one.end() for one in markers if _role_of(one) == "assistant")
            return next(starts, -1)
    return -1


def open_turn(text: str) -> tuple[int, str]:
    """Return where the last turn begins, including its marker, and its role, if it is open.

    Return -1 and an empty role if the turn is closed or there is no marker.

    >>> open_turn("<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\nHo")
    (30, 'assistant')
    """
    for pattern in _MARKERS:
        if markers := list(pattern.finditer(text)):
            turn = _turn(_role_of(markers[-1]), text, markers[-1].end(), len(text))
            return (-1, "") if turn.closed else (markers[-1].start(), turn.role)
    return -1, ""


def _whole_reply(text: str) -> TemplateTurn:
    tail = max(0, len(text) - _TAIL)
    token = _END.search(text[tail:])
    stop = tail + token.start("end") if token else len(text)
    return TemplateTurn("assistant", text[:stop], Span(0, stop), token is not None)


def _cut(text: str, markers: list[re.Match[str]]) -> tuple[TemplateTurn, ...]:
    turns: list[TemplateTurn] = []
    begin = _BEGIN.match(text, 0, markers[0].start())
    start = begin.end() if begin else 0
    if text[start : markers[0].start()].strip():
        role = "system" if markers[0][0].startswith(_SYSTEM_PREAMBLE_MARK) else ""
        turns.append(_turn(role, text, start, markers[0].start()))
    for number, marker in enumerate(markers):
        is_last = number + 1 == len(markers)
        end = len(text) if is_last else markers[number + 1].start()
        turn = _turn(_role_of(marker), text, marker.end(), end)
        if not is_last or turn.text or turn.closed:
            turns.append(turn)
    return tuple(turns)


def _role_of(marker: re.Match[str]) -> str:
    role = marker.group("role").strip().lower()
    return _SYNONYMS.get(role, role)


def _turn(role: str, text: str, start: int, end: int) -> TemplateTurn:
    tail = max(start, end - _TAIL)
    token = _END.search(text[tail:end])
    stop = tail + token.start() if token else end
    while stop > start and text[stop - 1] in "\r\n":
        stop -= 1
    return TemplateTurn(role, text[start:stop], Span(start, stop), token is not None)
