"""Every emulated parser by name; the modules are loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hermes_tui.parsers.engines.base import EngineParser

_MODULES = (
    "hermes_agent_json",
    "hermes_agent_llama",
    "hermes_agent_tags",
    "hermes_agent_tokens",
    "vllm_json",
    "vllm_mistral",
    "vllm_tagged",
    "sglang_json",
    "sglang_mistral",
    "sglang_llama",
    "sglang_xml",
    "sglang_glm",
    "sglang_kimi",
    "pythonic",
    "deepseek",
)


@cache
def engine_parsers() -> tuple[EngineParser, ...]:
    """Return all emulated parsers, engine by engine in the order of their modules."""
    found: list[EngineParser] = []
    for module in _MODULES:
        found.extend(import_module(f"hermes_tui.parsers.engines.{module}").PARSERS)
    return tuple(found)


@cache
def _by_name() -> dict[str, EngineParser]:
    return {parser.name: parser for parser in engine_parsers()}


def parser_named(name: str) -> EngineParser:
    """Return the emulated parser `name` ("vllm/hermes"); raises KeyError where there is none."""
    return _by_name()[name]
