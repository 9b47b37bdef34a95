"""The few parts of SGLang that its parsers use, reimplemented: the tools of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PACKAGE = "sglang"
REAL = (
    *("sglang.srt.function_call", "sglang.srt.parser", "sglang.srt.environ"),
    "sglang.srt.reasoning_parser",
)
OTHERS = ("torch", "transformers", "xgrammar", "openai", "IPython", "numpy", "jinja2", "requests")


class Function(BaseModel):
    model_config = ConfigDict(extra="allow")
    description: str | None = None
    name: str
    parameters: object | None = None
    strict: bool | None = None
    key_order: list[str] = Field(default_factory=list, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _record_key_order(cls, fields: Any) -> Any:
        return {**fields, "key_order": list(fields)} if isinstance(fields, dict) else fields


class Tool(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: str = "function"
    function: Function


class ToolChoiceFuncName(BaseModel):
    name: str | None = None


class ToolChoice(BaseModel):
    function: ToolChoiceFuncName
    type: Literal["function"] = "function"


_PROTOCOL: dict[str, Any] = {
    kind.__name__: kind for kind in (Function, Tool, ToolChoiceFuncName, ToolChoice)
}
FACTS: Mapping[str, Mapping[str, Any]] = {
    "sglang": {"__version__": ""},
    "sglang.srt.entrypoints.openai.protocol": _PROTOCOL,
    "sglang.srt.openai_api.protocol": _PROTOCOL,
}
