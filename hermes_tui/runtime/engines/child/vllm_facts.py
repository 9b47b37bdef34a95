"""The few parts of vLLM that its parsers use, reimplemented: messages, ids, and their modules.

Versions differ in the module of a class; every module that it was in since 0.10 is listed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from enum import Enum
from importlib.util import find_spec
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .stand_ins import Anything

PACKAGE = "vllm"
REAL = (
    *("vllm.tool_parsers", "vllm.parser", "vllm.reasoning", "vllm.envs", "vllm.exceptions"),
    *("vllm.entrypoints.openai.tool_parsers", "vllm.entrypoints.openai.parser"),
    *("vllm.entrypoints.harmony_utils", "vllm.utils.collection_utils"),
)
_OTHERS = ("torch", "transformers", "xgrammar", "mistral_common", "openai", "numpy", "jinja2")


def others() -> tuple[str, ...]:
    """Return the third-party packages to replace by stand-ins.

    Every parser of the newer kind imports that of gpt-oss, the only one that needs
    `openai_harmony`. If that library is absent, only the parser `openai` cannot be loaded.
    """
    return _OTHERS if find_spec("openai_harmony") else (*_OTHERS, "openai_harmony")


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


def _call_id(*_: Any, **__: Any) -> str:
    return f"call_{uuid.uuid4().hex[:12]}"


class FunctionCall(BaseModel):
    id: str | None = None
    name: str
    arguments: str


class ToolCall(BaseModel):
    id: str = Field(default_factory=_call_id)
    type: Literal["function"] = "function"
    function: FunctionCall


class DeltaFunctionCall(BaseModel):
    name: str | None = None
    arguments: str | None = None


class DeltaToolCall(BaseModel):
    id: str | None = None
    type: Literal["function"] | None = None
    index: int
    function: DeltaFunctionCall | None = None


class DeltaMessage(_Open):
    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[DeltaToolCall] = Field(default_factory=list)


class ExtractedToolCallInformation(BaseModel):
    tools_called: bool
    tool_calls: list[ToolCall]
    content: str | None = None


class FunctionDefinition(_Open):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatCompletionToolsParam(BaseModel):
    type: str = "function"
    function: FunctionDefinition


class ChatCompletionRequest(_Open):
    model: str | None = None
    messages: list[Any] = []
    tools: list[ChatCompletionToolsParam] | None = None
    tool_choice: Any = None
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    logprobs: bool | None = False
    structured_outputs: Any = None
    response_format: Any = None
    parallel_tool_calls: bool | None = True
    include_reasoning: bool = True

    def extract_structured_outputs(self, *_: Any, **__: Any) -> None:
        """Constrain nothing."""


class SpecialTokens(Enum):
    """Mistral's special tokens, by their names in its tokenizer library."""

    bos = "<s>"
    eos = "</s>"
    tool_calls = "[TOOL_CALLS]"
    args = "[ARGS]"
    call_id = "[CALL_ID]"
    begin_think = "[THINK]"
    end_think = "[/THINK]"


class _Logger(logging.Logger):
    """vLLM's loggers can also log a message only once; here it is logged every time."""

    def debug_once(self, message: str, *values: Any, **_: Any) -> None:
        self.debug(message, *values)

    def info_once(self, message: str, *values: Any, **_: Any) -> None:
        self.info(message, *values)

    def warning_once(self, message: str, *values: Any, **_: Any) -> None:
        self.warning(message, *values)

    def error_once(self, message: str, *values: Any, **_: Any) -> None:
        self.error(message, *values)


def _init_logger(name: str) -> logging.Logger:
    logger = _Logger(name)
    logger.parent = logging.getLogger()
    return logger


def _is_list_of(value: Any, kind: Any, **_: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _register(*_: Any, **__: Any) -> Callable[[Any], Any]:
    return lambda registered: registered


def _none(*_: Any, **__: Any) -> None:
    return None


def _false(*_: Any, **__: Any) -> bool:
    return False


_MESSAGES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(FunctionCall, ToolCall, DeltaFunctionCall, DeltaToolCall, DeltaMessage),
        *(ExtractedToolCallInformation, FunctionDefinition, ChatCompletionToolsParam),
        ChatCompletionRequest,
    )
}
_IDS = {
    "make_tool_call_id": _call_id,
    "random_tool_call_id": _call_id,
    "get_tool_call_id_type": lambda *_: "random",
    "get_history_tool_calls_cnt": lambda *_: 0,
}
_UTILITIES = {"random_uuid": lambda: uuid.uuid4().hex, "is_list_of": _is_list_of}
FACTS: Mapping[str, Mapping[str, Any]] = {
    "vllm": {"__version__": ""},
    "vllm.logger": {"init_logger": _init_logger},
    "vllm.entrypoints.generate.base.protocol": _MESSAGES,
    "vllm.entrypoints.openai.protocol": _MESSAGES,
    "vllm.entrypoints.openai.engine.protocol": _MESSAGES,
    "vllm.entrypoints.openai.chat_completion.protocol": _MESSAGES,
    "vllm.entrypoints.chat_utils": _IDS,
    "vllm.renderers.chat_utils": _IDS,
    "vllm.utils": _UTILITIES,
    "vllm.utils.mistral": {"is_mistral_tokenizer": _false, "is_mistral_tool_parser": _false},
    "vllm.utils.import_utils": {"import_plugin": _none, "import_from_path": _none},
    "vllm.parser.metrics": {"record_tool_parser_invocation": _none},
    "vllm.tool_parsers.structural_tag_registry": {
        "register_vllm_structural_tag": _register,
        "get_function_parameters": lambda *_, **__: {},
        "get_model_structural_tag": _none,
        "SimplifiedToolChoice": Any,
    },
    "mistral_common.tokens.tokenizers.base": {"SpecialTokens": SpecialTokens},
    "xgrammar.structural_tag": {"Format": Anything},
}
