"""A small app that shows hostile text on every kind of surface; started by test_terminal_bytes."""

import sys
from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.filter import LineFilter
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from hermes_tui.model.visible import visible
from hermes_tui.ui.render.document import Document
from hermes_tui.ui.safe_text import terminal_filters
from hermes_tui.ui.theme import DARK, THEMES, styles_for
from hermes_tui.ui.widgets.row_list import Row, RowList
from hermes_tui.ui.widgets.text_view import TextView

PAYLOAD = (
    "\x1b]0;PWNED\x07\x1b]52;c;SEVSTUVT\x07\x1b[6n\x1b[5;97;41mRED\x9b31mC1\x00NUL\x7fDEL\u202eRLO"
    "⚠\ufe0f[@click=app.bell()]x[/] [/]"
)
SURFACES = ("static", "border", "row", "text", "option", "input", "toast", "title")


def hostile(surface: str) -> str:
    """Return the payload followed by a mark that shows that the surface is drawn."""
    return f"{PAYLOAD} <{surface}>"


class Rows:
    def __len__(self) -> int:
        return 1

    def row(self, index: int, width: int) -> Row:
        return [(hostile("row"), "error")]


class HostileApp(App[None]):
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Static { height: 4; border: solid white; }
    RowList, TextView, OptionList { height: 6; }
    """

    def get_line_filters(self) -> Sequence[LineFilter]:
        if "--unlocked" in sys.argv:
            return super().get_line_filters()
        return terminal_filters(super().get_line_filters(), no_color=self.no_color)

    def compose(self) -> ComposeResult:
        resolve = styles_for(DARK, self.no_color)
        static = Static(hostile("static"), markup=False)
        static.border_title = visible(hostile("border")).replace("[", r"\[")
        yield static
        yield RowList(Rows(), resolve=resolve)
        yield TextView(Document.from_text(hostile("text")), resolve=resolve)
        yield OptionList(Option(hostile("option")), markup=False)
        yield Input(hostile("input"), compact=True)

    def on_mount(self) -> None:
        self.register_theme(THEMES[0])
        self.theme = DARK
        self.notify(hostile("toast"), title=hostile("title"), markup=False, timeout=60)


if __name__ == "__main__":
    HostileApp().run()
