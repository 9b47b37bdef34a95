"""Calls that were left in the reasoning of a reply that has no content and no calls."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Reasoning, ToolSpec
from hermes_tui.parsers.embedded import bare_call_json
from hermes_tui.parsers.marks import has_mark
from hermes_tui.parsers.reasoning_tags import Thought
from hermes_tui.parsers.recognise import foreign_format
from hermes_tui.parsers.text_calls import listed, may_hold_call


def with_call_in_reasoning(
    found: list[Diagnostic],
    text: str,
    thoughts: Sequence[Thought],
    reasoning: Sequence[Reasoning],
    tools: Sequence[ToolSpec] = (),
) -> list[Diagnostic]:
    """Return the findings of a message without calls, with an error if its reasoning holds one.

    Without `tools` only a call with markers, or JSON that is nothing but a call, counts.
    """
    if any(one.severity is Severity.ERROR for one in found) or _has_content(text, thoughts):
        return found
    error = _call_in_reasoning(reasoning, tools)
    if error is None:
        return found
    return [*(one for one in found if one.code is not error.code), error]


def _call_in_reasoning(
    reasoning: Sequence[Reasoning], tools: Sequence[ToolSpec]
) -> Diagnostic | None:
    """Return the error for a call in the reasoning of an otherwise empty message, None if none."""
    from hermes_tui.parsers.auto import Auto

    for piece in reasoning:
        if piece.kind == "encrypted" or not may_hold_call(piece.text):
            continue
        if not tools and not _is_marked(piece.text):
            continue
        names = [call.name for call in Auto().parse(piece.text, tools).calls if call.name]
        if names:
            return Diagnostic(
                Code.MARKER_IN_REASONING,
                Severity.ERROR,
                f"a call is left in {piece.field} ({listed(names)}), and the message has no "
                "text and no call",
                piece.span,
                "the model called before it closed its reasoning, or the server's "
                "--reasoning-parser kept the call: servers read calls only from the content "
                "after it; choose a --reasoning-parser that fits the model, or leave it out",
            )
    return None


def _has_content(text: str, thoughts: Sequence[Thought]) -> bool:
    """Return whether a text contains anything besides its reasoning."""
    position = 0
    for whole, _, _ in thoughts:
        if text[position : whole.start].strip():
            return True
        position = whole.end
    return bool(text[position:].strip())


def _is_marked(text: str) -> bool:
    return has_mark(text) or bool(foreign_format(text)) or bool(bare_call_json(text))
