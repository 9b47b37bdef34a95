"""Odd JSON values, made from valid ones or from words.

The caller supplies the function that makes every choice, so that hypothesis, a fuzzer or a seeded
random generator can drive it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from importlib import import_module
from types import CodeType, ModuleType
from typing import Any

Pick = Callable[[int], int]
"""Return a number from 0 up to, but not including, the argument."""

MAX_DEPTH = 6
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 2**63, -(2**70), 1.5, -0.0, 1e308, "", " ", "x", "\0", "\ud800",
    "\u2028", "é" * 9, "null", "[]", "{}", "[1", '{"a":', '"x"', "0", "1e999", "2025-01-01",
    "2025-13-45T99:99:99Z", "9" * 40, "data: {}\n\n", "<tool_call>{}</tool_call>", "<think>",
    "THOUGHT: x\n```bash\nls\n```", "Action: ls\nAction Input: {", "a/b~c", "\x1b[31m", "x" * 3000,
    [], [None], [[]], [{}], ["x"], [["x", "y"]], [0.5], {}, {"": None}, {"a": {"b": []}},
    {"role": "user", "content": "x"}, [{"role": "tool", "content": [{"type": "text"}]}],
)  # fmt: skip


def pruned(value: Any, length: int = 6, depth: int = 12) -> Any:
    """Return a small copy of a value: both ends of each list, the beginning of each text."""
    if isinstance(value, dict):
        members = list(value.items())[: 5 * length]
        return {key: pruned(item, length, depth - 1) for key, item in members} if depth else {}
    if isinstance(value, list):
        kept = value if len(value) <= length else value[: length - 1] + value[-1:]
        return [pruned(item, length, depth - 1) for item in kept] if depth else []
    return value[:300] if isinstance(value, str) else value


def mutated(value: Any, pick: Pick, others: Sequence[Any] = ODD, times: int = 3) -> Any:
    """Return a copy of `value` with up to `times` nodes replaced, duplicated, moved or removed."""
    whole = [deepcopy(value)]
    for _ in range(1 + pick(times)):
        holder, key = _place(whole, pick)
        match pick(8):
            case 0 if isinstance(holder, dict) or len(whole) < len(holder):
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, deepcopy(holder[key]))
            case 2:
                other, at = _place(whole, pick)
                holder[key] = deepcopy(other[at])
            case 3:
                holder[key] = [holder[key]]
            case 4 if isinstance(holder, dict):
                holder[str(others[pick(len(others))])[:40]] = holder.pop(key)
            case 5 if isinstance(holder, list) and len(holder) > 1:
                holder.reverse()
            case _:
                holder[key] = deepcopy(others[pick(len(others))])
    return whole[0] if whole else None


def _place(whole: list[Any], pick: Pick) -> tuple[Any, Any]:
    """Return a container in `whole` and one of its keys, chosen alike at every depth."""
    holder: Any = whole
    key: Any = 0
    for _ in range(pick(12)):
        inner = holder[key]
        if not isinstance(inner, (dict, list)) or not inner:
            break
        holder = inner
        key = list(inner)[pick(len(inner))] if isinstance(inner, dict) else pick(len(inner))
    return holder, key


def grown(words: Sequence[str], pick: Pick, depth: int = MAX_DEPTH) -> Any:
    """Return a new value whose keys, and many of whose texts, are among `words`."""
    match pick(8 if depth else 4):
        case 0:
            return words[pick(len(words))]
        case 1:
            return ODD[pick(len(ODD))]
        case 2:
            return f"{words[pick(len(words))]} {words[pick(len(words))]}"
        case 3:
            return pick(1000)
        case 4:
            return [grown(words, pick, depth - 1) for _ in range(pick(4))]
        case _:
            size = pick(7)
            return {words[pick(len(words))]: grown(words, pick, depth - 1) for _ in range(size)}


def vocabulary(module: ModuleType) -> list[str]:
    """Return the strings in a format's code and in the code that it builds on."""
    words: set[str] = set()
    seen: set[str] = set()
    todo = [module]
    while todo:
        one = todo.pop()
        if one.__name__ in seen:
            continue
        seen.add(one.__name__)
        for name, item in vars(one).items():
            if not name.startswith("__"):
                words.update(_texts(item, one.__name__))
                todo += _module_of(item)
    return sorted(word for word in words if 0 < len(word) < 40 and "\n" not in word)


def _module_of(item: Any) -> list[ModuleType]:
    name = getattr(item, "__module__", None)
    is_ours = isinstance(name, str) and name.startswith("hermes_tui.formats.")
    return [import_module(name)] if is_ours and isinstance(name, str) else []


def _texts(item: Any, module: str) -> set[str]:
    """Return the strings in a constant, a function or a class of `module`."""
    if isinstance(item, str):
        return {item}
    if isinstance(item, (tuple, list, set, frozenset, dict)):
        return set().union(*(_texts(inner, module) for inner in item))
    if isinstance(item, CodeType):
        return set().union(*(_texts(inner, module) for inner in item.co_consts))
    if getattr(item, "__module__", None) != module:
        return set()
    if isinstance(item, type):
        return set().union(*(_texts(inner, module) for inner in vars(item).values()))
    code = getattr(item, "__code__", None)
    return _texts(code, module) if isinstance(code, CodeType) else set()


def lists_in(value: Any) -> list[list[Any]]:
    """Return every non-empty list in a value."""
    found: list[list[Any]] = []
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, list) and one:
            found.append(one)
        todo += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return found
