"""What a run adds up to beside its counts: tools by name, tokens, cost, seconds, labelled steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from hermes_tui.model.messages import GOLD_FAILURE, Message, ToolResult, Usage

MOST_TOOLS: Final = 256
"""Names told apart in one run; calls of further ones count as `OTHER_TOOLS`."""
OTHER_TOOLS: Final = "(other tools)"
NO_NAME: Final = "(no name)"
LONGEST_NAME: Final = 120
MOST_LABELS: Final = 1_000


@dataclass(slots=True)
class Tally:
    """Sums over the events so far; None where no event said anything."""

    tools: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name → calls, and how many of their results are errors."""
    before_reply: dict[str, tuple[int, int]] = field(default_factory=dict)
    """`tools` as they were before the reply of this turn."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    replies: int = 0
    """Replies whose duration is known."""
    replies_s: float = 0.0
    tools_s: float = 0.0
    gold_failures: tuple[int, ...] = ()
    """The messages (by seq) at which, as people judged, the run went wrong."""

    def copy(self) -> Tally:
        """Return an independent tally with the same sums."""
        return replace(self, tools=self.tools.copy(), before_reply=self.before_reply.copy())

    def reply(self) -> None:
        """Begin a reply, which may be discarded later."""
        self.before_reply = self.tools.copy()

    def discard_reply(self) -> None:
        """Forget the calls of this reply; what it cost is spent."""
        self.tools = self.before_reply.copy()

    def message(self, message: Message, seq: int) -> None:
        if message.usage is not None:
            self._use(message.usage)
        if message.duration_s is not None:
            self.replies += 1
            self.replies_s += message.duration_s
        if GOLD_FAILURE in message.flags and len(self.gold_failures) < MOST_LABELS:
            self.gold_failures += (seq,)

    def call(self, name: str | None) -> None:
        key = self.key(name)
        calls, errors = self.tools.get(key, (0, 0))
        self.tools[key] = (calls + 1, errors)

    def result(self, result: ToolResult, name: str | None) -> None:
        """Take in a result; `name` is that of the call that it answers, where there is one."""
        if result.duration_s is not None:
            self.tools_s += result.duration_s
        if result.error is not None:
            self.error(name)

    def error(self, name: str | None) -> None:
        """Count an error of the tool `name`."""
        key = self.key(name)
        calls, errors = self.tools.get(key, (0, 0))
        self.tools[key] = (calls, errors + 1)

    def duration_s(self, first_ts: float | None, last_ts: float | None) -> float | None:
        """Return the seconds from the first event to the last, else those that replies and tools
        took; None where nothing is known of either."""
        if first_ts is not None and last_ts is not None and last_ts > first_ts:
            return last_ts - first_ts
        return self.replies_s + self.tools_s or None

    @property
    def latency_s(self) -> float | None:
        """The mean seconds that a reply took."""
        return self.replies_s / self.replies if self.replies else None

    def key(self, name: str | None) -> str:
        """Return the name that calls of a tool are counted by."""
        key = name[:LONGEST_NAME] if name else NO_NAME
        return key if key in self.tools or len(self.tools) < MOST_TOOLS else OTHER_TOOLS

    def _use(self, usage: Usage) -> None:
        if usage.prompt_tokens is not None:
            self.prompt_tokens = (self.prompt_tokens or 0) + usage.prompt_tokens
        if usage.completion_tokens is not None:
            self.completion_tokens = (self.completion_tokens or 0) + usage.completion_tokens
        if usage.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + usage.cost_usd
