"""hermes-agent's parsers, from the folder `environments/tool_call_parsers` of a checkout."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from .base import Job, Reading, Stream, UnknownParser
from .stand_ins import StandIns

_FOLDER = Path("environments", "tool_call_parsers")


class HermesEngine:
    """The parsers of the checkout `source`; nothing else of it is imported."""

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

    def names(self) -> list[str]:
        """Return the registered names."""
        return sorted(self._parsers.list_parsers())

    def load(self, name: str) -> None:
        """Make a parser."""
        self._parsers.get_parser(name)

    def whole(self, job: Job) -> Reading:
        """Read the text; the tools of the request are not asked about."""
        content, calls = self._parsers.get_parser(job.parser).parse(job.text)
        functions = [getattr(call, "function", call) for call in calls or ()]
        return Reading([_call(function) for function in functions], content)

    def stream(self, job: Job, stream: Stream) -> None:
        """Say that there is no such path."""
        raise UnknownParser("hermes-agent reads whole texts only")


def _call(function: Any) -> dict[str, Any]:
    return {"name": function.name, "arguments": function.arguments}
