"""Dialogs to edit a call, or to answer it in place of its tool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from textual.widget import Widget

from hermes_tui.debugger.call_rules import error_text
from hermes_tui.debugger.wire import tool_text
from hermes_tui.model.messages import ToolSpec
from hermes_tui.ui.edit_checks import (
    Problem,
    check_arguments,
    check_name,
    check_nothing,
    signature,
)
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.screens.editor import Field, Form, caption, label
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView


class CallEditorScreen(Form[tuple[str, str] | None]):
    """Edits the name and the arguments of a call; returns both, or None if it is cancelled.

    `specs` are the declared tools by name; with None, any name is valid.
    """

    def __init__(
        self,
        name: str,
        arguments: str,
        specs: Mapping[str, ToolSpec] | None,
        *,
        title: str = "Edit the call",
        confirm: bool = True,
    ) -> None:
        super().__init__(title, confirm=confirm)
        self._tool, self._arguments, self._specs = name, arguments, specs

    def body(self) -> Iterable[Widget]:
        yield label(self, "Tool")
        yield self.field("tool", self._tool, self._check_name, one_line=True, id="name")
        yield label(self, "Arguments", id="signature")
        yield self.field("arguments", self._arguments, self._check_arguments, id="arguments")
        yield self.problem_list()

    def on_mount(self) -> None:
        if not self._tool and self._arguments == "{}":
            # A call to be added: what is typed or pasted there takes the place of the empty object.
            self.fields[1].area.select_all()

    @property
    def first(self) -> Field:
        is_sound = bool(self._tool) and not check_name(self._tool, self._specs)
        return self.fields[1 if is_sound else 0]

    def changed(self) -> None:
        parameters = signature(self._spec())
        line = self.query_one("#signature", StatusLine)
        line.show([("Arguments", "key"), (f"  {parameters}" if parameters else "", "dim")])

    def result(self) -> tuple[str, str]:
        name, arguments = self.fields
        return name.area.value, arguments.area.value

    def _spec(self) -> ToolSpec | None:
        return (self._specs or {}).get(self.fields[0].area.value)

    def _check_name(self, text: str) -> list[Problem]:
        return check_name(text, self._specs)

    def _check_arguments(self, text: str) -> list[Problem]:
        spec = self._spec()
        return check_arguments(text, spec.parameters if spec else None)


class Answer(NamedTuple):
    """A user's answer to a call: a result, or an error if `failed`."""

    failed: bool
    text: str
    reason: str = ""


def tool_message_text(call_id: str, answer: Answer) -> str:
    """Return the tool message that the model will see."""
    return tool_text(call_id, error_text(answer.text) if answer.failed else answer.text)


class AnswerScreen(Form[Answer | None]):
    """Answers a call in place of its tool; shows the exact message that the model will see."""

    DEFAULT_CSS = """
    AnswerScreen #told { height: 30%; min-height: 2; }
    AnswerScreen #text { min-height: 2; }
    """

    def __init__(self, title: str, call_id: str, *, shown: str = "") -> None:
        super().__init__(title, confirm=False)
        self._call_id, self._shown, self._failed = call_id, shown, False

    def body(self) -> Iterable[Widget]:
        if self._shown:
            yield caption(self, self._shown)
        reason = self.field("reason", "", check_nothing, one_line=True, id="reason")
        text = self.field("answer", "", check_nothing, id="text")
        yield label(self, "", id="kind")
        yield text
        yield label(self, "Why, for the recording only (may be empty)")
        yield reason
        yield label(self, "The model will see")
        yield TextView(id="told", resolve=self.hermes.style)
        yield self.problem_list()

    def offers(self, key_id: str) -> bool:
        return True if key_id == "editor-kind" else super().offers(key_id)

    def below(self) -> TextView:
        return self.query_one("#told", TextView)

    def changed(self) -> None:
        kind, style, other = ("Result", "key", "an error")
        if self._failed:
            kind, style, other = ("Error", "error", "a result")
        key = self.hermes.keys.format("{editor-kind}")
        segments = [(f"{kind} in place of the tool", style), (f"  {key}: {other}", "dim")]
        self.query_one("#kind", StatusLine).show(segments)
        message = tool_message_text(self._call_id, self.result())
        self.query_one("#told", TextView).set_document(
            Document.from_text(message), keep_position=True
        )
        self.query_one("#problems", TextView).display = False

    def result(self) -> Answer:
        reason, text = self.fields
        return Answer(self._failed, text.area.value, reason.area.value)

    def do_kind(self) -> None:
        """Switch between answering with a result and with an error."""
        self._failed = not self._failed
        self.changed()
