"""Fast readers for what most texts are: prose, valid calls and valid answers.

    reply   := ("<think>" thought "</think>")? (prose | call)* | (prose | function)*
    call    := "<tool_call>" {"name": NAME, "arguments": {…}} "</tool_call>"
    function := "<function=" NAME ">" ("<parameter=" KEY ">" value "</parameter>")+ "</function>",
                in <tool_call> or not
    answer  := ("<tool_response>" body "</tool_response>")+ | any other text

The full readers find nothing wrong with such texts. For any other text the functions here return
None, and the full readers must be used. A result returned here is always the same as theirs
(`tests/formats/test_plain_messages.py`).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from hermes_tui.model.spans import Span
from hermes_tui.parsers.embedded import bare_call_json
from hermes_tui.parsers.marks import CLOSE, MARK, OPEN, has_mark
from hermes_tui.parsers.plain_values import may_repeat_key, quick_text
from hermes_tui.parsers.reasoning_tags import has_reasoning_tag
from hermes_tui.parsers.recognise import foreign_format
from hermes_tui.parsers.tool_errors import Verdict, judge
from hermes_tui.parsers.tool_results import CLOSE as ANSWER_CLOSE
from hermes_tui.parsers.tool_results import OPEN as ANSWER_OPEN

_THINK_OPEN, _THINK_CLOSE = "<think>", "</think>"
_MAX_BRACKETS = 64
_FUNCTION = "<function="
_TAG = r"=([^<>\s\"'=]{1,300})>"
_VALUE = r"(?:[^<]++|<(?!/?(?:parameter|function|tool_call)))*+"
_SOUND_FUNCTION = re.compile(
    rf"({OPEN}\s*+)?<function{_TAG}\s*+(?:<parameter{_TAG}{_VALUE}</parameter>\s*+)++</function>"
    rf"(?(1)\s*+{CLOSE})"
)
_PARAMETER = re.compile(rf"<parameter{_TAG}({_VALUE})</parameter>")
_ANSWER_KEYS = frozenset({"name", "content", "tool_call_id"})


class PlainReply(NamedTuple):
    """The names of the tools that a text calls, and whether it begins with reasoning.

    `span` is that of the first call. `arguments` are those of each call; the arguments of a
    function are the raw texts, with the blanks at their ends.
    """

    names: tuple[str, ...] = ()
    reasons: bool = False
    span: Span = Span(0, 0)
    arguments: tuple[dict[str, Any], ...] = ()
    are_texts: bool = False
    """Whether the calls are written as functions."""


class Answer(NamedTuple):
    """The fields that pair an answer with its call, and whether the answer is an error."""

    call_id: str | None
    name: str | None
    verdict: Verdict


PROSE = PlainReply()
"""A text that calls nothing and does not reason."""


def plain_reply(text: str) -> PlainReply | None:
    """Return the calls of a model's text; None if the full readers must read it."""
    reasons, rest = False, text
    if text.startswith(_THINK_OPEN):
        end = text.find(_THINK_CLOSE)
        if end < 0 or text.count("<", 0, end + 1) != 2:
            return None
        reasons = not text[len(_THINK_OPEN) : end].isspace() and end > len(_THINK_OPEN)
        rest = text[end + len(_THINK_CLOSE) :]
        if not rest or rest.isspace():
            return None
    if _FUNCTION in rest:
        return _plain_functions(text, len(text) - len(rest), reasons=reasons)
    marks = rest.count("<")
    calls = rest.count(OPEN) if marks else 0
    if not calls and rest is text:
        return PROSE if _is_prose(text) else None
    if marks != 2 * calls or "```" in text or "&lt;" in text:
        return None
    if not calls:
        missed = foreign_format(text) or bare_call_json(rest)
        return None if missed else PlainReply((), reasons)
    names, arguments = [], []
    for block in rest.split(OPEN)[1:]:
        body, close, _ = block.partition(CLOSE)
        called = _plain_call(body) if close else None
        if called is None:
            return None
        names.append(called[0])
        arguments.append(called[1])
    start = text.index(OPEN, len(text) - len(rest))
    span = Span(start, text.index(CLOSE, start) + len(CLOSE))
    return PlainReply(tuple(names), reasons, span, tuple(arguments))


def _plain_functions(text: str, end: int, *, reasons: bool) -> PlainReply | None:
    """Return the functions of a text whose reasoning ends at `end`; None as `plain_reply`."""
    if "```" in text or has_reasoning_tag(text[end:]):
        return None
    names, spans, arguments = list[str](), list[Span](), list[dict[str, Any]]()
    while mark := MARK.search(text, end):
        start = mark.start()
        function = _SOUND_FUNCTION.match(text, start)
        if function is None or text[start - 1 : start] == "`":
            return None
        end = function.end()
        parameters = _PARAMETER.findall(text, start, end)
        given = dict(parameters)
        if len(parameters) != len(given):
            return None
        names.append(function[2])
        arguments.append(given)
        is_last = not function[1] and not text[end:].strip()
        spans.append(Span(start, len(text) if is_last else end))
    if not names:
        return None
    return PlainReply(tuple(names), reasons, spans[0], tuple(arguments), are_texts=True)


def is_unmarked(text: str) -> bool:
    """Return whether nothing in a text opens a call or reasoning."""
    # Without these characters a code fence does not matter either.
    if "<" not in text and "&lt;" not in text:
        return True
    return not has_mark(text) and not has_reasoning_tag(text)


def _is_prose(text: str) -> bool:
    """Return whether a text holds neither calls nor reasoning for any reader."""
    return is_unmarked(text) and not bare_call_json(text) and not foreign_format(text)


def _plain_call(body: str) -> tuple[str, dict[str, Any]] | None:
    """Return the name and arguments of the call in a block, None if anything about it is odd."""
    body = body.lstrip(" \n")
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    if type(value) is not dict or len(value) != 2:
        return None
    name, arguments = value.get("name"), value.get("arguments")
    if type(name) is not str or type(arguments) is not dict or not arguments or name.isspace():
        return None
    return (name, arguments) if name and _is_plain_json(body, value) else None


def _is_plain_json(body: str, value: dict[str, Any]) -> bool:
    """Return whether a body repeats no key, has no surrogate escape and is not deeply nested."""
    return (
        not may_repeat_key(value, body.count(":"))
        and "\\u003" not in body
        and "\\ud" not in body
        and "\\uD" not in body
        and body.count("{") + body.count("[") <= _MAX_BRACKETS
    )


def plain_arguments(text: str) -> dict[str, Any] | None:
    """Return the arguments of a call, None if they are not the JSON of an object."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return None
    return value if type(value) is dict else None


def plain_answers(text: str) -> list[Answer] | None:
    """Return the answers in a text that starts with one; None if the full readers must read it."""
    head, *blocks = text.split(ANSWER_OPEN)
    if head or not blocks:
        return None
    answers = []
    for block in blocks:
        body, close, rest = block.partition(ANSWER_CLOSE)
        answer = _answer(body.strip()) if close and (not rest or rest.isspace()) else None
        if answer is None:
            return None
        answers.append(answer)
    return answers


def _answer(body: str) -> Answer | None:
    if body[:1] not in ("{", "["):
        return Answer(None, None, judge(body))
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    if type(value) is not dict or "content" not in value or not value.keys() <= _ANSWER_KEYS:
        return None
    call_id, name, content = value.get("tool_call_id"), value.get("name"), value["content"]
    if (call_id is not None and not _is_name(call_id)) or (name is not None and not _is_name(name)):
        return None
    # A body of only `content` wraps an answer; with a null name or id it is itself the answer.
    if call_id is None and name is None and len(value) > 1:
        return Answer(None, None, judge(value))
    judged = content if type(content) in (str, dict) else quick_text(content)
    return Answer(call_id, None if name == "unknown" else name, judge(judged))


def _is_name(value: Any) -> bool:
    return type(value) is str and bool(value)
