"""The prompt for a search, the same on every screen whose texts or rows can be searched."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.moving import Finding
from hermes_tui.ui.search import Search, compile_search

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.prompt import Prompt


class Searching(Finding, CommandScreen):
    """Asks for a text or a regular expression; reports an invalid one, and asks again."""

    searched: ClassVar[str] = ""
    """What is searched, if not every text."""
    wide_scope: ClassVar[str] = ""
    """The wider scope that a search can be switched to; empty if there is none."""

    @abstractmethod
    def search_begun(self) -> Search | None:
        """Return the current search."""

    @abstractmethod
    def begin_search(self, search: Search | None) -> None:
        """Search for something else; None ends the search."""

    def why_unavailable(self, command_id: str) -> str:
        if command_id in ("search-next", "search-previous") and self.search_begun() is not None:
            return "no match"
        return super().why_unavailable(command_id)

    def do_search(self) -> None:
        before = self.search_begun()
        self._ask_search(before.text if before is not None else "", replace=True)

    def _ask_search(self, text: str, *, replace: bool = False) -> None:
        hint, wide = self.searched, self.wide_scope
        self.ask("search", "search", text, toggles=True, hint=hint, wide=wide, replace=replace)

    def answered_search(self, event: Prompt.Answered) -> None:
        search = search_from_answer(event)
        if isinstance(search, str):
            self._ask_search(event.value)
            self.say(search)
        else:
            self.begin_search(search)


def search_from_answer(event: Prompt.Answered) -> Search | str | None:
    """Return the requested search, None if the prompt was left empty, or why it is invalid."""
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
