"""Tools that a person answers: only their schemas exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from hermes_tui.model.chat_api import tool_schema
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.named_files import read_file_or_pipe
from hermes_tui.runtime.tools.base import CallContext, ToolFailure, specs_of

HINT = 'expected a list of {"name", "description", "parameters"} or of OpenAI-style tools'


class ManualTools:
    """Tools without an implementation: the debugger stops before a call and accepts a result."""

    def __init__(self, schemas: tuple[dict[str, Any], ...]) -> None:
        self.schemas = schemas
        self.specs = specs_of(schemas)
        self.manual = frozenset(spec.name for spec in self.specs)

    @classmethod
    def open(cls, path: Path) -> ManualTools:
        """Read schemas from a JSON file; raises SourceError, and UsageError for another shape."""
        try:
            document = json.loads(read_file_or_pipe(path).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise SourceError(str(path), f"not JSON: {error}", HINT) from error
        found = document.get("tools", [document]) if isinstance(document, dict) else document
        if not isinstance(found, list) or not found:
            raise UsageError(f"{path} contains no tools", HINT)
        schemas = tuple(_schema(entry, f"{path}: tool {i}") for i, entry in enumerate(found, 1))
        return cls(schemas)

    async def call(self, name: str, arguments: Any, context: CallContext) -> NoReturn:
        """Raise ToolFailure: there is no implementation."""
        raise ToolFailure("nobody answered: type a result")

    async def close(self) -> None:
        """Do nothing: nothing was started."""


def _schema(entry: Any, place: str) -> dict[str, Any]:
    """Return an entry as an OpenAI-style schema; Anthropic's and MCP's field names are accepted."""
    inner = entry.get("function", entry) if isinstance(entry, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"]:
        raise UsageError(f"{place} has no name", HINT)
    names = ("parameters", "input_schema", "inputSchema")
    parameters = next((inner[name] for name in names if inner.get(name) is not None), None)
    if parameters is not None and not isinstance(parameters, dict):
        raise UsageError(f"{place}: parameters must be a JSON Schema", HINT)
    if inner is not entry and isinstance(inner.get("parameters"), dict):
        return {"type": "function", **entry}
    described = str(inner.get("description") or "")
    return tool_schema(inner["name"], described, parameters or {"type": "object", "properties": {}})
