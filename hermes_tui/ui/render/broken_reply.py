"""What the message pane shows of a reply whose stream failed before its end."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hermes_tui.formats.streams.sse import join_chunks, looks_like_sse, read_sse
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.render.calls import LONGEST_NAME
from hermes_tui.ui.render.page import Page

MAX_JOINED = 2_000_000
"""Most characters of a stream that is joined; a longer one is shown as it arrived."""
_REASONING_KEYS = ("reasoning_content", "reasoning")


def add_broken_reply(page: Page, body: str, keys: KeyNames) -> bool:
    """Add the texts and calls that the stream `body` contains; return whether it has any."""
    reasoning, content, calls = _arrived(body) if len(body) <= MAX_JOINED else ("", "", ())
    if not (reasoning or content or calls):
        return False
    page.blank()
    page.line(keys.format("what arrived of the reply ({pane-6} shows it exactly)"), "dim")
    if reasoning:
        page.line(f"{counted(len(reasoning), 'character')} of reasoning", "dim")
        page.text(reasoning, indent=2)
    if content:
        page.text(content)
    for name, arguments in calls:
        page.line(f"→ {visible_line(name or '(no name)', LONGEST_NAME)}", "call")
        page.text(arguments, indent=2)
    return True


@lru_cache(maxsize=4)
def _arrived(body: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return the reasoning, the content and the calls (name, arguments) in a stream."""
    joined = join_chunks(read_sse(body).events) if looks_like_sse(body) else None
    choices = joined.reply.get("choices") if joined is not None else None
    first = choices[0] if isinstance(choices, list) and choices else {}
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, dict):
        return "", "", ()
    reasoning = next(filter(None, (_text(message.get(key)) for key in _REASONING_KEYS)), "")
    calls = message.get("tool_calls")
    functions = [
        call["function"]
        for call in (calls if isinstance(calls, list) else ())
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    pairs = ((_text(each.get("name")), _text(each.get("arguments"))) for each in functions)
    return reasoning, _text(message.get("content")), tuple(pairs)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
