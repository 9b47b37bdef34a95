"""Tool results: whole tool messages, several in one, content parts, `<tool_response>` in text.

    block := "<tool_response>" body "</tool_response>"
    body  := {"tool_call_id", "name", "content", …} | {"name", "content", …}
           | {"content"} | {"content", "is_error"} | any text

Any other JSON is the answer itself. A JSON body may contain the closing tag inside a string, so a
body is first read as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ErrorMark, ToolResult, changed
from hermes_tui.parsers.content_parts import read_content
from hermes_tui.parsers.measures import duration_of
from hermes_tui.parsers.plain_values import json_text, plain_loads, plain_text
from hermes_tui.parsers.tool_errors import judge

Found = tuple[ToolResult, tuple[Diagnostic, ...]]

OPEN = "<tool_response>"
CLOSE = "</tool_response>"

_ID_KEYS = ("tool_call_id", "call_id", "tool_use_id", "toolCallId", "toolUseId")
_NAME_KEYS = ("name", "tool_name", "toolName", "function")
_CONTENT_KEYS = ("content", "output", "response", "result", "value")
_WRAPPERS = ("functionResponse", "tool_response", "tool_result", "toolResult")
_TYPED_OUTPUTS = frozenset({"text", "json", "content", "error-text", "error-json"})
_DENIED = "execution-denied"
_END = re.compile(rf"{CLOSE}(?=\s*+(?:{OPEN}|\Z))")
_BLANK = re.compile(r"\s*+")
_NEXT_OPEN = re.compile(rf"\s*+{OPEN}")
_ENVELOPE_KEYS = frozenset({"content", "is_error"})
"""Keys of a body that wraps an answer although it names neither a call nor a tool."""
_DECODER = json.JSONDecoder()


def whole_result(raw: Mapping[str, Any], text: str) -> Found:
    """Return the result in the tool message `raw`. `text` is its content as shown."""
    call_id = _text_at(raw, _ID_KEYS)
    if call_id is None and "tool_call_id" not in raw and isinstance(raw.get("id"), str):
        call_id = raw["id"]
    body = raw.get("content")
    judged = body if isinstance(body, dict) else text
    return _result(text, call_id, _text_at(raw, _NAME_KEYS), raw, judged)


def several_results(responses: list[Any]) -> list[Found]:
    """Return the results in the `tool_responses` of AG2 and of AutoGen 0.2."""
    found = []
    for response in responses:
        raw = response if isinstance(response, dict) else {"content": response}
        found.append(whole_result(raw, read_content(raw.get("content")).shown()))
    return found


def part_result(part: dict[str, Any]) -> Found:
    """Return the result in a content part."""
    for key in _WRAPPERS:
        if isinstance(inner := part.get(key), dict):
            part = inner
            break
    content = next((part[key] for key in _CONTENT_KEYS if key in part), None)
    failed, content = _typed_output(part, content)
    text = read_content(content).shown()
    call_id = _text_at(part, (*_ID_KEYS, "id"))
    judged = content if isinstance(content, dict) else text
    raw = {**part, "error": True} if failed else part
    result, found = _result(text, call_id, _text_at(part, _NAME_KEYS), raw, judged)
    return (changed(result, raw=part), found) if failed else (result, found)


def _typed_output(part: Mapping[str, Any], content: Any) -> tuple[bool, Any]:
    """Return whether a result of the AI SDK failed, and its answer; any other content unchanged.

    output = {"type": "text" | "json" | "content" | "error-text" | "error-json", "value"}
           | {"type": "execution-denied", "reason"?}
    part   = {"type": "tool-result", "output": output} | {"type": "tool-error", "error"}
    """
    if part.get("type") == "tool-error":
        return True, part.get("error") or None
    if not isinstance(content, dict):
        return False, content
    kind = content.get("type")
    if kind == _DENIED:
        return True, content.get("reason") or "execution denied"
    if not isinstance(kind, str) or kind not in _TYPED_OUTPUTS or "value" not in content:
        return False, content
    return kind.startswith("error"), content["value"]


def block_results(text: str) -> list[Found]:
    """Return the results in a text that begins with a block, none for any other text."""
    found: list[Found] = []
    opener = _NEXT_OPEN.match(text) if OPEN in text else None
    while opener:
        result, end = _block(text, opener.end())
        found.append(result)
        opener = _NEXT_OPEN.match(text, end)
    return found


def _block(text: str, start: int) -> tuple[Found, int]:
    """Return the result of the block whose body starts at `start`, and where the block ends."""
    body = _skip_blanks(text, start)
    if text.startswith(("{", "["), body) and (found := _json_block(text, body)):
        return found
    closer = _END.search(text, body)
    if closer:
        return _result(text[body : closer.start()].strip()), closer.end()
    nearest = text.find(CLOSE, body)
    if nearest >= 0:
        return _result(text[body:nearest].strip()), nearest + len(CLOSE)
    result, diagnostics = _result(text[body:].strip())
    cut = Diagnostic(Code.UNCLOSED, Severity.WARNING, f"a {OPEN} block is never closed")
    return (result, (*diagnostics, cut)), len(text)


def _json_block(text: str, body: int) -> tuple[Found, int] | None:
    """Return the result and end of a block with a JSON body, None for any other.

    The closing tag may also occur in a string of the body.
    """
    close = text.find(CLOSE, body)
    whole = text[body:close].rstrip(" \t\n\r") if close >= 0 else ""
    try:
        value = plain_loads(whole)
    except ValueError:
        pass
    else:
        return _json_result(value, whole, plain_text), close + len(CLOSE)
    try:
        value, stop = _DECODER.raw_decode(text, body)
    except (ValueError, RecursionError):
        return None
    end = _skip_blanks(text, stop)
    if not text.startswith(CLOSE, end):
        return None
    return _json_result(value, text[body:stop]), end + len(CLOSE)


def _json_result(value: Any, text: str, shown_as: Callable[[Any], str] = json_text) -> Found:
    if not isinstance(value, dict):
        return _result(text, None, None, value)
    name = _text_at(value, _NAME_KEYS)
    call_id = _text_at(value, _ID_KEYS)
    is_named = name is not None or call_id is not None
    if "content" not in value or not (is_named or value.keys() <= _ENVELOPE_KEYS):
        return _result(text, None, None, value, value)
    content = value["content"]
    shown = content if isinstance(content, str) else shown_as(content)
    judged = content if isinstance(content, dict) else shown
    return _result(shown, call_id, None if name == "unknown" else name, value, judged)


def _result(
    text: str,
    call_id: str | None = None,
    name: str | None = None,
    raw: Any = None,
    judged: Any = None,
) -> Found:
    error, exit_code = judge(text if judged is None else judged, raw if raw is not judged else None)
    # `dict` comes first because checking against an abstract class is slow.
    duration = duration_of(raw) if isinstance(raw, (dict, Mapping)) else None
    result = ToolResult(text, call_id, name, error, exit_code, duration, raw)
    return result, error_findings(error)


def error_findings(error: ErrorMark | None) -> tuple[Diagnostic, ...]:
    """Return the finding for an answer that counts as an error, none for any other."""
    if error is None:
        return ()
    severity = Severity.ERROR if error.kind == "flag" else Severity.WARNING
    hint = "" if error.kind == "flag" else "inferred from the result; the source flags no error"
    return (Diagnostic(Code.TOOL_ERROR, severity, error.reason, hint=hint),)


def _text_at(raw: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = raw.get(key)
        if value is None:
            continue
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _skip_blanks(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position
