"""Voice simulations of tau2-bench: ticks of a fraction of a second as messages.

    tick  = {"tick_id", "timestamp", "agent_chunk"?: chunk, "user_chunk"?: chunk,
             "agent_tool_calls"?: [call, …], "agent_tool_results"?: [message, …],
             "user_tool_calls"?, "user_tool_results"?}
    chunk = {"role", "content"?, "contains_speech", …}

What one side says without a break is one message; both sides may speak in the same tick. The sound
is not in the file, and often not the words either.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields

Placed = list[tuple[str, Any]]

_SIDES = (("agent", "assistant"), ("user", "user"))


def messages_of_ticks(ticks: list[Any]) -> Placed:
    """Return the messages in the ticks, in the order in which they begin, each with its pointer."""
    placed: Placed = []
    speaking: dict[str, dict[str, Any]] = {}
    for index, tick in enumerate(ticks):
        place = f"/ticks/{index}"
        if not isinstance(tick, dict):
            placed.append((place, tick))
            continue
        for side, role in _SIDES:
            chunk = tick.get(f"{side}_chunk")
            if isinstance(chunk, dict) and _is_speech(chunk):
                if side not in speaking:
                    speaking[side] = {"role": role, "timestamp": tick.get("timestamp"), "said": []}
                    placed.append((f"{place}/{side}_chunk", speaking[side]))
                speaking[side]["said"].append((index, chunk.get("content")))
            else:
                speaking.pop(side, None)
            placed += _tools(tick, side, role, place)
    return [(pointer, _finished(item)) for pointer, item in placed]


def _is_speech(chunk: dict[str, Any]) -> bool:
    if chunk.get("contains_speech") is True:
        return True
    return chunk.get("is_audio") is not True and bool(fields.text_of(chunk.get("content")).strip())


def _tools(tick: dict[str, Any], side: str, role: str, place: str) -> Placed:
    calls = tick.get(f"{side}_tool_calls")
    answers = tick.get(f"{side}_tool_results")
    found: Placed = []
    if isinstance(calls, list) and calls:
        message = {"role": role, "content": None, "tool_calls": calls}
        found.append(
            (f"{place}/{side}_tool_calls", {**message, "timestamp": tick.get("timestamp")})
        )
    for index, answer in enumerate(fields.as_list(answers)):
        found.append((f"{place}/{side}_tool_results/{index}", answer))
    return found


def _finished(item: Any) -> Any:
    """Return the message of a stretch of ticks: its words, or the range of ticks that have
    sound."""
    if not isinstance(item, dict) or "said" not in item:
        return item
    pieces = item["said"]
    text = "".join(words for _, words in pieces if isinstance(words, str))
    sound = {"type": "input_audio", "name": f"ticks {pieces[0][0]} to {pieces[-1][0]}"}
    content: Any = text if text.strip() else [sound]
    return {"role": item["role"], "content": content, "timestamp": item["timestamp"]}
