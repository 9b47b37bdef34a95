"""Decides whether a tool's answer is an error, and on what evidence.

The checks, in order: a flag next to the content (`flag`); a body that names an error, as JSON or as
a printed Python dictionary; a text that begins like an error message; a traceback anywhere; a
non-zero exit code (all `heuristic`). An exit code alone does not mean that the tool failed: `grep`
without a match has one too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.model.messages import ErrorMark
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.content_parts import text_of
from hermes_tui.parsers.literals import PYTHON, read_literal
from hermes_tui.parsers.plain_values import decode, json_text

_FLAG_KEYS = ("is_error", "isError")
_BAD_STATUS = frozenset({"error", "failed"})
_EXIT_KEYS = ("exit_code", "returncode", "exitCode", "return_code")
_VERDICT_KEYS = ("error", "success", "isError", "is_error", *_EXIT_KEYS)
_BODY_WORDS = (*(f'"{word}"' for word in _VERDICT_KEYS), '"status"', "Traceback")
_PRINTED_WORDS = tuple(word.replace('"', "'") for word in _BODY_WORDS)
_ERROR_KEYS = frozenset({*_VERDICT_KEYS, "status", "extra"})
"""Keys next to the content that may indicate an error."""
_MAX_BODY = 4_000_000
_MAX_REPR = 50_000
"""Like `_MAX_BODY`, for printed Python dictionaries, which take far longer to read."""
_WINDOW = 2_000
"""How many characters at either end of a long text are searched for an exit code."""

_ERROR_START = re.compile(
    r"\s{0,20}+(?:\[?error\b(?!-?free)|exception\b|traceback\b|fatal:|failed\b|<tool_use_error>"
    r"|tool execution failed|an error occurred when calling tool\b|unknown (?:tool|function)\b"
    r"|tool \S{1,80}+ does not exists?\b|invalid json in arguments\b"
    r"|(?:ran into )?\[errno \d"
    r"|[\w.]{1,80}+(?<=error|ption):)",
    re.IGNORECASE,
)
_TRACEBACK = "Traceback (most recent call last)"
_EXIT_CODE = re.compile(
    r"(?:exit(?:ed)?(?: with)?[ _](?:code|status)|<returncode>|returncode)\W{0,4}?(-?\d{1,6})\b",
    re.IGNORECASE,
)


class Verdict(NamedTuple):
    """Whether an answer is an error, and the exit code that it names."""

    error: ErrorMark | None = None
    exit_code: int | None = None


_NO_ERROR = Verdict()


def judge(content: Any, raw: Any = None) -> Verdict:
    """Judge `content` (text or a decoded body) and `raw`, the mapping that contains it."""
    code: int | None = None
    # `dict` comes first because checking against an abstract class is slow.
    if isinstance(raw, (dict, Mapping)) and not _ERROR_KEYS.isdisjoint(raw):
        flagged = _flag_reason(raw, content)
        code = _exit_code(raw)
        if code is None and isinstance(extra := raw.get("extra"), Mapping):
            code = _exit_code(extra)
        if flagged:
            if code is None and isinstance(content, str):
                code = _judge_text(content).exit_code
                flagged = _with_exit(flagged, code)
            return Verdict(ErrorMark("flag", flagged), code)
    # Nearly all are texts, so that check comes first: the one against an abstract class is slow.
    is_text = isinstance(content, str) or not isinstance(content, Mapping)
    found = _judge_text(content) if is_text else _judge_body(content)
    if code is None:
        return found
    return Verdict(found.error or _exit_error(code), code)


def _flag_reason(raw: Mapping[str, Any], content: Any) -> str:
    """Return the reason that a flag next to the content gives, empty if there is none."""
    for key in _FLAG_KEYS:
        if raw.get(key) is True or raw.get(key) == 1:
            return _reason(key, content)
    error = raw.get("error")
    if error and error is not content:
        return _reason("error", content) if error is True else f"error: {_short(error)}"
    if status := _bad_status(raw):
        return _reason(f"status {status}", content)
    return _reason("success: false", content) if raw.get("success") is False else ""


def _with_exit(reason: str, code: int | None) -> str:
    """Return a reason with the exit code appended, unless it already mentions it."""
    return f"{reason} (exit code {code})" if code and str(code) not in reason else reason


def _reason(what: str, content: Any) -> str:
    text = _short(content)
    if text[:5].lower() == "error":
        return text
    return f"{what}: {text}" if text else what


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = value.get("message", value.get("error", value.get("content")))
        value = inner if isinstance(inner, str) else value
    if isinstance(value, list):
        value = next((text for item in value if (text := text_of(item))), value)
    return _heading(value if isinstance(value, str) else json_text(value)) if value else ""


def _heading(text: str) -> str:
    """Return the first line of `text`, with the next one if it ends with a colon."""
    head = first_line(text)
    if not head.endswith(":"):
        return head
    rest = text.lstrip()[len(head) :][:_WINDOW].strip()
    return first_line(f"{head} {rest}")


def _judge_text(content: Any) -> Verdict:
    if not isinstance(content, str) or not content:
        return _NO_ERROR
    if content[0] in "{ \n\t":
        body = _body(content)
        if body is not None:
            return _judge_body(body, _TRACEBACK in content)
    code = _code_in_text(content)
    starts_as_error = _ERROR_START.match(content) is not None
    if _TRACEBACK in content and (not starts_as_error or content.lstrip()[:1] == "T"):
        return Verdict(_traceback(content), code)
    if starts_as_error:
        return Verdict(ErrorMark("heuristic", _heading(content)), code)
    return Verdict(_exit_error(code), code) if code is not None else _NO_ERROR


def _body(content: str) -> Mapping[str, Any] | None:
    text = content.lstrip() if content[0] != "{" else content
    if text[:2] == "{'":
        return _printed_body(text)
    if text[:1] != "{" or len(text) > _MAX_BODY or not any(word in text for word in _BODY_WORDS):
        return None
    body = decode(text)
    return body if isinstance(body, dict) else None


def _printed_body(text: str) -> Mapping[str, Any] | None:
    """Return the dictionary that `str` printed, as TRL does with tool results; None if none."""
    if len(text) > _MAX_REPR or not any(word in text for word in _PRINTED_WORDS):
        return None
    found = read_literal(text, 0, len(text))
    is_whole = found.rung == PYTHON and not text[found.span.end :].strip()
    return found.value if is_whole and isinstance(found.value, dict) else None


def _judge_body(body: Mapping[str, Any], traceback: bool = False) -> Verdict:
    """Judge a JSON body, and the objects one level down in its `content` or `metadata`."""
    inner = [v for k in ("content", "metadata") if isinstance(v := body.get(k), dict)]
    levels = [level for level in (body, *inner) if not _ERROR_KEYS.isdisjoint(level)]
    if not levels and not traceback:
        return _NO_ERROR
    code = next((c for level in levels if (c := _exit_code(level)) is not None), None)
    for level in levels:
        if reason := _body_error(level):
            return Verdict(ErrorMark("heuristic", reason), code)
    if code is not None:
        return Verdict(_exit_error(code), code)
    if traceback and not any(key in level for level in levels for key in _VERDICT_KEYS):
        return Verdict(ErrorMark("heuristic", "the result contains a Python traceback"))
    return _NO_ERROR


def _body_error(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    if error and not isinstance(error, (int, float)):
        return f"error: {_short(error)}"
    message = body.get("message", body.get("output", body.get("content")))
    if error is True:
        return _reason("error", message)
    if body.get("success") is False:
        return _reason("success: false", message)
    if body.get("isError") is True or body.get("is_error") is True:
        return _reason("isError", message)
    status = _bad_status(body)
    return _reason(f"status {status}", message) if status else ""


def _bad_status(raw: Mapping[str, Any]) -> str:
    """Return the status if it is that of a failure, else ""."""
    status = raw.get("status")
    return status if isinstance(status, str) and status.lower() in _BAD_STATUS else ""


def _exit_code(raw: Mapping[str, Any]) -> int | None:
    for key in _EXIT_KEYS:
        code = raw.get(key)
        if isinstance(code, int) and not isinstance(code, bool):
            return code
    return None


def _code_in_text(text: str) -> int | None:
    if len(text) > 2 * _WINDOW:
        text = f"{text[:_WINDOW]}\n{text[-_WINDOW:]}"
    if "xit" not in text and "eturncode" not in text:
        return None
    found = _EXIT_CODE.search(text)
    return int(found[1]) if found else None


def _exit_error(code: int | None) -> ErrorMark | None:
    return ErrorMark("heuristic", f"exit code {code}") if code else None


def _traceback(text: str) -> ErrorMark:
    """Return the exception, which is in the first line after the frames that is not indented."""
    tail = text[text.rfind(_TRACEBACK) :][:20_000].strip().split("\n")
    last = next((line for line in tail[1:] if line[:1] not in ("", " ", "\t")), tail[0])
    return ErrorMark("heuristic", first_line(last))
