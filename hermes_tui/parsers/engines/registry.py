"""The registry of emulated parsers by name; their modules are loaded on first use."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hermes_tui.parsers.engines.emulated import Emulated

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
def engine_parsers() -> tuple[Emulated, ...]:
    """Return all emulated parsers, engine by engine in the order of their modules."""
    found: list[Emulated] = []
    for module in _MODULES:
        found.extend(import_module(f"hermes_tui.parsers.engines.{module}").PARSERS)
    return tuple(found)


@cache
def _by_name() -> dict[str, Emulated]:
    return {parser.name: parser for parser in engine_parsers()}


def parser_named(name: str) -> Emulated:
    """Return the emulated parser `name` ("vllm/hermes"); raises KeyError if there is none."""
    return _by_name()[name]


@cache
def parsers_of(engine: str, wire_format: str, flag: str) -> tuple[Emulated, ...]:
    """Return the emulated parsers of an engine that read a wire format or that `flag` may select.

    Which parser vLLM's flag for Mistral selects depends on the model's tokenizer.
    """
    return tuple(
        parser
        for parser in engine_parsers()
        if parser.info.engine == engine
        and (wire_format in parser.info.format.split("+") or parser.info.flag == flag)
    )


def parser_of(name: str) -> Emulated | None:
    """Return the emulated parser `name`, or None if there is none."""
    return _by_name().get(name)
