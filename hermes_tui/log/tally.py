"""Sums over a run in addition to its counts: tools by name, tokens, cost, seconds, labelled steps,
and the turns that took longest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeVar

from hermes_tui.model.messages import GOLD_FAILURE, Message, ToolResult, Usage

MAX_COUNTED_TOOLS: Final = 256
"""How many tool names are counted separately in a run; further ones count as `OTHER_TOOLS`."""
OTHER_TOOLS: Final = "(other tools)"
NO_NAME: Final = "(no name)"
LONGEST_NAME: Final = 120
_UNKNOWN: Final = Usage()
_NOTHING: Final = (_UNKNOWN, None)
MAX_LABELS: Final = 1_000
MAX_TURNS: Final = 5
_Number = TypeVar("_Number", int, float)


class TurnCost(NamedTuple):
    """The seconds of the replies and tools of a turn, and its replies' tokens; None: not known."""

    turn: int
    seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None

    def with_more(
        self, seconds: float | None, tokens_in: int | None, tokens_out: int | None
    ) -> TurnCost:
        """Return the cost with these amounts added."""
        return TurnCost(
            self.turn,
            _sum(self.seconds, seconds),
            _sum(self.tokens_in, tokens_in),
            _sum(self.tokens_out, tokens_out),
        )

    @property
    def rank(self) -> tuple[float, int, int]:
        """The sort key of turns; the costliest has the greatest."""
        return self.seconds or 0.0, self.tokens_out or 0, self.tokens_in or 0


_NO_TURN: Final = TurnCost(0)


@dataclass(slots=True)
class Tally:
    """Sums over the events so far; None if no event gave a value."""

    tools: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name → number of calls, and how many of their results are errors."""
    tool_seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Name → seconds of all calls and of the longest, if they are known."""
    before_reply: dict[str, tuple[int, int]] = field(default_factory=dict)
    """`tools` as it was before the reply of this turn."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    replies: int = 0
    """Number of replies whose duration is known."""
    replies_s: float = 0.0
    tools_s: float = 0.0
    whole_s: float | None = None
    """How long the whole run took, according to the source."""
    counted: tuple[Usage, float | None] = _NOTHING
    """Usage and duration of the reply received last, already counted: its message may repeat
    them."""
    gold_failures: tuple[int, ...] = ()
    """The messages (by seq) at which human annotators judged that the run went wrong."""

    turn: TurnCost = _NO_TURN
    earlier: tuple[TurnCost, ...] = ()
    """The costliest of the turns before `turn`, the costliest first."""

    def copy(self) -> Tally:
        """Return an independent tally with the same sums."""
        return replace(
            self,
            tools=self.tools.copy(),
            tool_seconds=self.tool_seconds.copy(),
            before_reply=self.before_reply.copy(),
        )

    def reply(self) -> None:
        """Begin a reply, which may be discarded later."""
        self.before_reply = self.tools.copy()

    def discard_reply(self) -> None:
        """Forget the calls of this reply; its cost still counts."""
        self.tools = self.before_reply.copy()

    @property
    def has_counted(self) -> bool:
        """Whether usage or duration of the reply received last are already counted."""
        return self.counted is not _NOTHING

    @property
    def costly_turns(self) -> tuple[TurnCost, ...]:
        """The costliest turns, at most `MAX_TURNS`, the costliest first."""
        turns = [turn for turn in (*self.earlier, self.turn) if any(turn.rank)]
        return tuple(sorted(turns, key=lambda turn: turn.rank, reverse=True)[:MAX_TURNS])

    def received(self, usage: Usage | None, duration_s: float | None, turn: int = 0) -> None:
        """Count the usage and duration that are recorded before the message of a reply.

        For some replies, only the message has them.
        """
        self.counted = _NOTHING
        self._spend(usage, duration_s, turn)
        if usage is not None or duration_s is not None:
            self.counted = usage or _UNKNOWN, duration_s

    def message(self, message: Message, seq: int, turn: int = 0) -> None:
        self._spend(message.usage, message.duration_s, turn)
        self.counted = _NOTHING
        if GOLD_FAILURE in message.flags and len(self.gold_failures) < MAX_LABELS:
            self.gold_failures += (seq,)

    def call(self, name: str | None) -> None:
        key = self.key(name)
        calls, errors = self.tools.get(key, (0, 0))
        self.tools[key] = (calls + 1, errors)

    def result(self, result: ToolResult, name: str | None, turn: int = 0) -> None:
        """Count a result; `name` is that of the call it answers, if there is one."""
        if result.duration_s is not None:
            self.tools_s += result.duration_s
            key = _limited_key(self.key(name), self.tool_seconds)
            total, longest = self.tool_seconds.get(key, (0.0, 0.0))
            longest = max(longest, result.duration_s)
            self.tool_seconds[key] = total + result.duration_s, longest
            self._add_to(turn, result.duration_s)
        if result.error is not None:
            self.error(name)

    def error(self, name: str | None) -> None:
        """Count an error of the tool `name`."""
        key = self.key(name)
        calls, errors = self.tools.get(key, (0, 0))
        self.tools[key] = (calls, errors + 1)

    def duration_s(self, first_ts: float | None, last_ts: float | None) -> float | None:
        """Return how long the run took, or None if that is not known.

        This is the duration that the source gives, else the time from the first event to the last,
        else the sum over replies and tools. Without known replies there is no such sum, as tools
        take the smaller part.
        """
        if self.whole_s is not None:
            return self.whole_s
        if first_ts is not None and last_ts is not None and last_ts > first_ts:
            return last_ts - first_ts
        return self.replies_s + self.tools_s if self.replies_s else None

    @property
    def latency_s(self) -> float | None:
        """The mean duration of a reply, None if none is known."""
        return self.replies_s / self.replies if self.replies else None

    def key(self, name: str | None) -> str:
        """Return the name under which calls of a tool are counted."""
        return _limited_key(name[:LONGEST_NAME] if name else NO_NAME, self.tools)

    def _add_to(
        self,
        turn: int,
        seconds: float | None,
        tokens_in: int | None = None,
        tokens_out: int | None = None,
    ) -> None:
        if seconds is None and tokens_in is None and tokens_out is None:
            return
        if turn != self.turn.turn:
            if len(self.earlier) < MAX_TURNS or self.turn.rank > self.earlier[-1].rank:
                self.earlier = self.costly_turns
            self.turn = TurnCost(turn)
        self.turn = self.turn.with_more(seconds, tokens_in, tokens_out)

    def _spend(self, usage: Usage | None, duration_s: float | None, turn: int) -> None:
        """Add the usage and duration of a reply, except what is already counted."""
        counted, counted_s = self.counted
        amounts = _UNKNOWN if usage is None else usage
        seconds = duration_s if counted_s is None else None
        tokens_in = amounts.prompt_tokens if counted.prompt_tokens is None else None
        tokens_out = amounts.completion_tokens if counted.completion_tokens is None else None
        if seconds is not None:
            self.replies += 1
            self.replies_s += seconds
        self.prompt_tokens = _sum(self.prompt_tokens, tokens_in)
        self.completion_tokens = _sum(self.completion_tokens, tokens_out)
        if counted.cost_usd is None:
            self.cost_usd = _sum(self.cost_usd, amounts.cost_usd)
        self._add_to(turn, seconds, tokens_in, tokens_out)


def _limited_key(key: str, known: Collection[str]) -> str:
    return key if key in known or len(known) < MAX_COUNTED_TOOLS else OTHER_TOOLS


def _sum(total: _Number | None, more: _Number | None) -> _Number | None:
    """Return the sum of the values that are known, None if neither is."""
    if more is None:
        return total
    return more if total is None else total + more
