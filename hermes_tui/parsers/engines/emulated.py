"""An emulated parser as the registry lists it: its card, and how it runs on a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.engines.base import EngineInfo, EngineRaised, Refused, Trace

VERSIONS = {"vllm": "0.33.0", "sglang": "0.5.23", "hermes-agent": "2026-04"}
"""The version of each engine that is emulated."""


class Emulated:
    """An emulated parser: a card, and the function that reads a text into a trace.

    `read` may raise Refused (all text kept) or EngineRaised, nothing else.
    """

    def __init__(self, info: EngineInfo, read: Callable[[Trace], None]) -> None:
        self.name = info.name
        self.info = info
        self._read = read

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        return self.traced(Trace(self.info, text, tools))

    def traced(self, trace: Trace) -> ParseResult:
        """Run the parser on a new trace and return its result."""
        try:
            self._read(trace)
        except Refused as refusal:
            trace.keep_all(str(refusal))
        except EngineRaised as error:
            return trace.raised(str(error))
        return trace.result()


def emulated(
    name: str,
    wire: str,
    families: str,
    kind: str,
    markers: tuple[str, ...],
    read: Callable[[Trace], None],
    *,
    flag: str = "",
) -> Emulated:
    """Return the emulation of a parser; `flag` is the engine's name for it if that is another one.

    The other parameters are those of its card (`EngineInfo`) and of `Emulated`.
    """
    engine, _, own = name.partition("/")
    own = flag or own
    setting = f'get_parser("{own}")' if engine == "hermes-agent" else f"--tool-call-parser {own}"
    card = EngineInfo(name, engine, VERSIONS[engine], wire, families, kind, setting, markers)
    return Emulated(card, read)
