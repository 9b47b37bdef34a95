"""The order and choice of the runs on the runs screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_tui.ui.feeds import RunRow

if TYPE_CHECKING:
    from hermes_tui.log.expressions import Expression

FIELDS: dict[str, str] = {
    "run": "position of the run in the order it was read, from 1",
    "id": "id of the run",
    "task": "task or first user message",
    "model": "model",
    "turns": "replies of the model",
    "messages": "messages",
    "calls": "tool calls",
    "results": "tool results",
    "tool_errors": "tool errors",
    "errors": "findings of severity error",
    "warnings": "findings of severity warning",
    "codes": 'findings by code: codes.CALL_IN_CONTENT > 0, "TRUNCATED" in codes',
    "reward": "reward, missing where the file has none",
    "status": "ok, failed, error, truncated or unknown",
    "size": "characters of text",
    "format": "format of the file",
    "file": "path of the file",
    "group": "id of the group that the run belongs to",
}
FIELD_NAMES = tuple(FIELDS)
SORTS = (
    "run",
    "errors",
    "warnings",
    "tool_errors",
    "turns",
    "calls",
    "reward",
    "size",
    "status",
    "model",
    "task",
    "id",
)


def run_fields(number: int, row: RunRow) -> dict[str, Any]:
    """Return a run as plain JSON values, keyed by `FIELDS`."""
    summary = row.summary
    return {
        "run": number + 1,
        "id": summary.run_id,
        "task": summary.task,
        "model": summary.model,
        "turns": summary.turns,
        "messages": summary.messages,
        "calls": summary.calls,
        "results": summary.results,
        "tool_errors": summary.tool_errors,
        "errors": summary.errors,
        "warnings": summary.warnings,
        "codes": dict(summary.codes),
        "reward": summary.reward,
        "status": summary.status,
        "size": summary.characters,
        "format": summary.format,
        "file": row.file_label,
        "group": summary.group_id,
    }


class RunsModel:
    """Which runs are listed, and in what order. `order` holds positions in the rows as read."""

    def __init__(self, rows: list[RunRow]) -> None:
        self.rows = rows
        self.order: list[int] = []
        self.sort_name = "run"
        self.descending = False
        self.filter: Expression | None = None
        self.filter_text = ""
        self.search_text = ""
        self.matches: list[int] = []
        self.revision = 0
        """Grows whenever rows that were listed before may stand elsewhere or read differently."""
        self._seen = 0
        self._kept: int | None = None

    def __len__(self) -> int:
        return len(self.order)

    def row(self, position: int) -> RunRow:
        return self.rows[self.order[position]]

    def keep(self, position: int) -> None:
        """Remember the run under the cursor, so that sorting does not lose it."""
        self._kept = self.order[position] if position < len(self.order) else None

    def kept_position(self) -> int | None:
        """Return where the remembered run stands now."""
        if self._kept is None or self._kept not in self.order:
            return None
        return self.order.index(self._kept)

    def update(self, *, again: bool = False) -> None:
        """Take in rows that were read since, or all rows `again`."""
        if again:
            self.order, self._seen = [], 0
        fresh = [n for n in range(self._seen, len(self.rows)) if self._passes(n)]
        self._seen = len(self.rows)
        self.order.extend(fresh)
        if (fresh or again) and not (self.sort_name == "run" and not self.descending):
            self.order.sort(key=self._sort_key, reverse=self.descending)
            self.revision += 1
        self.revision += again
        if self.search_text and (fresh or again):
            self._find()

    def _passes(self, number: int) -> bool:
        return self.filter is None or self.filter.matches(run_fields(number, self.rows[number]))

    def _sort_key(self, number: int) -> tuple[bool, Any]:
        value = run_fields(number, self.rows[number])[self.sort_name]
        if value is None:
            return (not self.descending, 0)
        return (self.descending, value)

    def sort_by_next(self) -> None:
        """Sort by the next column; counts begin with the largest."""
        self.sort_name = SORTS[(SORTS.index(self.sort_name) + 1) % len(SORTS)]
        self.descending = self.sort_name not in ("run", "status", "model", "task", "id")
        self.update(again=True)

    def reverse(self) -> None:
        self.descending = not self.descending
        self.update(again=True)

    def try_filter(self, text: str) -> str:
        """Filter by an expression, none if it is empty; return what is wrong with it, or ""."""
        from hermes_tui.log.expressions import ExpressionError, compile_expression

        expression = None
        if text.strip():
            try:
                expression = compile_expression(text, FIELD_NAMES)
            except ExpressionError as error:
                return str(error)
        self.filter, self.filter_text = expression, text.strip()
        self.update(again=True)
        return ""

    def set_search(self, text: str) -> None:
        self.search_text = text
        self._find()

    def _find(self) -> None:
        wanted = self.search_text.casefold()
        self.matches = [
            position
            for position in range(len(self.order))
            if wanted and wanted in self.line(position).casefold()
        ]

    def next_match(self, position: int, step: int) -> int | None:
        """Return the next match from `position` in the direction `step`, around the ends."""
        if not self.matches:
            return None
        if step > 0:
            return next((m for m in self.matches if m > position), self.matches[0])
        return next((m for m in reversed(self.matches) if m < position), self.matches[-1])

    def line(self, position: int) -> str:
        """Return a run as one line of text."""
        if position >= len(self.order):
            return ""
        row = self.row(position)
        summary = row.summary
        codes = " ".join(f"{code}×{count}" for code, count in summary.codes)
        return (
            f"{row.file_label} run {row.ref.number + 1} {summary.run_id} {summary.task} "
            f"{summary.model} {summary.status} {codes}"
        )
