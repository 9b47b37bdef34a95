"""The differences between two runs, as a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.widget import Widget

from hermes_tui.model.wording import counted
from hermes_tui.ui.page_search import PageSearch
from hermes_tui.ui.render.comparison import Comparison
from hermes_tui.ui.screens.dialog import Dialog, dialog_bindings
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.prompt import Prompt

_WIDE, _WIDEST, _SHARE = 100, 140, 92
"""From how many columns a dialog has how much of the screen (in percent), and its maximum width."""
_FRAME = 5
"""The cells that a dialog's border, padding and scroll bar take."""


def text_width(screen_width: int) -> int:
    """Return how many cells wide a page can be on a screen of this width."""
    dialog = min(_WIDEST, screen_width * _SHARE // 100) if screen_width >= _WIDE else screen_width
    return dialog - _FRAME


class ComparisonScreen(Moving, Dialog[None]):
    """A page with the differences between two runs."""

    BELOW: ClassVar = 1 / 3
    """The minimum share of the view for the first difference and what follows it."""
    scope = "comparison"
    BINDINGS: ClassVar = dialog_bindings("comparison")

    def __init__(self, left: str, right: str, found: Comparison) -> None:
        super().__init__(f"- {left}  + {right}: {counted(len(found.differences), 'difference')}")
        self._comparison = found
        self._search = PageSearch()
        self._prompt: Prompt | None = None

    def body(self) -> Iterable[Widget]:
        yield TextView(self._comparison.document, resolve=self.hermes.style)

    def on_mount(self) -> None:
        self.view.focus()
        # How much fits is known only after the layout.
        self.call_after_refresh(self._show_first)

    def _show_first(self) -> None:
        first = next(iter(self._comparison.differences), 0)
        # If both fit, the reader begins above the difference.
        if first > self.view.size.height * (1 - self.BELOW):
            self.view.scroll_to_line(first - 3)
            self.show_title("↑ both runs in numbers")

    @property
    def view(self) -> TextView:
        return self.query_one(TextView)

    def offers(self, key_id: str) -> bool:
        moving = key_id in ("comparison-next", "comparison-previous")
        return len(self._comparison.differences) > 1 if moving else True

    def focused_pane(self) -> TextView:
        return self.view

    def do_next(self) -> None:
        """Go to the next difference."""
        later = [line for line in self._comparison.differences if line > self.view.top_line]
        if later:
            self.view.scroll_to_line(later[0])

    def do_previous(self) -> None:
        """Go to the previous difference."""
        earlier = [line for line in self._comparison.differences if line < self.view.top_line]
        if earlier:
            self.view.scroll_to_line(earlier[-1])

    # Searching

    @property
    def _is_asking(self) -> bool:
        return self._prompt is not None and self._prompt.display

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # While a prompt is open, letters are typed into it.
        return not (action == "dialog" and self._is_asking) and super().check_action(
            action, parameters
        )

    def on_key(self, event: events.Key) -> None:
        if self._prompt is not None and self._prompt.hold(event):
            event.stop()
            event.prevent_default()

    def do_search(self) -> None:
        """Ask what to search the page for."""
        before = self._search.search
        self._ask(before.text if before is not None else "", replace=True)

    def _ask(self, text: str, *, replace: bool = False) -> None:
        from hermes_tui.ui.widgets.prompt import Prompt

        is_new = self._prompt is None
        prompt = self._prompt = self._prompt or Prompt()
        prompt.ask("search", "search", text, toggles=True, replace=replace)
        if is_new:
            self.mount(prompt, before=self.query_one(KeyBar))
        self.query_one(KeyBar).show(prompt.keys)

    def on_prompt_answered(self, event: Prompt.Answered) -> None:
        """Go to the first match."""
        from hermes_tui.ui.screens.searching import search_from_answer

        search = search_from_answer(event)
        if isinstance(search, str):
            self._ask(event.value)
            self.show_title(search)
        else:
            self.show_title(self._search.begin(search, self.view))

    def on_prompt_closed(self, event: Prompt.Closed) -> None:
        self.view.focus()
        self.refresh_bar()

    def do_search_next(self) -> None:
        """Go to the next match, or to the next difference if there is no search."""
        if self._search.search is None:
            self.do_next()
        else:
            self.show_title(self._search.go(self.view, 1))

    def do_search_previous(self) -> None:
        """Go to the previous match, or to the previous difference if there is no search."""
        if self._search.search is None:
            self.do_previous()
        else:
            self.show_title(self._search.go(self.view, -1))

    def do_clear(self) -> None:
        """Drop the search, or leave."""
        if self._search.search is None:
            self.do_leave()
        else:
            self.show_title(self._search.begin(None, self.view))

    # Taking away

    def do_copy(self) -> None:
        """Copy the comparison to the clipboard."""
        self.show_title(self.hermes.copy(self._text()))

    def do_pager(self) -> None:
        """Show the comparison in $PAGER."""
        if wrong := self.hermes.show_in_pager([self._text()]):
            self.show_title(wrong)

    def _text(self) -> str:
        return f"{self._title}\n\n{self._comparison.document.indented_text}\n"
