"""hermes-agent's parsers, from the folder `environments/tool_call_parsers` of a checkout."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from .base import Job, Reading, Stream, WrongRequest
from .own_file import chosen, classes_in, is_of, load_file
from .stand_ins import StandIns

_FOLDER = Path("environments", "tool_call_parsers")


class HermesEngine:
    """The parsers of the checkout `source`; no other part of it is imported."""

    def __init__(self, source: str, version: str = "") -> None:
        # `environments` itself imports the training stack.
        StandIns(
            source,
            package="environments",
            real=("environments.tool_call_parsers",),
            facts={},
            others=("torch", "transformers", "atroposlib"),
        ).install()
        self._parsers = importlib.import_module(".".join(_FOLDER.parts))
        self.version = version
        self._own: dict[str, Any] = {}

    def take_file(self, path: str, parser_name: str) -> str:
        """Load a file with ToolCallParsers, select one and return its name."""
        module = load_file(path)
        registered = {
            name: kind
            for name in self.names()
            if is_of(module, kind := type(self._parsers.get_parser(name)))
        }
        base = getattr(self._parsers, "ToolCallParser", None)
        classes = classes_in(module, base) if isinstance(base, type) else {}
        self._own = {**classes, **registered}
        return chosen(parser_name, registered, classes)

    def names(self) -> list[str]:
        """Return the registered names."""
        return sorted({*self._parsers.list_parsers(), *self._own})

    def load(self, name: str) -> None:
        """Create a parser."""
        self._parser(name)

    def whole(self, job: Job) -> Reading:
        """Read the text; the tools of the request are ignored."""
        if job.reasoning_parser:
            raise WrongRequest("hermes-agent has no reasoning parsers")
        content, calls = self._parser(job.parser).parse(job.text)
        functions = [getattr(call, "function", call) for call in calls or ()]
        return Reading([_call(function) for function in functions], content)

    def stream(self, job: Job, stream: Stream) -> None:
        """Raise WrongRequest: hermes-agent has no streaming path."""
        raise WrongRequest("hermes-agent reads only whole texts")

    def _parser(self, name: str) -> Any:
        return self._own[name]() if name in self._own else self._parsers.get_parser(name)


def _call(function: Any) -> dict[str, Any]:
    return {"name": function.name, "arguments": function.arguments}
