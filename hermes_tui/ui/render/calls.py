"""The tool-calls pane: the normalised calls of the turn, each with its result.

On request, the raw call is shown next to the normalised one, with the differences marked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from hermes_tui.log.findings import Finding
from hermes_tui.log.query import calls_of_turn, findings_at, message_of
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import MessageAppended, ToolCallProposed, ToolFailed, ToolReturned
from hermes_tui.model.messages import ADDED, ArgumentsState, IdState, Origin, ToolCall, ToolResult
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted, shortened
from hermes_tui.ui.key_names import KeyNames, not_shown
from hermes_tui.ui.render.document import Document, Line, StyledSpan
from hermes_tui.ui.render.json_lines import indented, unfolded_lines
from hermes_tui.ui.render.marked import marked_lines
from hermes_tui.ui.render.message import pretty_json
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.raw_beside import raw_beside_normalised
from hermes_tui.ui.render.rows import characters, reason_without_quote
from hermes_tui.ui.run_relations import subagent_of
from hermes_tui.ui.view_model import ViewState

ORIGINS = {
    Origin.OBJECT: "an SDK object",
    Origin.CUSTOM_OBJECT: "a custom-tool SDK object",
    Origin.DICT: 'a dict {"id","type","function":{…}}',
    Origin.FLAT_DICT: 'a flat dict {"name","arguments"}',
    Origin.TEXT: "text that a parser read",
    Origin.UNKNOWN: "a shape that is not known",
}
ARGUMENTS = {
    ArgumentsState.OBJECT: "sent as an object, not as a JSON string",
    ArgumentsState.JSON_STRING: "JSON string of an object",
    ArgumentsState.DOUBLE_ENCODED: "double-encoded: a JSON string inside a JSON string",
    ArgumentsState.NOT_JSON: "not JSON",
    ArgumentsState.NOT_OBJECT: "JSON, but not an object",
    ArgumentsState.EMPTY: "empty",
    ArgumentsState.NULL: "null",
    ArgumentsState.MISSING: "missing",
}
READ_AS = {
    "json": "its arguments read as JSON",
    "python-literal": "its arguments read as a Python literal",
    "repaired": "repaired here",
    "unclosed": "never closed",
    "failed": "its arguments unreadable",
}
MISSED = "text that no parser read"
GOOD_ARGUMENTS = frozenset({ArgumentsState.JSON_STRING, ArgumentsState.OBJECT})
_EDITED = " edited, as shown below"
PREVIEW_LINES = 12
PREVIEW_WIDTH = 2_000
"""Most characters of each line of the preview."""
LONGEST_NAME, LONGEST_FACT = 100, 1_000
"""Most characters of a name in the heading of a call, and of a fact below it."""
MAX_UNFOLDED = 50_000
"""Most characters of a JSON result that is laid out to show its beginning."""
MAX_CALLS = 40
"""Calls of a turn that are all laid out; if there are more, only those around the chosen one."""
NEIGHBOURS = 10


def calls_page(view: ViewState, width: int) -> tuple[Document, int]:
    """Return the pane's text, and the line at which the call under the cursor begins.

    `width` (cells) is the room for the two columns together.
    """
    page = Page()
    timeline = view.timeline
    if not 0 <= view.row < len(timeline):
        return Document.from_text(""), 0
    rows = calls_of_turn(timeline, view.row)
    turn = timeline.turn(view.row)
    if not rows:
        where = f"in turn {turn:,}" if turn else "before the first turn"
        page.line(f"no tool calls {where}", "dim")
        if next(timeline.rows_from("call", view.row, 1), None) is not None:
            page.line(view.keys.format("{next-call} goes to the next one"), "dim")
        return page.document(), 0
    chosen, _ = selected_call(timeline, view.row)
    page.heading(f"turn {turn}: {counted(len(rows), 'call')}")
    around = bisect_left(rows, chosen) if chosen is not None else 0
    first = max(0, around - NEIGHBOURS) if len(rows) > MAX_CALLS else 0
    shown = rows[first : around + NEIGHBOURS] if len(rows) > MAX_CALLS else rows
    if first:
        page.line(
            view.keys.format(
                f"… {counted(first, 'call')} before, one by one with {{previous-call}}"
            ),
            "dim",
        )
    top = 0
    for row in shown:
        event = timeline.event(row)
        if not isinstance(event, ToolCallProposed):
            continue
        page.blank()
        if row == chosen:
            top = page.length
        raw_width = width if view.raw_beside else 0
        _add_call(page, view, row, event.call, is_chosen=row == chosen, raw_width=raw_width)
    if left := len(rows) - first - len(shown):
        page.blank()
        page.line(
            view.keys.format(f"… {counted(left, 'more call')}, one by one with {{next-call}}"),
            "dim",
        )
    return page.document(), top


def selected_call(timeline: Timeline, row: int) -> tuple[int | None, ToolCall | None]:
    """Return the row of the call that `row` is about, and the call, or (None, None)."""
    for seq in (timeline.seq(row), timeline.linked_seq(row)):
        if seq is None:
            continue
        event = timeline.log[seq]
        if isinstance(event, ToolCallProposed):
            return timeline.row_of(seq), event.call
    return None, None


def _add_call(
    page: Page, view: ViewState, row: int, call: ToolCall, *, is_chosen: bool, raw_width: int
) -> None:
    """Add one call; if `raw_width` is not 0, raw next to normalised on so many cells."""
    timeline = view.timeline
    findings = findings_at(timeline, row)
    seq = timeline.seq(row)
    page.extend([_heading_line(timeline, seq, call, is_chosen=is_chosen)])
    missed = _is_missed(timeline, seq, call)
    _add_arrival(page, timeline, seq, call, missed=missed)
    page.fact("id", *_id_fact(view, call, findings))
    page.fact("name", *_name_fact(view, call, findings))
    if run := subagent_of(timeline.state.details, call.id):
        hint = view.keys.format(" ({open} in this pane opens it)") if is_chosen else ""
        page.fact("subagent", f"{visible_line(run, LONGEST_NAME)}{hint}", "hint")
    state = call.arguments_state
    page.fact("arguments", ARGUMENTS[state], "" if state in GOOD_ARGUMENTS else "warning")
    page.extend(
        raw_beside_normalised(call, raw_width, view.keys)
        if raw_width
        else _argument_lines(call, findings)
    )
    _add_findings(page, findings)
    if is_recorded(timeline):
        from hermes_tui.ui.render.call_story import add_story

        add_story(page, timeline, seq, call, findings, missed=missed)
        if missed:
            return
    _add_result(page, view, row)


def _heading_line(timeline: Timeline, seq: int, call: ToolCall, *, is_chosen: bool) -> Line:
    pointer = "▶" if is_chosen else " "
    title = f"{pointer} {call.index + 1}. {visible_line(call.name or '(no name)', LONGEST_NAME)} "
    text = title + ("[added]" if _is_added(timeline, call) else f"[{call.origin}]")
    spans = [StyledSpan(0, len(title), "call"), StyledSpan(len(title), len(text), "badge")]
    if _was_edited(timeline, seq, call):
        spans.append(StyledSpan(len(text), len(text) + len(_EDITED), "hint"))
        text += _EDITED
    return Line(text, tuple(spans))


def _was_edited(timeline: Timeline, seq: int, call: ToolCall) -> bool:
    if not is_recorded(timeline):
        return False
    from hermes_tui.ui.render.call_story import is_edited

    return is_edited(timeline.log, seq, call.index)


def _add_findings(page: Page, findings: Sequence[Finding]) -> None:
    for finding in findings:
        message = visible_line(finding.message, LONGEST_FACT)
        text = f"{finding.severity} {finding.code}: {message}"
        page.line(text, str(finding.severity), indent=4)
        if finding.hint:
            page.line(f"→ {finding.hint}", "hint", indent=6)


def _add_arrival(page: Page, timeline: Timeline, seq: int, call: ToolCall, *, missed: bool) -> None:
    if _is_added(timeline, call):
        event = timeline.log[seq]
        parser = event.parser if isinstance(event, ToolCallProposed) else ""
        suffix = f", as {visible_line(parser, LONGEST_NAME)} reads the text" if parser else ""
        page.fact("arrived as", f"added by hand{suffix}", "hint")
        return
    origin = MISSED if missed else ORIGINS[call.origin]
    suffix = READ_AS.get(call.verdict, call.verdict and f"read as {call.verdict}")
    page.fact("arrived as", origin + (f", {suffix}" if suffix else ""))


def _is_added(timeline: Timeline, call: ToolCall) -> bool:
    """Return whether a person added the call to the reply."""
    return is_recorded(timeline) and call.verdict == ADDED


def _is_missed(timeline: Timeline, seq: int, call: ToolCall) -> bool:
    """Return whether the call of event `seq` is in a text from which no parser read it."""
    if call.origin is not Origin.TEXT:
        return False
    message = message_of(timeline, seq)
    row = timeline.row_of(seq)
    is_answered = row is not None and timeline.linked_seq(row) is not None
    return not is_answered and any(
        found.code is Code.CALL_IN_CONTENT and found.severity is Severity.ERROR
        for found in (message.diagnostics if message is not None else ())
    )


def is_recorded(timeline: Timeline) -> bool:
    """Return whether this program recorded the run, so that more is known about its calls."""
    return timeline.state.source_format == "native"


def _id_fact(view: ViewState, call: ToolCall, findings: list[Finding]) -> tuple[str, str]:
    codes = {finding.code for finding in findings}
    if call.id_state is IdState.MISSING and call.origin is Origin.TEXT:
        return "none: a call in text has no id", ""
    if call.id_state in (IdState.MISSING, IdState.NULL, IdState.EMPTY):
        return f"{call.id_state}", "warning"
    text = _shortened_fact(call.id or "", view.keys)
    if call.id_state is IdState.SYNTHETIC:
        by = "hermes-tui" if is_recorded(view.timeline) else "the writer of the file"
        text += f" (synthetic: made up by {by})"
    if Code.ID_DUPLICATE in codes:
        return f"{text} (used before)", "error"
    return text, ""


def _name_fact(view: ViewState, call: ToolCall, findings: list[Finding]) -> tuple[str, str]:
    if not call.name:
        return "missing", "error"
    name = _shortened_fact(call.name, view.keys)
    for finding in findings:
        if finding.code is Code.NAME_UNKNOWN:
            return f"{name} — not a declared tool; {finding.hint}", "error"
    if view.timeline.state.tools_declared:
        return f"{name} (declared)", ""
    return f"{name} (the source declares no tools)", ""


def _shortened_fact(text: str, keys: KeyNames) -> str:
    """Return a text that is normally short, cut if it is so long that it would hide the rest."""
    if len(text) <= LONGEST_FACT:
        return text
    return text[:LONGEST_FACT] + not_shown(len(text) - LONGEST_FACT, keys)


def _argument_lines(call: ToolCall, findings: list[Finding]) -> Sequence[Line]:
    if call.arguments is None or call.arguments_state is ArgumentsState.NOT_JSON:
        if not call.arguments_text:
            return []
        spans = [] if call.origin is Origin.TEXT else [f.span for f in findings if f.span]
        marks = [(span, "damage") for span in spans]
        return marked_lines(call.arguments_text, marks, indent=6)
    return unfolded_lines(indented(call.arguments), 6)


def _add_result(page: Page, view: ViewState, row: int) -> None:
    timeline = view.timeline
    event = timeline.linked(row)
    if isinstance(event, MessageAppended):
        speaker = event.message.author or event.message.role
        page.fact("result", f"in the text of the next message ({speaker})")
        return
    if not isinstance(event, (ToolReturned, ToolFailed)) and not timeline.finished:
        page.fact("result", "none yet")
        return
    if not isinstance(event, (ToolReturned, ToolFailed)):
        page.fact("result", "none: the call was never answered", "warning")
        return
    result = event.result
    size = characters(result.content)
    if result.error is None:
        page.fact("result", size)
    else:
        kind = "flagged as error" if result.error.kind == "flag" else "reads like an error"
        style = "error" if result.error.kind == "flag" else "warning"
        reason = reason_without_quote(result.error.reason, result.content)
        page.fact("result", f"{kind}: {visible_line(reason, 200)} · {size}", style)
    _add_preview(page, result, view.keys)


def _lines_of(content: str) -> tuple[int, Sequence[Line]]:
    """Return how many lines a result has, and the first of them; texts in JSON are unfolded."""
    if "\\n" in content and len(content) <= MAX_UNFOLDED:
        laid_out = pretty_json(content)
        if laid_out is not None:
            unfolded = unfolded_lines(laid_out, 6)
            return len(unfolded), unfolded[:PREVIEW_LINES]
    first = content.split("\n", PREVIEW_LINES)[:PREVIEW_LINES]
    return content.count("\n") + 1, [Line(text, (), 6) for text in first]


def _add_preview(page: Page, result: ToolResult, keys: KeyNames) -> None:
    count, lines = _lines_of(result.content)
    for line in lines:
        is_cut = len(line.text) > PREVIEW_WIDTH
        cut = line._replace(text=shortened(line.text, PREVIEW_WIDTH), spans=())
        page.extend([cut if is_cut else line])
    if (rest := count - len(lines)) > 0:
        more = f"… {counted(rest, 'more line')}"
    elif any(len(line.text) > PREVIEW_WIDTH for line in lines):
        more = "… the rest of it"
    else:
        return
    page.line(keys.format(f"{more}: {{pair}} goes to the result"), "dim", indent=6)
