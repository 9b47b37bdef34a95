"""Tool calls that arrive in parts.

A part belongs to the call with its index and id. A new id at a used index begins a new call if
the part has a name: some servers make up a new id for every part of one call. A part without an id
continues the last call of its index, and one without index and id the last call of all,
unless it has a name and arguments of its own and the arguments before it are already complete.
If that differs from joining by index, as clients do, it is reported.
"""

from __future__ import annotations

from typing import Any

import orjson

from hermes_tui.formats.streams.brackets import Brackets
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.parsers.plain_values import json_text

Piece = tuple[str, str]
"""An addition to a call: "call" and a piece of its name, or "arguments" and a piece of them."""

_Id = str | float | tuple[str] | None
"""An id; a list or an object is replaced by its JSON."""


class GrowingFunction:
    """A function of a call, while its name and its text (arguments or input) arrive."""

    def __init__(self, text_key: str) -> None:
        self._text_key = text_key
        self._members: dict[str, Any] = {}
        self._pieces: list[str] = []
        self._value: Any = None
        self._brackets = Brackets()
        self._followed = 0
        """How many of the pieces `_brackets` has received."""
        self._is_object: bool | None = None
        """Whether the text was an object when its brackets closed; None before that."""

    @property
    def is_begun(self) -> bool:
        """Return whether any part has arrived."""
        return bool(self._members)

    @property
    def has_text(self) -> bool:
        """Return whether any piece of the arguments has arrived as text."""
        return bool(self._pieces)

    @property
    def has_whole_arguments(self) -> bool:
        """Return whether the arguments so far are a closed object."""
        if self._value is not None:
            return True
        self._brackets.take("".join(self._pieces[self._followed :]))
        self._followed = len(self._pieces)
        if not self._brackets.are_closed or self._brackets.has_more:
            return False
        if self._is_object is None:
            self._is_object = _is_object("".join(self._pieces))
        return self._is_object

    def add(self, part: dict[str, Any]) -> list[Piece]:
        """Merge a part; return the pieces that it adds."""
        added: list[Piece] = []
        for key, value in part.items():
            if key == "name" and isinstance(value, str):
                if addition := self._add_name(value):
                    added.append(("call", addition))
            elif key == self._text_key and value is not None:
                self._members.setdefault(key, None)
                if text := self._add_text(value):
                    added.append(("arguments", text))
            elif value is not None or key not in self._members:
                self._members[key] = value
        return added

    def whole(self) -> dict[str, Any]:
        """Return the function with everything received so far."""
        members = dict(self._members)
        if self._value is not None:
            members[self._text_key] = self._value
        elif self._pieces:
            members[self._text_key] = "".join(self._pieces)
        return members

    def _add_name(self, name: str) -> str:
        """Add a name; return what it adds, since names may be repeated or arrive in pieces."""
        before = self._members.get("name")
        if not isinstance(before, str) or not before:
            self._members["name"] = name
            return name
        if not name or name == before or any(self._pieces) or self._value is not None:
            return ""
        addition = name.removeprefix(before)
        self._members["name"] = before + addition
        return addition

    def _add_text(self, value: Any) -> str:
        if isinstance(value, str) and self._value is None:
            if value or not self._pieces:
                self._pieces.append(value)
            return value
        if isinstance(value, str):
            # Text after a value: how they belong together is unknown, so all of it is kept.
            self._pieces = [json_text(self._value), value]
            self._brackets, self._followed, self._is_object = Brackets(), 0, None
            self._value = None
            return value
        if any(self._pieces):
            self._pieces.append(json_text(value))
        else:
            self._value = value
        return json_text(value)


class _Call:
    def __init__(self, index: int | None, position: int, raw: Any = None) -> None:
        self.index = index
        self.position = position
        self.raw = raw
        self.id: Any = None
        self.members: dict[str, Any] = {}
        self.flat = GrowingFunction("arguments")
        self.functions: dict[str, GrowingFunction] = {}

    @property
    def has_part_of_arguments(self) -> bool:
        """Return whether arguments have begun as text and are not complete."""
        parts = (self.flat, *self.functions.values())
        return any(part.has_text for part in parts) and not self.has_whole_arguments

    @property
    def has_whole_arguments(self) -> bool:
        return any(part.has_whole_arguments for part in (self.flat, *self.functions.values()))

    def add(self, part: dict[str, Any]) -> list[Piece]:
        added: list[Piece] = []
        for key, value in part.items():
            if key in ("function", "custom") and isinstance(value, dict):
                if key not in self.functions:
                    self.functions[key] = GrowingFunction(
                        "input" if key == "custom" else "arguments"
                    )
                added.extend(self.functions[key].add(value))
            elif key in ("name", "arguments"):
                added.extend(self.flat.add({key: value}))
            elif key == "id" and self.id is not None:
                continue
            elif key != "index" and (value not in (None, "") or key not in self.members):
                self.members[key] = value
        self.id = self.members.get("id") or None
        return added

    def whole(self) -> Any:
        if self.raw is not None:
            return self.raw
        functions = {key: function.whole() for key, function in self.functions.items()}
        return {**self.members, **self.flat.whole(), **functions}


class StreamedCalls:
    """The calls of one message, in the order in which they began."""

    def __init__(self) -> None:
        self.flaws: dict[str, Diagnostic] = {}
        """Findings by message, about calls that clients would join differently."""
        self._calls: list[_Call] = []
        self._last: dict[tuple[int | None, _Id], _Call] = {}
        """The last call by index and id; None stands for any index or id."""

    def add(self, value: Any, *, is_whole: bool = False) -> list[tuple[str, str, int]]:
        """Merge the `tool_calls` of a delta; return the pieces, each with its call's position.

        `is_whole`: they are the calls of a whole message, which need no index.
        """
        added: list[tuple[str, str, int]] = []
        same_delta: set[_Call] = set()
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                if not is_whole:
                    self._check_index(part)
                call = self._call_of(part, same_delta)
                had_id = call.id is not None
                added.extend((*piece, call.position) for piece in call.add(part))
                if call.id is not None and not had_id:
                    self._register(call)
                same_delta.add(call)
            elif part is not None:
                # Not a call, but the value is kept.
                self._calls.append(_Call(None, len(self._calls), part))
        return added

    @property
    def gap(self) -> str:
        """Return a message about the first index that no call has, or "" if there is no gap."""
        indices = {call.index for call in self._calls if call.index is not None and call.index >= 0}
        missing = next((index for index in range(len(indices)) if index not in indices), None)
        return "" if missing is None else f"no streamed call has index {missing}"

    def whole(self) -> list[Any]:
        """Return the calls so far, in the order of their indices."""
        order = [
            (call.index if call.index is not None else position, position)
            for position, call in enumerate(self._calls)
        ]
        return [self._calls[position].whole() for _, position in sorted(order)]

    def _call_of(self, part: dict[str, Any], same_delta: set[_Call]) -> _Call:
        """Return the call that `part` belongs to.

        `same_delta` are the calls of the parts before it in the same delta.
        """
        index = _index(part.get("index"))
        id = part.get("id") or None
        same = None if id is None else self._last.get((index, _hashable(id)))
        if same is not None:
            return same
        has_name, has_arguments = _has_name_and_arguments(part)
        last = None if index is None and id is not None else self._last.get((index, None))
        if last is None:
            is_piece = id is None and not has_name and has_arguments and self._is_under_way()
            return self._continue_latest(index) if is_piece else self._begin(index)
        if id is not None and last.id is not None:
            return self._begin_another(index) if has_name or last.has_whole_arguments else last
        if not has_name or not has_arguments:
            return last
        is_other = (index is None and last in same_delta) or last.has_whole_arguments
        return self._begin_another(index) if is_other else last

    def _check_index(self, part: dict[str, Any]) -> None:
        if _index(part.get("index")) is None:
            state = (
                "missing" if "index" not in part else "null" if part["index"] is None else "invalid"
            )
            hint = "clients that join calls by index lose this one, or fail"
            self._report(f"the index of a streamed call is {state}", hint)

    def _is_under_way(self) -> bool:
        """Return whether the arguments of the latest call have begun and are not complete."""
        last = self._calls[-1] if self._calls else None
        return last is not None and last.raw is None and last.has_part_of_arguments

    def _continue_latest(self, index: int | None) -> _Call:
        """Return the latest call, which a part without id and name continues; report that."""
        last = self._calls[-1]
        place = len(self._calls) - 1 if last.index is None else last.index
        hint = "clients that join calls by index get two of them, both with broken arguments"
        self._report(f"a piece of streamed call {place} has the index {index}", hint)
        return last

    def _begin_another(self, index: int | None) -> _Call:
        """Begin a call at an index that is in use, which is reported, or one without an index."""
        if index is not None:
            hint = "clients that join calls by index merge them, and the arguments are not JSON"
            self._report(f"several streamed calls have index {index}", hint)
        return self._begin(index)

    def _report(self, message: str, hint: str) -> None:
        finding = Diagnostic(Code.REPLY_SHAPE, Severity.WARNING, message, hint=hint)
        self.flaws.setdefault(message, finding)

    def _begin(self, index: int | None) -> _Call:
        call = _Call(index, len(self._calls))
        self._calls.append(call)
        self._last[None, None] = self._last[index, None] = call
        return call

    def _register(self, call: _Call) -> None:
        """Register a call by its id."""
        for key in ((None, _hashable(call.id)), (call.index, _hashable(call.id))):
            if key not in self._last or self._last[key].position < call.position:
                self._last[key] = call


def _hashable(id: Any) -> _Id:
    return id if isinstance(id, str | int | float) else (json_text(id),)


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except ValueError:
        return False


def _has_name_and_arguments(part: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether `part` has a name, and whether it has arguments."""
    places = [
        part,
        *(part[key] for key in ("function", "custom") if isinstance(part.get(key), dict)),
    ]
    return (
        any(item.get("name") for item in places),
        any(item.get("arguments") or item.get("input") for item in places),
    )


def _index(value: Any) -> int | None:
    if isinstance(value, str):
        return whole_number(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
