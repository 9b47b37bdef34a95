"""What the dialogs share: a frame over the screen below, a title and a key bar. And a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.commands import shown_key
from hermes_tui.ui.dialog_keys import dialog_keys
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.screens.sized import SizedByTerminal
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.base_app import BaseApp

T = TypeVar("T")
_TITLE_LIMIT = 300


def dialog_bindings(scope: str) -> list[BindingType]:
    """Return the bindings of a dialog; each carries its id, so a keymap can move it.

    They come before those of an editor, which takes some of the same keys.
    """
    return [
        Binding(
            ",".join(key.keys),
            f"dialog('{key.id}')",
            key.label,
            show=False,
            priority=True,
            id=key.id,
        )
        for key in dialog_keys(scope)
    ]


class Dialog(SizedByTerminal, ModalScreen[T]):
    """A dialog whose every action is a method `do_<id>`, named by the id without the scope."""

    scope: ClassVar[str] = ""
    why_not: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The message for a key that can do nothing now; other such keys are silent."""
    AUTO_FOCUS: ClassVar[str | None] = None
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own type
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 70%; }
    Dialog > Vertical { border: round $primary; background: $surface; padding: 0 1; }
    Dialog.-wide > Vertical { width: 92%; height: 88%; max-width: 140; }
    Dialog.-narrow > Vertical { width: 100%; height: 100%; }
    Dialog KeyBar { dock: bottom; }
    Dialog TextView, Dialog RowList, Dialog StatusLine { background: $surface; }
    Dialog EditArea { background: $panel; }
    Dialog EditArea:focus { background: $accent 12%; }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = visible_line(title, _TITLE_LIMIT)

    @property
    def hermes(self) -> BaseApp:
        return cast("BaseApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield StatusLine(self.hermes.style, id="title")
            yield from self.body()
            yield KeyBar(self.hermes.style)

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the title and the key bar."""
        return ()

    def on_mount(self) -> None:
        self.show_title()
        self.refresh_bar()

    def show_title(self, right: str = "") -> None:
        """Show the title, with a text at its right end."""
        line = self.query_one("#title", StatusLine)
        line.show([(f" {self._title} ", "strong"), ("\0fill", ""), (f" {right} ", "")])

    def offers(self, key_id: str) -> bool:
        """Return whether a key does something now."""
        return True

    def refresh_bar(self) -> None:
        """Show the keys that do something now."""
        keymap = self.hermes.config.keys
        self.query_one(KeyBar).show(
            [
                (key.id, shown_key(key, keymap), key.label)
                for key in dialog_keys(self.scope)
                if key.bar and self.offers(key.id)
            ]
        )

    def action_dialog(self, key_id: str) -> None:
        """Do the action of a key if it is available now, else show why it is not."""
        if self.offers(key_id):
            getattr(self, "do_" + key_id.partition("-")[2].replace("-", "_"))()
        else:
            self.show_title(self.why_not.get(key_id, ""))

    def do_leave(self) -> None:
        """Close the dialog without a result."""
        self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "dialog" and parameters:
            key_id = str(parameters[0])
            return self.offers(key_id) or key_id in self.why_not
        return True

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        self.action_dialog(event.command_id)


class ConfirmScreen(Moving, Dialog[bool]):
    """Asks a question about a page of text, such as a difference. Enter and y answer yes."""

    scope = "confirm"
    BINDINGS: ClassVar = dialog_bindings("confirm")

    def __init__(self, question: str, document: Document) -> None:
        super().__init__(question)
        self._document = document

    def body(self) -> Iterable[Widget]:
        yield TextView(self._document, resolve=self.hermes.style)

    def on_mount(self) -> None:
        self.query_one(TextView).focus()

    def focused_pane(self) -> TextView:
        return self.query_one(TextView)

    def do_yes(self) -> None:
        self.dismiss(True)

    def do_no(self) -> None:
        self.dismiss(False)
