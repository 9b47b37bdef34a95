"""Gemini contents: the messages of users, models and tools in the form of Google's API.

    request = {"contents": [content, …] | content | text, "systemInstruction"?, "tools"?, "model"?}
    content = {"role"?: "user" | "model" | "function", "parts": [part, …]}
    part    = {"text", "thought"?} | {"functionCall": {"name", "args", "id"?}} | {"inlineData", …}
            | {"functionResponse": {"name", "response", "id"?}} | {"executableCode"} | …

Dumps of the Python library write the keys in snake case and fill what is absent with null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import ErrorMark, ToolResult, ToolSpec, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message
from hermes_tui.parsers.tool_errors import judge
from hermes_tui.parsers.tool_results import error_findings

_PART_KEYS = frozenset(
    {
        "text",
        "thought",
        "functionCall",
        "functionResponse",
        "inlineData",
        "fileData",
        "executableCode",
        "codeExecutionResult",
    }
)
_ROLES = frozenset({"user", "model", "function", "system", "tool"})
_FOREIGN_KEYS = frozenset({"kind", "part_kind", "type", "messageId"})
"""Keys of other formats whose messages have `parts` too."""


def is_content(value: Any) -> bool:
    """Return whether `value` is a content; an object with only a role is not."""
    if not isinstance(value, dict) or not _FOREIGN_KEYS.isdisjoint(value):
        return False
    parts = value.get("parts")
    role = value.get("role")
    if not isinstance(parts, list) or not (role is None or isinstance(role, str)):
        return False
    if role is not None and role not in _ROLES:
        return False
    known = [isinstance(part, dict) and _is_part(part) for part in parts[:20]]
    return all(known) and (bool(known) or role is not None)


def is_request(value: Any) -> bool:
    """Return whether `value` is the body of a request for content."""
    if not isinstance(value, dict):
        return False
    contents = value.get("contents")
    listed = contents if isinstance(contents, list) else [contents]
    return bool(listed) and fields.mostly(listed[:50], is_content)


def contents_of(request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the contents of a request with their JSON Pointers, the system instruction first."""
    for key in ("systemInstruction", "system_instruction"):
        if instruction := request.get(key):
            parts = instruction if isinstance(instruction, dict) else {"parts": instruction}
            yield f"/{key}", {**parts, "role": "system"}
    contents = request.get("contents")
    if isinstance(contents, list):
        yield from ((f"/contents/{index}", item) for index, item in enumerate(contents))
    elif contents is not None:
        yield "/contents", contents


def tools_of(request: dict[str, Any]) -> tuple[ToolSpec, ...] | None:
    """Return the functions that a request declares, or None if it declares none."""
    tools = request.get("tools")
    declared: list[Any] = []
    for tool in fields.as_list(tools):
        functions = member(tool, "functionDeclarations") if isinstance(tool, dict) else None
        for function in fields.as_list(functions):
            if isinstance(function, dict) and function.get("parameters") is None:
                function = {**function, "parameters": member(function, "parametersJsonSchema")}
            declared.append(function)
    return tool_specs(declared) if declared else None


def message_of(content: Any) -> dict[str, Any]:
    """Return a content as a chat message. Its role is `tool` if it holds only results of calls."""
    if not isinstance(content, dict):
        return {"role": "user", "content": content}
    parts = content.get("parts")
    parts = parts if isinstance(parts, list) else [parts]
    chat_parts = [_part(part) for part in parts if part is not None]
    role = content.get("role")
    are_results = bool(chat_parts) and all(_is_result(part) for part in chat_parts)
    role = "tool" if are_results else role if isinstance(role, str) and role else "user"
    return {"role": role, "content": chat_parts or None}


def append_content(build: RunBuilder, content: Any, pointer: str) -> None:
    """Append a content with its calls and results."""
    if not isinstance(content, (dict, str)):
        build.defect("not a content", content, pointer=pointer)
        return
    build.append(normalised(message_of(content)), pointer)


def normalised(message: dict[str, Any]) -> Normalised:
    """Normalise a message of `message_of`; unwrap its results."""
    parts = normalise_message(message, text_calls=TextCalls.SUSPECT)
    results = tuple(plain_result(result, diagnostics) for result, diagnostics in parts.results)
    return parts._replace(results=results)


def plain_result(
    result: ToolResult, diagnostics: tuple[Diagnostic, ...]
) -> tuple[ToolResult, tuple[Diagnostic, ...]]:
    """Return a result as its tool wrote it, without the API's wrapper `{"output": text}`.

    An `error` in place of the output is the API's own error flag. Other results are unchanged.
    """
    raw = result.raw if isinstance(result.raw, dict) else {}
    response = raw.get("response")
    if not isinstance(response, dict) or len(response) != 1:
        return result, diagnostics
    if isinstance(output := response.get("output"), str):
        judged = judge(output)
        error = result.error or judged.error
        result = changed(result, content=output, error=error, exit_code=judged.exit_code)
        return result, error_findings(error)
    if error := response.get("error"):
        text = fields.json_text(error)
        exit_code = judge(text).exit_code
        mark = ErrorMark("flag", f"error: {f'exit code {exit_code}' if exit_code else title(text)}")
        result = changed(result, content=text, error=mark, exit_code=exit_code)
        return result, error_findings(mark)
    return result, diagnostics


def _part(part: Any) -> Any:
    """Return a part in the form of chat messages; calls and results are unchanged."""
    if not isinstance(part, dict):
        return part
    part = {fields.camel_case(key): value for key, value in part.items() if value is not None}
    text = part.get("text")
    if isinstance(text, str):
        thought = part.get("thought") is True
        return {"type": "thinking", "thinking": text} if thought else {"type": "text", "text": text}
    file_data = part.get("fileData")
    if isinstance(file_data, dict):
        return {
            "type": "file",
            "file_url": member(file_data, "fileUri"),
            "mime_type": member(file_data, "mimeType"),
        }
    return part


def _is_part(part: dict[str, Any]) -> bool:
    return any(fields.camel_case(key) in _PART_KEYS for key in part) and "type" not in part


def _is_result(part: Any) -> bool:
    return isinstance(part, dict) and "functionResponse" in part


def member(raw: dict[str, Any], key: str) -> Any:
    """Return a member by its name in camel case or in snake case."""
    found = raw.get(key)
    return found if found is not None else raw.get(fields.snake_case(key))
