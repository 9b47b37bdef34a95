"""The prompt for a filter, shared by the rows of a run and a list of runs."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from hermes_tui.ui.screens.base import CommandScreen

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.prompt import Prompt


class Filtered(Protocol):
    """A model that an expression can filter."""

    @property
    def filter_text(self) -> str: ...

    def try_filter(self, text: str) -> str:
        """Filter by an expression, or not if it is empty; return an error message, or ""."""


class Filtering(CommandScreen):
    """Asks for an expression; reports an invalid one, and asks again."""

    model: Filtered
    filter_hint: ClassVar[str]

    @abstractmethod
    def filter_changed(self) -> None:
        """Show what passes the filter."""

    def do_filter(self) -> None:
        self._ask_filter(self.model.filter_text)

    def _ask_filter(self, text: str) -> None:
        self.ask("filter", "filter", text, hint=self.filter_hint)

    def answered_filter(self, event: Prompt.Answered) -> None:
        if wrong := self.model.try_filter(event.value):
            self._ask_filter(event.value)
            self.say(wrong)
        else:
            self.filter_changed()
