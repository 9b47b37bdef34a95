"""Asking what to search for, the same on every screen whose texts or rows can be searched."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.moving import Finding
from hermes_tui.ui.search import Search, compile_search

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.prompt import Prompt


class Searching(Finding, CommandScreen):
    """Asks for a text or a regular expression; what is none is said, and asked for again."""

    searched: ClassVar[str] = ""
    """What is searched, where that is not every text."""
    searched_too: ClassVar[str] = ""
    """What is searched instead where that is asked for; empty: nothing can be."""

    @abstractmethod
    def search_begun(self) -> Search | None:
        """Return the search that there is now."""

    @abstractmethod
    def begin_search(self, search: Search | None) -> None:
        """Search for something else, or for nothing any more."""

    def do_search(self) -> None:
        before = self.search_begun()
        self._ask_search(before.text if before is not None else "", replace=True)

    def _ask_search(self, text: str, *, replace: bool = False) -> None:
        hint, wide = self.searched, self.searched_too
        self.ask("search", "search", text, toggles=True, hint=hint, wide=wide, replace=replace)

    def answered_search(self, event: Prompt.Answered) -> None:
        search = asked_search(event)
        if isinstance(search, str):
            self._ask_search(event.value)
            self.say(search)
        else:
            self.begin_search(search)


def asked_search(event: Prompt.Answered) -> Search | str | None:
    """Return the search that was asked for, None for nothing, or why there is none such."""
    from hermes_tui.log.linear_regex import RegexError

    try:
        search = compile_search(
            event.value,
            is_regex=event.is_regex,
            case_matters=event.case_matters,
            in_texts=event.is_wide,
        )
    except RegexError as error:
        return f"not a regular expression: {error}"
    return search if event.value else None
