"""What the first line of a Codex rollout records about its session."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields

PROMPTS = ("base_instructions", "instructions")


def prompt_of(meta: dict[str, Any], key: str) -> str:
    """Return one of the prompts of a session; older sessions have only the user's own part."""
    prompt = meta.get(key)
    text = prompt.get("text") if isinstance(prompt, dict) else prompt
    return text if isinstance(text, str) else ""


def dynamic_tools(meta: dict[str, Any]) -> dict[str, Any]:
    """Return the descriptions of the tools that the program added, by their names.

    They are not declared as the run's tools: Codex's own tools are not listed anywhere, so each
    call of one of those would count as a call of an unknown tool.
    """
    tools = (fields.as_dict(tool) for tool in fields.as_list(meta.get("dynamic_tools")))
    return {
        fields.label(tool, "name"): fields.small(fields.label(tool, "description"))
        for tool in tools
        if fields.label(tool, "name")
    }


def parent_of(meta: dict[str, Any]) -> str:
    """Return the session that started this one as its subagent, or that this one is a fork of."""
    spawned = meta
    for key in ("source", "subagent", "thread_spawn"):
        spawned = fields.as_dict(spawned.get(key))
    started_by = fields.label(spawned, "parent_thread_id")
    return started_by or fields.label(meta, "parent_thread_id", "forked_from_id")
