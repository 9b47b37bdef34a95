"""How the lines of a Claude Code session are related: which were rewound, and which are copied.

`parentUuid` makes a tree. A session that was resumed or forked into a new file begins with the
lines of the earlier session, which keep its `sessionId` or have `forkedFrom: {"sessionId", …}`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from hermes_tui.formats import fields

COPIED = "copied"
"""Flag of a message of another session."""

Line = tuple[int, dict[str, Any]]
"""A line of a file with its number, from 0."""
Lines = list[Line]


def split_lines(lines: Lines, is_own: Callable[[dict[str, Any]], bool]) -> tuple[Lines, Lines]:
    """Return the lines for which `is_own` holds, and all others."""
    own = {index for index, row in lines if is_own(row)}
    return [x for x in lines if x[0] in own], [x for x in lines if x[0] not in own]


class History(NamedTuple):
    """The session that lines belong to, and the session that it continues, if any."""

    session: str = ""
    goes_on_from: str = ""

    def is_copied(self, row: dict[str, Any]) -> bool:
        """Return whether a line was copied from the earlier session."""
        return bool(self.goes_on_from) and _origin(row) != self.session


def uuid_of(row: dict[str, Any]) -> str:
    return fields.label(row, "uuid")


def _forked_from(row: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(row.get("forkedFrom")), "sessionId")


def _origin(row: dict[str, Any]) -> str:
    return _forked_from(row) or fields.label(row, "sessionId")


def history_of(lines: Lines) -> History:
    """Return the session that lines belong to: the last one, if it continues an earlier one.

    Sessions in one file that are not related are treated as the first of them.
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
    if follows or any(map(_forked_from, earlier)):
        return History(session, _origin(earlier[-1]))
    return History(fields.label(lines[0][1], "sessionId"))


def rewound_uuids(
    own: Lines, others: Lines, is_prompt: Callable[[dict[str, Any]], bool]
) -> frozenset[str]:
    """Return the uuids of the lines that a person rewound.

    They are each prompt that a later one with the same parent replaces, and its branch. Branches of
    parallel calls do not count, since they do not start with a prompt. `others` are lines that are
    not messages, which may come between those of `own` in a branch.
    """
    between = (line for line in others if uuid_of(line[1]))
    lines = sorted((*own, *between), key=lambda line: line[0])
    parents = {uuid_of(row): fields.label(row, "parentUuid") for _, row in lines}
    prompts: dict[str, list[str]] = defaultdict(list)
    for _, row in own:
        if is_prompt(row) and parents[uuid_of(row)]:
            prompts[parents[uuid_of(row)]].append(uuid_of(row))
    replaced = {name for siblings in prompts.values() for name in siblings[:-1]}
    if not replaced:
        return frozenset()
    rewound: set[str] = set()
    for _, row in lines:
        name = uuid_of(row)
        if name in replaced or parents[name] in rewound:
            rewound.add(name)
    return frozenset(rewound)
