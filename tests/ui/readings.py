"""The model of a parser lab without a screen, and texts for it."""

from __future__ import annotations

from hermes_tui.model.messages import ToolSpec
from hermes_tui.ui.lab.model import LabModel, LabText

GOOD = '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls"}}\n</tool_call>'
BAD = '<tool_call>\n{"name": "read_file", "arguments": {"path": "a",}}\n</tool_call>'
TOOLS = (ToolSpec("terminal"), ToolSpec("read_file"))


def lab(text: str, parser: str = "vllm/hermes", tools: tuple[ToolSpec, ...] = TOOLS) -> LabModel:
    model = LabModel(LabText(text, tools, parser=parser))
    model.read_now()
    return model
