"""The run as it stood after any event: `state_at(log, seq)`, from copies kept on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

from hermes_tui.log.event_log import EventLog
from hermes_tui.log.fold import DISCARDED, RunState

CHECKPOINT_EVERY = 4096


@dataclass(slots=True)
class Checkpoints:
    """Copies of the state, one every `CHECKPOINT_EVERY` events of one log.

    Only the ids of calls grow with the log: each copy has those used since the one before it.
    """

    states: list[RunState] = field(default_factory=lambda: [RunState()])

    def offer(self, state: RunState) -> None:
        """Keep a copy if a checkpoint is due."""
        if state.events == len(self.states) * CHECKPOINT_EVERY:
            turn = self.states[-1].turn
            # A reply that is discarded takes the turn back by one.
            latest = takewhile(
                lambda used: used[1] >= turn - 1 or used[1] == DISCARDED,
                reversed(state.call_ids.items()),
            )
            self.states.append(state.copy(call_ids=dict(latest)))

    def before(self, position: int) -> RunState:
        """Return the last state kept that saw no event from `position` on."""
        number = min(position // CHECKPOINT_EVERY, len(self.states) - 1)
        call_ids: dict[str, int] = {}
        for state in self.states[: number + 1]:
            call_ids |= state.call_ids
        return self.states[number].copy(call_ids=call_ids)


def state_at(log: EventLog, seq: int, checkpoints: Checkpoints | None = None) -> RunState:
    """Return the run as it stood just after event `seq`.

    `seq` is 0-based; -1 is the empty run. Costs O(events since the last checkpoint).
    Raises IndexError beyond the head.
    """
    if not -1 <= seq < len(log):
        raise IndexError(f"event {seq} of a log of {len(log)}")
    state = (checkpoints or Checkpoints()).before(seq + 1)
    for position in range(state.events, seq + 1):
        state.apply(log[position])
    return state
