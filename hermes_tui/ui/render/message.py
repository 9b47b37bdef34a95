"""The message pane: the whole selected message, as plain text, Markdown or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from hermes_tui.log.query import calls_of_turn, describe, findings_at, message_of
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestFailed,
    RunEnded,
    RunStarted,
    SourceDefect,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.model.messages import Message, ToolResult
from hermes_tui.model.wording import counted, duration
from hermes_tui.ui.render.document import Document, Line, StyledSpan, styled_line
from hermes_tui.ui.render.json_lines import indented, unfolded_lines
from hermes_tui.ui.render.marked import Mark, marked_lines
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.rows import ROLE_STYLES, characters, clock, reason_without_quote
from hermes_tui.ui.view_model import ViewState

MODES = ("plain", "markdown", "json")
MAX_STYLED = 200_000
"""Characters of a text that is styled; a longer one is shown plain, as styling would be felt."""
MAX_LAID_OUT = 8_000_000
MAX_VALUES = 30_000
"""Most characters of JSON that is laid out, and most values in JSON longer than `MAX_STYLED`: about
as many as shorter JSON may have."""


def message_page(view: ViewState) -> Document:
    """Return what the message pane shows for the row under the cursor."""
    event = view.event
    if event is None:
        return Document.from_text("")
    page = Page()
    finding = view.timeline.finding(view.row)
    if finding is not None:
        page.heading(f"{finding.severity} {finding.code}", str(finding.severity))
        page.line(finding.message)
        if finding.hint:
            page.line(f"→ {finding.hint}", "hint")
        page.blank()
    match event:
        case MessageAppended():
            _add_message(page, event.message, view)
        case ToolCallProposed():
            owner = message_of(view.timeline, event.seq)
            if owner is not None:
                which = f"call {event.call.index + 1} of this message "
                page.line(which + view.keys.format("({pane-3} shows the calls)"), "dim")
                _add_message(page, owner.message, view)
        case ToolReturned(result=result) | ToolFailed(result=result):
            _add_result(page, result, view.mode)
            if event.printed:
                page.blank()
                page.line("printed by the tool, not seen by the model", "dim")
                page.text(event.printed.removesuffix("\n"))
        case _:
            _add_other(page, event, view)
    if finding is None:
        _add_findings(page, view)
    return page.document()


def message_text(view: ViewState) -> str | None:
    """Return the bare text of the message or result under the cursor, or None for other rows."""
    match view.event:
        case MessageAppended(message=message) if view.timeline.finding(view.row) is None:
            return message.text
        case ToolReturned(result=result) | ToolFailed(result=result):
            return result.content
        case _:
            return None


def _add_findings(page: Page, view: ViewState) -> None:
    findings = findings_at(view.timeline, view.row)
    if not findings:
        return
    page.blank()
    for finding in findings:
        page.line(f"{finding.severity} {finding.code}: {finding.message}", str(finding.severity))
        if finding.hint:
            page.line(f"→ {finding.hint}", "hint", indent=2)


def _add_message(page: Page, message: Message, view: ViewState) -> None:
    style = f"role.{message.role}" if message.role in ROLE_STYLES else "role.other"
    facts = [
        message.author and f"as {message.author}",
        f"turn {view.timeline.turn(view.row)}",
        clock(message.time_s),
        characters(message.text),
        message.finish_reason and f"finish_reason {message.finish_reason}",
        counted(message.calls, "call") if message.calls else "",
        counted(message.results, "result") if message.results else "",
        f"reward {message.reward:g}" if message.reward is not None else "",
        duration(message.duration_s) if message.duration_s is not None else "",
        *message.flags,
    ]
    heading = f"{message.role}  " + " · ".join(fact for fact in facts if fact)
    # One line for both, so that in a narrow pane no single fact takes a row of its own.
    page.pieces((heading, style), (_usage_text(message), "dim"))
    if not message.parts:
        marks = _text_marks(view) if view.mode == "plain" else []
        if marks and len(message.text) <= MAX_STYLED:
            page.extend(marked_lines(message.text, marks))
        else:
            body(page, message.text, view.mode)
        return
    for number, part in enumerate(message.parts, 1):
        size = f", {counted(part.size, 'byte')}" if part.size is not None else ""
        page.line(f"part {number} · {part.kind} {part.media_type}{size}".rstrip(), "dim")
        body(page, part.text, "json" if part.kind == "json" else view.mode)


def _text_marks(view: ViewState) -> list[Mark]:
    """Return the marks in the message's text: calls in the text, then findings with a span.

    Findings of calls that arrived as objects point into their arguments, not into the text.
    """
    timeline = view.timeline
    marks: list[Mark] = []
    in_text = set()
    for row in calls_of_turn(timeline, view.row):
        event = timeline.event(row)
        if isinstance(event, ToolCallProposed) and event.call.span is not None:
            in_text.add(event.seq)
            marks.append((event.call.span, "call"))
    selected = timeline.finding(view.row)
    for finding in [selected] if selected else findings_at(timeline, view.row):
        is_message = isinstance(timeline.log[finding.seq], MessageAppended)
        if finding.span is not None and (finding.seq in in_text or is_message):
            is_whole_call = any(finding.span == span for span, _ in marks)
            if not is_whole_call:
                marks.append((finding.span, "damage"))
    return marks


def _usage_text(message: Message) -> str:
    usage = message.usage
    if usage is None:
        return ""
    parts = [
        ("in", usage.prompt_tokens),
        ("out", usage.completion_tokens),
        ("cached", usage.cached_tokens),
        ("reasoning", usage.reasoning_tokens),
    ]
    text = " · ".join(f"{name} {count:,}" for name, count in parts if count is not None)
    cost = f" · ${usage.cost_usd:.4f}" if usage.cost_usd is not None else ""
    return f" · tokens: {text}{cost}" if text else cost


def _add_result(page: Page, result: ToolResult, mode: str) -> None:
    facts = [
        result.name and f"of {result.name}",
        f"for call {result.call_id}" if result.call_id else "without a call id",
        f"exit code {result.exit_code}" if result.exit_code is not None else "",
        duration(result.duration_s) if result.duration_s is not None else "",
        characters(result.content),
    ]
    page.heading("result  " + " · ".join(fact for fact in facts if fact), "role.tool")
    if result.error is not None:
        how = "the source says so" if result.error.kind == "flag" else "it reads like one"
        style = "error" if result.error.kind == "flag" else "warning"
        reason = reason_without_quote(result.error.reason, result.content)
        page.line(f"error ({how}): {reason}", style)
    body(page, result.content, mode)


def _add_other(page: Page, event: Event, view: ViewState) -> None:
    match event:
        case RunStarted():
            page.heading("the run begins")
            _add_run_start(page, event)
        case RunEnded():
            page.heading("the run ends")
            page.line(describe(event))
            page.fields(event.scores, event.details)
        case RequestFailed():
            page.heading("request failed")
            page.line(event.message, "error")
            from hermes_tui.ui.render.broken_reply import add_broken_reply

            # Before the causes, as a small pane shows the beginning only.
            is_broken_reply = add_broken_reply(page, event.body, view.keys)
            if is_broken_reply:
                page.blank()
            for number, link in enumerate(event.chain):
                page.line(f"{'  ' * number}caused by {link}" if number else link, "dim")
            if event.status is not None:
                page.line(f"HTTP status {event.status}, attempt {event.attempt}")
            if not is_broken_reply:
                body(page, event.body, "json")
        case SourceDefect():
            page.heading("malformed place")
            page.line(event.message, "warning" if event.partial else "error")
            page.line(event.excerpt)
        case _:
            from hermes_tui.ui.render.event_page import event_page

            event_page(page, view.timeline.log, event)


def _add_run_start(page: Page, event: RunStarted) -> None:
    page.fields(
        {
            "run": event.run_id,
            "task": event.task,
            "model": event.model,
            "format": event.source_format,
            "group": event.group_id,
            "parser": event.parser,
        },
        event.details,
    )
    if not event.tools_declared:
        page.line("tools: not declared in the source", "dim")
        return
    page.heading(counted(len(event.tools), "tool"), "heading")
    for tool in event.tools:
        page.line(tool.name, "key")
        if tool.description:
            page.text(tool.description, indent=2)
        if tool.parameters is not None:
            page.extend(unfolded_lines(indented(tool.parameters), 2))


def body(page: Page, text: str, mode: str) -> None:
    """Add a text in the mode `mode`, or plain if that is not possible.

    A text that is too long for its mode is preceded by a line that says so.
    """
    pretty = pretty_json(text) if mode == "json" else None
    if pretty is not None:
        page.extend(unfolded_lines(pretty))
        return
    if len(text) > MAX_STYLED:
        if mode != "plain":
            page.line(f"{characters(text)}: shown plain", "dim")
        page.text(text)
        return
    if mode == "markdown":
        page.extend(_markdown_lines(text.split("\n")))
        return
    page.text(text)


def pretty_json(text: str) -> str | None:
    """Return `text` as indented JSON, or None if it is no JSON object or list, or too large."""
    value = json_value(text)
    if value is None or (len(text) > MAX_STYLED and _has_many_values(value)):
        return None
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def json_value(text: str) -> Any:
    """Return the JSON object or list in `text`, or None if it is neither, or too long."""
    if len(text) > MAX_LAID_OUT or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _has_many_values(value: Any) -> bool:
    """Return whether a JSON value contains more than `MAX_VALUES` values."""
    pending, count = [value], 0
    while pending and count <= MAX_VALUES:
        match pending.pop():
            case dict() as container:
                count += len(container)
                pending.extend(islice(container.values(), MAX_VALUES))
            case list() as container:
                count += len(container)
                pending.extend(islice(container, MAX_VALUES))
            case _:
                pass
    return count > MAX_VALUES


_INLINE = re.compile(r"`[^`\n]+`|\*\*[^*\n]+\*\*")


def _markdown_lines(lines: Iterable[str]) -> list[Line]:
    """Style headings, quotes, bullets, fences, `code` and **bold**; keep every character."""
    styled: list[Line] = []
    fenced = False
    for text in lines:
        bare = text.lstrip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
            styled.append(styled_line(text, "dim"))
        elif fenced:
            styled.append(styled_line(text, "code"))
        elif re.match(r"#{1,6} ", bare):
            styled.append(styled_line(text, "heading"))
        elif bare.startswith(">"):
            styled.append(styled_line(text, "dim"))
        else:
            styled.append(Line(text, tuple(_inline_spans(text))))
    return styled


def _inline_spans(text: str) -> Iterable[StyledSpan]:
    bullet = re.match(r"\s*([-*+]|\d+\.) ", text)
    if bullet:
        yield StyledSpan(bullet.start(1), bullet.end(1), "key")
    for found in _INLINE.finditer(text):
        style = "code" if found.group()[0] == "`" else "strong"
        yield StyledSpan(found.start(), found.end(), style)
