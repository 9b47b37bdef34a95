"""Replies of Google's API, whole or streamed.

    reply  = {"candidates": [candidate, …], "usageMetadata"?, "modelVersion"?, "promptFeedback"?}
    stream = [reply, …]                     each with a piece of every candidate's parts
    candidate = {"content"?, "finishReason"?, "finishMessage"?, "index"?}

If the server could not parse a call that the model wrote, there is only a `finishReason`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.dialects.gemini_contents import is_content, member, message_of, normalised
from hermes_tui.formats.message_parts import flagged, with_findings
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed
from hermes_tui.model.wording import title

_OUTPUT_KEY = "candidatesTokenCount"
_USAGE_KEYS = (
    "promptTokenCount",
    _OUTPUT_KEY,
    "thoughtsTokenCount",
    "cachedContentTokenCount",
)
_LOST_CALLS = {
    "MALFORMED_FUNCTION_CALL": Code.JSON_INVALID,
    "UNEXPECTED_TOOL_CALL": Code.NAME_UNKNOWN,
    "TOO_MANY_TOOL_CALLS": Code.REPLY_SHAPE,
}
"""The reasons why the server delivered no call although the model wrote one."""

USUAL_REASONS = frozenset({"", "STOP", "MAX_TOKENS", "FINISH_REASON_UNSPECIFIED"})
"""The finish reasons of regular replies."""


def is_reply(value: Any) -> bool:
    """Return whether `value` is a reply, or a piece of one."""
    if not isinstance(value, dict) or "contents" in value:
        return False
    candidates = value.get("candidates")
    if isinstance(candidates, list) and candidates:
        return all(isinstance(one, dict) and _is_candidate(one) for one in candidates[:5])
    return bool(member(value, "usageMetadata") or member(value, "promptFeedback"))


def is_stream(value: Any) -> bool:
    """Return whether `value` is a list of the pieces of one reply."""
    return isinstance(value, list) and fields.mostly(value[:50], is_reply)


def messages_of_reply(reply: Any) -> list[dict[str, Any]]:
    """Return each candidate of a reply, whole or streamed, as a chat message.

    Each has its `finish_reason`, and the server's `finish_message` if it gives one. The first has
    the `usage` of all.
    """
    pieces = _pieces(reply)
    candidates_by_index: dict[int, list[dict[str, Any]]] = {}
    for piece in pieces:
        candidates = piece.get("candidates")
        for position, one in enumerate(fields.as_list(candidates)):
            if isinstance(one, dict):
                index = one.get("index")
                candidates_by_index.setdefault(
                    index if type(index) is int else position, []
                ).append(one)
    messages = [_message(candidates_by_index[index]) for index in sorted(candidates_by_index)]
    if messages:
        messages[0]["usage"] = _usage(pieces)
    return messages


def model_of(reply: Any) -> str:
    """Return the model that a reply, whole or streamed, names."""
    names = (fields.label(piece, "modelVersion", "model_version") for piece in _pieces(reply))
    return next(filter(None, names), "")


def append_reply(build: RunBuilder, reply: Any, pointer: str, turn: int = 0) -> None:
    """Append each candidate of a reply, or why there is none."""
    messages = messages_of_reply(reply)
    for number, message in enumerate(messages, 1):
        parts = with_findings(normalised(message), *findings_of(message))
        build.append(flagged(parts, f"candidate {number}") if number > 1 else parts, pointer)
    if not messages:
        build.add(RequestFailed, pointer=pointer, turn=turn, message=_missing_reply_reason(reply))


def _pieces(reply: Any) -> list[dict[str, Any]]:
    return [piece for piece in (reply if isinstance(reply, list) else [reply]) if is_reply(piece)]


def _message(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the message of one candidate, joined from its pieces."""
    contents = (one.get("content") for one in pieces)
    lists = (content.get("parts") for content in contents if isinstance(content, dict))
    parts = [part for part_list in lists if isinstance(part_list, list) for part in part_list]
    return {
        **message_of({"role": "model", "parts": list(_joined(parts))}),
        "finish_reason": _last(pieces, "finishReason").rpartition(".")[2],
        "finish_message": _last(pieces, "finishMessage"),
    }


def _joined(parts: list[Any]) -> Iterator[Any]:
    """Yield the parts, adjacent pieces of one streamed text joined."""
    texts: list[Any] = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else None
        if texts and (not isinstance(text, str) or texts[0].get("thought") != part.get("thought")):
            yield _whole(texts)
            texts = []
        if isinstance(text, str):
            texts.append(part)
        else:
            yield part
    if texts:
        yield _whole(texts)


def _whole(texts: list[dict[str, Any]]) -> dict[str, Any]:
    return {**texts[0], "text": "".join(part["text"] for part in texts)}


def _last(pieces: list[dict[str, Any]], key: str) -> str:
    values = (member(one, key) for one in reversed(pieces))
    return next((text for text in values if isinstance(text, str) and text), "")


def _usage(pieces: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the token counts of the last piece of a reply that has any, or None."""
    for piece in reversed(pieces):
        counts = member(piece, "usageMetadata")
        if isinstance(counts, dict):
            return usage_of({key: member(counts, key) for key in _USAGE_KEYS})
    return None


def usage_of(counts: dict[str, Any]) -> dict[str, Any]:
    """Return token counts of the API, with the thoughts included in the output.

    Google counts them separately from the candidates; all others count reasoning as output.
    """
    known_counts = {key: count for key, count in counts.items() if count is not None}
    written = [fields.number(known_counts.get(key)) for key in (_OUTPUT_KEY, "thoughtsTokenCount")]
    if output_parts := [count for count in written if count is not None]:
        known_counts[_OUTPUT_KEY] = sum(output_parts)
    return known_counts


def findings_of(message: dict[str, Any]) -> Iterator[Diagnostic]:
    """Yield the finding for a reply that ended irregularly: a lost call, or a filter."""
    reason = message["finish_reason"]
    if reason in USUAL_REASONS:
        return
    lost = _LOST_CALLS.get(reason)
    what = "the model's call was not delivered" if lost else "the reply was stopped"
    message_text = ": ".join(filter(None, (reason, title(message["finish_message"]))))
    severity = Severity.ERROR if lost or not message.get("content") else Severity.WARNING
    yield Diagnostic(lost or Code.REPLY_SHAPE, severity, f"{what}: {message_text}")


def _missing_reply_reason(reply: Any) -> str:
    for piece in reversed(_pieces(reply)):
        feedback = member(piece, "promptFeedback")
        if isinstance(feedback, dict):
            reason = member(feedback, "blockReason")
            return f"the prompt was blocked: {fields.excerpt(reason or 'no reason given')}"
    return "the reply has no candidate"


def _is_candidate(candidate: dict[str, Any]) -> bool:
    content = candidate.get("content")
    if isinstance(content, dict):
        return is_content(content) or content.keys() <= {"role", "parts"}
    return bool(member(candidate, "finishReason") or member(candidate, "safetyRatings"))
