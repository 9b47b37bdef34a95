"""A builder that keeps no events: it folds each into the state of its run as it is added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats.plain_messages import fold_plain_messages
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.model.events import Event, RunStarted
from hermes_tui.parsers.normalise import TextCalls


@dataclass(slots=True)
class FoldingBuilder(RunBuilder):
    """Receives the events that a format reads from a record, and folds the runs in it."""

    loose: list[Event] = field(default_factory=list)
    """The events before the first run."""
    runs: list[tuple[RunState, list[Finding]]] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        return bool(self.events or self.runs or self.loose)

    @property
    def has_run(self) -> bool:
        return bool(self.runs) or any(isinstance(event, RunStarted) for event in self.events)

    def forget(self) -> None:
        for events in (self.events, self.loose, self.runs):
            events.clear()
        self._seq = self.first_seq

    def append_each(
        self,
        raws: Iterable[Any],
        pointer: str,
        append: Callable[[int, Any, str], None],
        text_calls: TextCalls,
    ) -> None:
        raws = list(raws)
        self.settle()
        done = 0
        while done < len(raws):
            if self.runs:
                state, findings = self.runs[-1]
                done += fold_plain_messages(state, raws, done, text_calls, findings)
                self._seq = state.events
            if done < len(raws):
                append(done, raws[done], f"{pointer}/{done}")
                self.settle()
                done += 1

    def settle(self) -> None:
        """Fold the events added since the last call."""
        for event in self.events:
            if isinstance(event, RunStarted):
                self._finish()
                self.runs.append((RunState(), []))
            if self.runs:
                state, findings = self.runs[-1]
                findings.extend(state.apply(event))
            else:
                self.loose.append(event)
        self.events.clear()

    def close(self) -> None:
        """Fold the remaining events and finish the last run."""
        self.settle()
        self._finish()

    def _finish(self) -> None:
        if self.runs:
            state, findings = self.runs[-1]
            findings.extend(state.finish())
