"""Editors with live checks, which show the changes before they are accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, TypeVar

from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.wording import counted
from hermes_tui.ui.edit_checks import Check, Problem
from hermes_tui.ui.json_layout import laid_out
from hermes_tui.ui.render.diff import diff_lines
from hermes_tui.ui.render.document import Document, Line, styled_line
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.rows import sign_of
from hermes_tui.ui.screens.dialog import ConfirmScreen, Dialog, dialog_bindings
from hermes_tui.ui.widgets.edit_area import LARGE, EditArea
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

T = TypeVar("T")
CHECK_DELAY_S = 0.15
"""Seconds without a key after which a text that is not short is checked."""
_SHORT = 5_000
_MAX_PROBLEM_ROWS = 6
MAX_CAPTION_ROWS = 4


class Field:
    """A text being edited: its editor, its displayed name and its checks."""

    def __init__(self, name: str, area: EditArea, check: Check) -> None:
        self.name, self.area, self.check = name, area, check
        self.before = area.value

    @property
    def is_changed(self) -> bool:
        return self.area.value != self.before


class Form(Dialog[T]):
    """Fields with a list of their problems below. Subclasses define the result.

    With `strict`, a text with errors cannot be accepted; otherwise a question mentions the errors.
    """

    scope = "editor"
    BINDINGS: ClassVar = dialog_bindings("editor")
    DEFAULT_CSS = """
    Form .caption { height: auto; max-height: 4; }
    Form #problems { height: 1; margin: 0 0 0 0; }
    Form EditArea.-one-line { height: 1; }
    """

    def __init__(self, title: str, *, confirm: bool = True, strict: bool = False) -> None:
        super().__init__(title)
        self.fields: list[Field] = []
        self._confirm, self._strict = confirm, strict
        self._problems: list[tuple[Field, Problem]] = []
        self._timer: Timer | None = None

    # For subclasses

    def result(self) -> T:
        """Return the result of the dialog when it is accepted."""
        raise NotImplementedError

    def changed(self) -> None:
        """Called after a text was changed and checked."""

    # Fields

    def field(
        self, name: str, text: str, check: Check, *, one_line: bool = False, id: str | None = None
    ) -> EditArea:
        """Return the editor of a new field."""
        area = EditArea(text, resolve=self.hermes.style, one_line=one_line, id=id)
        self.fields.append(Field(name, area, check))
        return area

    def problem_list(self) -> TextView:
        return TextView(id="problems", resolve=self.hermes.style, empty="✓ no problems")

    @property
    def current(self) -> Field:
        """The field that has the focus."""
        return next((f for f in self.fields if f.area.has_focus), self.fields[-1])

    @property
    def first(self) -> Field:
        """The field that has the focus at first."""
        return self.fields[-1]

    def on_mount(self) -> None:
        # At once, so that a key typed ahead is not lost.
        self.set_focus(self.first.area)
        self.check_now()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if self._timer is not None:
            self._timer.stop()
        if sum(len(field.area.text) for field in self.fields) < _SHORT:
            self.check_now()
        else:
            self._timer = self.set_timer(CHECK_DELAY_S, self.check_now)

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        self._show_place()

    def on_descendant_focus(self) -> None:
        self.refresh_bar()
        self._show_place()

    def on_edit_area_submitted(self, event: EditArea.Submitted) -> None:
        if len(self.fields) > 1:
            self.do_next()
        else:
            self.do_accept()

    def _show_place(self) -> None:
        area = self.current.area
        large = " · large: better in $EDITOR" if len(area.text) >= LARGE else ""
        self.show_title(area.place + large)

    def check_now(self) -> None:
        """Check all fields, and show the problems."""
        self._problems = [(f, problem) for f in self.fields for problem in f.check(f.area.value)]
        for field in self.fields:
            # Only the first problem that is not a note is marked.
            field.area.mark(
                [
                    (problem.line, problem.column or 1, sign_of(problem.severity)[1])
                    for at, problem in self._problems
                    if at is field and problem.line and problem.severity is not Severity.NOTE
                ][:1]
            )
        self._show_problems()
        self.changed()
        self.refresh_bar()

    def _show_problems(self) -> None:
        lines = self._problem_lines(self._problems)
        view = self.query_one("#problems", TextView)
        view.set_document(Document(lines))
        width = max(20, self.size.width * 9 // 10 - 6)
        rows = sum(1 + len(line.text) // width for line in lines)
        view.styles.height = max(1, min(rows, _MAX_PROBLEM_ROWS))

    def _problem_lines(self, problems: list[tuple[Field, Problem]]) -> list[Line]:
        several = len(self.fields) > 1
        return [
            _problem_line(problem, field.name if several else "") for field, problem in problems
        ]

    @property
    def errors(self) -> int:
        return sum(problem.severity is Severity.ERROR for _, problem in self._problems)

    # Keys

    def offers(self, key_id: str) -> bool:
        if not self.fields:
            return False
        match key_id:
            case "editor-kind":
                return False
            case "editor-next" | "editor-previous":
                return len(self.fields) > 1
            case "editor-scroll-down" | "editor-scroll-up":
                return self.below().max_scroll_y > 0
            case "editor-layout":
                return self.current.area.text[:1000].lstrip().startswith(("{", "["))
            case _:
                return True

    def do_accept(self) -> None:
        """Accept the edits, after the user has confirmed them if that is asked for."""
        self.check_now()
        if self._strict and self.errors:
            self.app.bell()
            self.show_title("not possible while it contains an error")
        elif not any(field.is_changed for field in self.fields) and self._confirm:
            self.show_title("nothing was changed")
        elif self._confirm or self.errors:
            many = f", with {counted(self.errors, 'error')} in it" if self.errors else ""
            self._ask(f"Apply this{many}? · {self._title}", self._preview(), self._accepted)
        else:
            self._accepted(True)

    def _accepted(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(self.result())

    def _preview(self) -> Document:
        """Return the errors in the new text, and below them the changes."""
        wrong = [each for each in self._problems if each[1].severity is Severity.ERROR]
        return Document([*self._problem_lines(wrong), *self.differences().lines])

    def differences(self) -> Document:
        """Return the changes as a page."""
        page = Page()
        for field in self.fields:
            if not field.is_changed:
                continue
            if len(self.fields) > 1:
                page.blank()
                page.heading(field.name)
            page.extend(diff_lines(field.before, field.area.value))
        return page.document()

    def do_leave(self) -> None:
        """Leave; ask first if that would lose changes."""
        if any(field.is_changed for field in self.fields):
            self._ask(
                f"Leave, and lose the changes? · {self._title}", self.differences(), self._leave
            )
        else:
            self._leave(True)

    def _leave(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(None)

    def _ask(
        self, question: str, document: Document, answered: Callable[[bool | None], None]
    ) -> None:
        self.app.push_screen(ConfirmScreen(question, document), answered)

    def do_layout(self) -> None:
        area = self.current.area
        area.value = laid_out(area.value)

    def do_next(self) -> None:
        self.focus_next(EditArea)

    def do_previous(self) -> None:
        self.focus_previous(EditArea)

    def below(self) -> TextView:
        """Return the text below the fields."""
        return self.query_one("#problems", TextView)

    def do_scroll_down(self) -> None:
        self.below().page(1)

    def do_scroll_up(self) -> None:
        self.below().page(-1)

    def do_external(self) -> None:
        """Edit the text of the field in the user's own editor."""
        from hermes_tui.runtime.pager_and_editor import edit_externally

        area = self.current.area
        suffix = ".json" if self.offers("editor-layout") else ".txt"
        text = before = area.value

        def edit() -> None:
            nonlocal text
            text = edit_externally(before, suffix=suffix)

        failure = self.hermes.hand_terminal_to("an editor", edit)
        if text != before:
            area.value = text
        self.show_title(failure)


class EditorScreen(Form[str | None]):
    """Edits one text; returns it, or None if cancelled or, with `confirm`, if it is unchanged.

    `check` runs at every change; `shown` is a caption that describes the text.
    """

    def __init__(
        self,
        title: str,
        text: str,
        *,
        check: Check,
        shown: str = "",
        confirm: bool = True,
        strict: bool = False,
    ) -> None:
        super().__init__(title, confirm=confirm, strict=strict)
        self._text, self._check, self._shown = text, check, shown

    def body(self) -> Iterable[Widget]:
        if self._shown:
            yield caption(self, self._shown)
        yield self.field("text", self._text, self._check)
        yield self.problem_list()

    def result(self) -> str | None:
        return self.fields[0].area.value


def caption(form: Dialog[T], text: str) -> TextView:
    """Return a text of one to four lines to put above a field."""
    view = TextView(Document.from_text(text, "dim"), resolve=form.hermes.style, classes="caption")
    view.can_focus = False
    width = max(20, form.app.size.width * 9 // 10 - 6)
    rows = sum(1 + len(line) // width for line in text.split("\n"))
    view.styles.height = min(MAX_CAPTION_ROWS, rows)
    return view


def label(form: Dialog[T], text: str, *, id: str | None = None) -> StatusLine:
    """Return the name of a field, to put above it."""
    line = StatusLine(form.hermes.style, base="", id=id)
    line.show([(text, "key")])
    return line


def _problem_line(problem: Problem, field: str) -> Line:
    sign, style = sign_of(problem.severity)
    at = f"{problem.line}:{problem.column}  " if problem.line and problem.column else ""
    where = f"{field}  " if field else ""
    text = f"{sign} {where}{at}{problem.message}".replace("\n", "⏎")
    return styled_line(text, style, 2)
