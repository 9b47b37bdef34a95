"""How the lines of a session of Claude Code hang together: what was rewound, and what is copied.

`parentUuid` makes a tree. A session that was resumed or forked into a new file begins with the
lines of the other one: these keep its `sessionId`, or have `forkedFrom: {"sessionId", …}`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from hermes_tui.formats import fields

COPIED = "copied"
"""Flag of what another session said."""

Line = tuple[int, dict[str, Any]]
"""A line of a file with its number, from 0."""
Lines = list[Line]


class History(NamedTuple):
    """The session that lines are of, and the one that it goes on from, if any."""

    session: str = ""
    goes_on_from: str = ""

    def is_copied(self, row: dict[str, Any]) -> bool:
        """Say whether a line was copied from the other session."""
        return bool(self.goes_on_from) and _origin(row) != self.session


def uuid_of(row: dict[str, Any]) -> str:
    return fields.label(row, "uuid")


def _forked(row: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(row.get("forkedFrom")), "sessionId")


def _origin(row: dict[str, Any]) -> str:
    return _forked(row) or fields.label(row, "sessionId")


def history_of(lines: Lines) -> History:
    """Return which session lines are of: the last one, where it goes on with lines of another.

    Sessions that only stand in one file are taken for the first.
    """
    if not lines:
        return History()
    session = fields.label(lines[-1][1], "sessionId")
    earlier = [row for _, row in lines if _origin(row) not in ("", session)]
    if not session or not earlier:
        return History(fields.label(lines[0][1], "sessionId"))
    names = {uuid_of(row) for row in earlier} - {""}
    own = (row for _, row in lines if _origin(row) == session)
    follows = any(fields.label(row, "parentUuid") in names for row in own)
    if follows or any(map(_forked, earlier)):
        return History(session, _origin(earlier[-1]))
    return History(fields.label(lines[0][1], "sessionId"))


def left_behind(
    own: Lines, others: Lines, is_prompt: Callable[[dict[str, Any]], bool]
) -> frozenset[str]:
    """Return the lines of branches that a person rewound: what follows a prompt typed anew.

    Branches that parallel calls make are none: they do not start with a prompt. `others` are lines
    that say nothing and may stand between them.
    """
    between = (line for line in others if uuid_of(line[1]))
    lines = sorted((*own, *between), key=lambda line: line[0])
    parents = {uuid_of(row): fields.label(row, "parentUuid") for _, row in lines}
    prompts: dict[str, list[str]] = defaultdict(list)
    for _, row in own:
        if is_prompt(row) and parents[uuid_of(row)]:
            prompts[parents[uuid_of(row)]].append(uuid_of(row))
    replaced = {name for several in prompts.values() for name in several[:-1]}
    if not replaced:
        return frozenset()
    left: set[str] = set()
    for _, row in lines:
        name = uuid_of(row)
        if name in replaced or parents[name] in left:
            left.add(name)
    return frozenset(left)
