"""Breakpoints: where, for which tool, on what condition, how often, and the action. One line each.

    breakpoint := (point [":" glob] ["if" expression] | expression) option*
    option     := "ignore" N | "every" N | "once" | "disabled" | "fail" | "count" | "log" string

An expression alone is about calls: `before_dispatch` is meant. `string` is a JSON string, a
template in which `{args.command}` is replaced by that field. The order of tests is: enabled, point,
glob, condition, count. Counts are of *true* conditions and are kept by the fold of the log; this
module has no state.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

from hermes_tui.debugger.stepping import STOP_POINTS, StopPoint
from hermes_tui.log.expression_values import MISSING, member
from hermes_tui.log.expressions import Expression, ExpressionError, compile_expression
from hermes_tui.model.errors import UsageError, near_hint
from hermes_tui.model.messages import ToolSpec

FIELDS: Final[Mapping[str, str]] = {
    "point": "stop point, such as before_dispatch",
    "turn": "turn number, from 1",
    "attempt": "number of the request within its turn, from 1",
    "hits": "how often this breakpoint's condition held before: hits < 2 for the first two",
    "tool": "name of the tool that is called",
    "name": "the same as tool",
    "args": "arguments of the call: args.command, args['path']",
    "arguments": "the same as args",
    "text": "argument text of a call, content of a result, text of a reply, a failure's message",
    "id": "id of the call",
    "index": "position of the call in its reply, from 0",
    "origin": "object, custom-object, dict, flat-dict, text or unknown",
    "state": "state of the arguments: json-string, double-encoded, not-json, …",
    "repeats": "how often the same call was proposed before in this run",
    "error": "true for a result that is an error",
    "finish": "finish_reason of the reply",
    "calls": "number of calls in the reply",
}


_MAX_NAMED_TOOLS: Final = 8
_NEAR_CUTOFF: Final = 0.7
"""A name less similar to a stop point may be that of a tool, such as `run`."""


class Action(StrEnum):
    """What a breakpoint that takes effect does. `fail` ends the run."""

    STOP = "stop"
    LOG = "log"
    FAIL = "fail"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A breakpoint. `ignore`: how many first hits have no effect; `every` N: of later ones only
    each Nth has one."""

    id: str
    point: StopPoint
    tool: str = "*"
    where: str = ""
    ignore: int = 0
    every: int = 1
    once: bool = False
    enabled: bool = True
    action: Action = Action.STOP
    log: str = ""

    @property
    def text(self) -> str:
        """The breakpoint as one line, which `parse_breakpoint` reads back."""
        parts = [self.point.value if self.tool == "*" else f"{self.point}:{self.tool}"]
        if self.where:
            parts.append(f"if {self.where}")
        if self.ignore:
            parts.append(f"ignore {self.ignore}")
        if self.every > 1:
            parts.append(f"every {self.every}")
        if self.once:
            parts.append("once")
        if not self.enabled:
            parts.append("disabled")
        if self.action is Action.LOG:
            parts.append(f"log {json.dumps(self.log)}")
        elif self.action is not Action.STOP:
            parts.append(self.action)
        return " ".join(parts)


_OPTION = re.compile(
    r"(?:^|\s)(?:(?P<word>once|disabled|fail|count)"
    r"|(?P<number>ignore|every)\s+(?P<value>\d{1,9})"
    r'|log\s+(?P<log>"(?:[^"\\]|\\.)*+"))$'
)
_HEAD = re.compile(r"(?P<point>\w+)(?::(?P<tool>\S+))?(?:\s+if\s+(?P<where>.+))?")
_BARE_LOG = re.compile(r"(?:^|\s)log\s+[^\s\"=!<>]")
_PLACEHOLDER = re.compile(r"\{([a-z_]\w*(?:\.[\w-]+)*)\}")


def parse_breakpoint(text: str, *, breakpoint_id: str) -> Breakpoint:
    """Return the breakpoint that `text` describes. Raises UsageError if it describes none."""
    rest, options = _split_options(text.strip())
    head = _HEAD.fullmatch(rest)
    if head is None or "\n" in text:
        return _condition(text, rest, breakpoint_id, options)
    point, tool, where = (
        point_named(head["point"]),
        head["tool"] or "*",
        (head["where"] or "").strip(),
    )
    if tool != "*" and not STOP_POINTS[point].about_call:
        raise UsageError(f"{point} does not belong to a call", f"leave out :{tool}")
    if where:
        _compiled(where)
    return Breakpoint(breakpoint_id, point, tool, where, **options)


def why_without_effect(breakpoint: Breakpoint, tools: Iterable[ToolSpec] | None) -> Iterator[str]:
    """Yield the reasons why a breakpoint can never take effect in a run with these tools.

    `tools` is None if they are not known.
    """
    pattern, names = breakpoint.tool, [tool.name for tool in tools or ()]
    is_unknown = not any(fnmatchcase(name, pattern) for name in names)
    if tools is not None and pattern != "*" and is_unknown:
        available = f"available: {', '.join(names[:_MAX_NAMED_TOOLS])}" if names else ""
        hint = near_hint(pattern, names, available)
        yield f"no tool is called {pattern}{hint and f'; {hint}'}"
    if term := _term_waiting_for_itself(breakpoint.where):
        counted = "hits counts how often the whole condition was"
        yield f"{term} is never true: {counted}; write ignore N instead"


def _term_waiting_for_itself(where: str) -> str:
    """Return the term of a condition that needs `hits` above 0, which counts its own successes."""
    if not where or "hits" not in _compiled(where).names:
        return ""
    with warnings.catch_warnings():
        # Python warns about "\d" in plain strings.
        warnings.simplefilter("ignore")
        tree = ast.parse(where, mode="eval").body
    terms = [tree]
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        terms = tree.values
    for term in terms:
        text = ast.unparse(term)
        expression = _compiled(text)
        if expression.names == {"hits"} and not expression.matches({"hits": 0}):
            return text
    return ""


def _condition(text: str, rest: str, breakpoint_id: str, options: dict[str, Any]) -> Breakpoint:
    """Return the breakpoint that consists of an expression only. Raises UsageError."""
    try:
        _compiled(rest)
    except ExpressionError as error:
        hint = "for example: before_dispatch:terminal if 'rm' in args.command"
        if _BARE_LOG.search(rest):
            hint = 'the text after log must be in double quotes: log "…"'
        raise UsageError(f"not a breakpoint: {text!r}: {error.message}", hint) from error
    return Breakpoint(breakpoint_id, StopPoint.BEFORE_DISPATCH, where=rest, **options)


def _split_options(text: str) -> tuple[str, dict[str, Any]]:
    """Split the options off the end of `text`. No expression can end in one of them."""
    options: dict[str, Any] = {}
    while found := _OPTION.search(text):
        text = text[: found.start()].rstrip()
        if found["log"]:
            options |= {"action": Action.LOG, "log": _template(found["log"])}
        elif found["number"]:
            options[found["number"]] = int(found["value"])
        elif found["word"] == "once":
            options["once"] = True
        elif found["word"] == "disabled":
            options["enabled"] = False
        else:
            options["action"] = Action(found["word"])
    if options.get("every") == 0:
        raise UsageError("every 0 would never take effect", "to switch it off, write: disabled")
    return text, options


def _template(quoted: str) -> str:
    """Return the template of a quoted log text.

    Raises UsageError if it is not a JSON string, or names an unknown field.
    """
    try:
        template = str(json.loads(quoted))
    except ValueError as error:
        raise UsageError(f"the log text {quoted} is not a JSON string: {error}") from error
    for found in _PLACEHOLDER.finditer(template):
        name = found[1].partition(".")[0]
        if name not in FIELDS:
            hint = near_hint(name, FIELDS, f"known: {', '.join(FIELDS)}")
            raise UsageError(f"unknown name {name!r} in the log text", hint)
    return template


def point_named(name: str) -> StopPoint:
    """Return the stop point of that name. Raises UsageError if there is none."""
    try:
        return StopPoint(name)
    except ValueError:
        near = get_close_matches(name, list(StopPoint), n=3, cutoff=_NEAR_CUTOFF)
        hint = f"did you mean {', '.join(near)}?"
        if not near:
            points = ", ".join(StopPoint)
            hint = f"before_dispatch:{name} stops at calls of the tool {name}; points: {points}"
        raise UsageError(f"no stop point is called {name!r}", hint) from None


@lru_cache(maxsize=512)
def _compiled(where: str) -> Expression:
    return compile_expression(where, FIELDS)


class Hit(NamedTuple):
    """A condition that was true. `action` is None if its count says that nothing happens yet."""

    action: Action | None
    note: str = ""


def hit(breakpoint: Breakpoint, fields: Mapping[str, Any], hits: int) -> Hit | None:
    """Return what `breakpoint` does at a point with these fields, after `hits` earlier hits.

    Return None if it does not match. A condition that cannot be evaluated stops the run: better
    one stop too many than a call let through.
    """
    if not breakpoint.enabled or breakpoint.point != fields["point"]:
        return None
    if breakpoint.tool != "*" and not fnmatchcase(fields.get("tool") or "", breakpoint.tool):
        return None
    if breakpoint.where:
        try:
            if not _compiled(breakpoint.where).evaluate({**fields, "hits": hits}):
                return None
        except ExpressionError as error:
            return Hit(Action.STOP, f"{breakpoint.id}: {error.message} (if {breakpoint.where})")
    counted = hits + 1 - breakpoint.ignore
    if counted <= 0 or counted % breakpoint.every:
        return Hit(None)
    log_fields = {**fields, "hits": hits}
    note = render_log(breakpoint.log, log_fields) if breakpoint.action is Action.LOG else ""
    return Hit(breakpoint.action, note)


def render_log(template: str, fields: Mapping[str, Any]) -> str:
    """Return `template` with its `{placeholders}` filled in; a missing field is left empty."""

    def value(found: re.Match[str]) -> str:
        name, *path = found[1].split(".")
        item = fields.get(name, MISSING)
        for key in path:
            item = member(item, key)
        if item is MISSING:
            return ""
        return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str)

    return _PLACEHOLDER.sub(value, template)


def free_id(used_ids: Collection[str]) -> str:
    """Return the first of b1, b2 … that is not in `used_ids`."""
    return next(name for number in count(1) if (name := f"b{number}") not in used_ids)
