"""What stops a run: its stop points, on or off, and its breakpoints, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from textual.widget import Widget

from hermes_tui.debugger.breakpoints import FIELDS, Breakpoint, free_id, parse_breakpoint
from hermes_tui.debugger.stepping import STOP_POINTS, StopPoint
from hermes_tui.log.expressions import HELP
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.edit_checks import Problem, check_breakpoint
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.screens.dialog import Dialog, dialog_bindings
from hermes_tui.ui.screens.editor import Form, label
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.widgets.row_list import Row, RowList, Rows
from hermes_tui.ui.widgets.text_view import TextView

MEANING: Final[Mapping[StopPoint, str]] = {
    StopPoint.BEFORE_REQUEST: "before every request to the model",
    StopPoint.REQUEST_FAILED: "a request got no usable reply",
    StopPoint.TRUNCATED: "the reply was cut, as by max_tokens",
    StopPoint.PARSE_FAILURE: "the reply contains an error, such as an unread call",
    StopPoint.AFTER_PARSE: "after every reply, once its calls are read",
    StopPoint.AFTER_RESPONSE: "after every reply of the model",
    StopPoint.UNKNOWN_TOOL: "the model calls a tool that does not exist",
    StopPoint.INVALID_ARGS: "the arguments are not JSON, or do not fit the schema",
    StopPoint.MANUAL: "the tool is one that you answer yourself",
    StopPoint.REPEAT: "the model makes the same call again",
    StopPoint.BEFORE_DISPATCH: "before every call is run",
    StopPoint.TOOL_ERROR: "a tool failed, or answered with an error",
    StopPoint.AFTER_RESULT: "after every result of a tool",
    StopPoint.TURN_END: "after the last call of a turn",
    StopPoint.RUN_END: "before the run ends on its own",
    StopPoint.RECOVERY: "the run was resumed where an answer was lost",
    StopPoint.DIVERGENCE: "a replay differs from the recording",
}

_POINT_WIDTH: Final = max(map(len, StopPoint))
_HEADINGS: Final = ("Breakpoints", "Stop points: the run stops …")
_NONE: Final = "    none; a adds one"
StopSettings = tuple[tuple[Breakpoint, ...], frozenset[StopPoint]]


class BreakpointListScreen(Moving, Dialog[StopSettings | None]):
    """Toggles, adds, edits and deletes what stops a run; returns the result, None if cancelled.

    `hits` is how often each breakpoint's condition was true, by id.
    """

    scope = "breakpoints"
    BINDINGS: ClassVar = dialog_bindings("breakpoints")

    def __init__(
        self,
        breakpoints: tuple[Breakpoint, ...],
        stop_points: frozenset[StopPoint],
        hits: Mapping[str, int],
        tools: Iterable[ToolSpec] | None = None,
    ) -> None:
        super().__init__("What stops the run")
        self._tools = tools
        self._original: StopSettings = (tuple(breakpoints), frozenset(stop_points))
        self._breakpoints, self._points = list(breakpoints), set(stop_points)
        self._hits = hits

    def body(self) -> Iterable[Widget]:
        yield RowList(Rows(self._count, self._row), resolve=self.hermes.style)

    def on_mount(self) -> None:
        rows = self.query_one(RowList)
        rows.focus()
        rows.go(1, quiet=True)

    # Rows: a heading, the breakpoints, a heading, the stop points

    def _content(self, index: int) -> StopPoint | Breakpoint | str:
        """Return the content of a row; a text is a heading, or a note that there is none."""
        if index == 0:
            return _HEADINGS[0]
        count = max(1, len(self._breakpoints))
        if index <= count:
            return self._breakpoints[index - 1] if self._breakpoints else _NONE
        index -= count + 2
        return _HEADINGS[1] if index < 0 else tuple(StopPoint)[index]

    def _count(self) -> int:
        return max(1, len(self._breakpoints)) + len(StopPoint) + 2

    def _row(self, index: int, width: int) -> Row:
        """Return a row: a box for on or off, the name, the meaning."""
        match self._content(index):
            case StopPoint() as point:
                on = point in self._points
                name = f"{point.value:<{_POINT_WIDTH}}  "
                return [_box(on), (name, "strong" if on else "dim"), (MEANING[point], "dim")]
            case Breakpoint() as found:
                count = counted(self._hits.get(found.id, 0), "hit")
                room = max(10, width - len(count) - 7)
                text = f"{visible_line(f'{found.id}  {_line(found)}', room):<{room}} "
                style = "text" if found.enabled else "dim"
                return [_box(found.enabled), (text, style), (count, "dim")]
            case text:
                return [(text, "heading" if text in _HEADINGS else "dim")]

    @property
    def current(self) -> StopPoint | Breakpoint | str:
        """The stop point, breakpoint or text under the cursor."""
        return self._content(self.query_one(RowList).cursor)

    @property
    def settings(self) -> StopSettings:
        return tuple(self._breakpoints), frozenset(self._points)

    def _changed(self) -> None:
        self.query_one(RowList).rows_changed(0)
        self.show_title("not applied yet" if self.settings != self._original else "")
        self.refresh_bar()

    def follow_cursor(self, row_list: RowList) -> None:
        self.refresh_bar()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.do_toggle()

    # Keys

    def offers(self, key_id: str) -> bool:
        match key_id:
            case "breakpoints-edit" | "breakpoints-delete" | "breakpoints-once":
                return isinstance(self.current, Breakpoint)
            case "breakpoints-toggle":
                return isinstance(self.current, (StopPoint, Breakpoint))
            case _:
                return True

    def do_toggle(self) -> None:
        match self.current:
            case StopPoint() as point:
                self._points ^= {point}
                self._changed()
            case Breakpoint() as old:
                self._replace(old, replace(old, enabled=not old.enabled))
            case _:
                pass

    def do_once(self) -> None:
        if isinstance(old := self.current, Breakpoint):
            self._replace(old, replace(old, once=not old.once))

    def do_delete(self) -> None:
        if isinstance(old := self.current, Breakpoint):
            self._breakpoints.remove(old)
            self._changed()

    def do_add(self) -> None:
        """Ask for a breakpoint; with the cursor on a stop point, for one that stops there."""
        current = self.current
        text = current.value if isinstance(current, StopPoint) else StopPoint.BEFORE_DISPATCH.value

        def added(new: Breakpoint | None) -> None:
            if new is not None:
                self._breakpoints.append(new)
                self._changed()
                self.query_one(RowList).go(len(self._breakpoints))

        self.app.push_screen(
            BreakpointScreen(text, self._free_id(), self._tools, title="Add a breakpoint"), added
        )

    def do_edit(self) -> None:
        old = self.current
        if not isinstance(old, Breakpoint):
            return

        def edited(new: Breakpoint | None) -> None:
            if new is not None:
                self._replace(old, new)

        title = f"Edit {old.id}"
        self.app.push_screen(BreakpointScreen(old.text, old.id, self._tools, title=title), edited)

    def focused_pane(self) -> RowList:
        return self.query_one(RowList)

    def do_apply(self) -> None:
        self.dismiss(self.settings)

    def _replace(self, old: Breakpoint, new: Breakpoint) -> None:
        self._breakpoints[self._breakpoints.index(old)] = new
        self._changed()

    def _free_id(self) -> str:
        # Hits are counted by id, so the id of a breakpoint deleted just now is not reused.
        return free_id({each.id for each in (*self._breakpoints, *self._original[0])})


def _line(breakpoint: Breakpoint) -> str:
    """Return the text of a breakpoint without `disabled`, which its box shows."""
    return replace(breakpoint, enabled=True).text


def _box(on: bool) -> tuple[str, str]:
    return ("[x] ", "mark") if on else ("[ ] ", "dim")


class BreakpointScreen(Form[Breakpoint | None]):
    """Asks for one breakpoint in its text form, checked at every key."""

    DEFAULT_CSS = "BreakpointScreen #help { height: 1fr; margin-top: 1; }"

    def __init__(
        self, text: str, breakpoint_id: str, tools: Iterable[ToolSpec] | None, *, title: str
    ) -> None:
        super().__init__(title, confirm=False, strict=True)
        self._text, self._breakpoint_id, self._tools = text, breakpoint_id, tools

    def body(self) -> Iterable[Widget]:
        yield label(self, 'where[:tool] [if condition] [ignore N] [every N] [once] [log "text"]')
        yield self.field("breakpoint", self._text, self._check, one_line=True)
        yield self.problem_list()
        help_page = TextView(_help(), resolve=self.hermes.style, id="help")
        help_page.can_focus = False
        yield help_page

    def on_mount(self) -> None:
        self.first.area.action_to_end()

    def _check(self, text: str) -> list[Problem]:
        return check_breakpoint(text, self._tools)

    def result(self) -> Breakpoint:
        return parse_breakpoint(self.fields[0].area.value, breakpoint_id=self._breakpoint_id)

    def below(self) -> TextView:
        return self.query_one("#help", TextView)

    def offers(self, key_id: str) -> bool:
        key_ids = ("editor-accept", "editor-leave", "editor-scroll-down", "editor-scroll-up")
        return key_id in key_ids and super().offers(key_id)


def _help() -> Document:
    page = Page()
    page.line("such as   before_dispatch:terminal if 'rm ' in args.command", "hint")
    page.line('          after_response log "{finish}: {text}"     tool_error once', "hint")
    page.line("          before_dispatch:read_* if turn > 3 ignore 2 every 5", "hint")
    page.blank()
    page.heading("Where")
    page.fields(
        {
            f"  {point}{'[:tool]' if traits.about_call else ''}": MEANING[point]
            for point, traits in STOP_POINTS.items()
        }
    )
    page.blank()
    page.heading("And then, instead of stopping")
    page.fields(
        {
            '  log "…"': "print the text, fields in braces, and continue",
            "  count": "only count",
            "  fail": "end the run",
        }
    )
    page.blank()
    page.heading("Fields of a condition")
    page.fields({f"  {name}": meaning for name, meaning in FIELDS.items()})
    page.blank()
    page.heading("Conditions")
    page.line(HELP.rstrip("\n"))
    return page.document()
