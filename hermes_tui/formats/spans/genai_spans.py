"""Convert OpenTelemetry spans, as instrumentations of models write them, to spans of a trace.

The input and the output of a request are, by generation of the conventions, in

    gen_ai.input.messages, gen_ai.output.messages            GenAI conventions, since 1.37
    events gen_ai.user.message, gen_ai.choice …              GenAI conventions, until 1.36
    gen_ai.content.prompt, gen_ai.content.completion         … as events, until 1.27
    attribute `events`, all_messages_events                  the same as JSON: pydantic-ai
    gen_ai.prompt.0.content, gen_ai.completion.0.content     OpenLLMetry
    llm.input_messages.0.message.content                     OpenInference
    input.value, output.value                                OpenInference, any kind of span
    traceloop.entity.input, traceloop.entity.output          OpenLLMetry, any kind of span
    langfuse.observation.input, langfuse.observation.output  the SDK of Langfuse, any kind of span
    ai.prompt.messages, ai.response.text …                   the AI SDK, see `ai_sdk_spans`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.spans.ai_sdk_spans import (
    conventional_attributes,
    conventional_places,
    is_of_ai_sdk,
)
from hermes_tui.formats.spans.attributes import Attributes, exception_in
from hermes_tui.formats.spans.genai_events import Events, messages_in_events
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import usage

_KINDS = {
    "llm": SpanKind.LLM,
    "tool": SpanKind.TOOL,
    "agent": SpanKind.AGENT,
    "chat": SpanKind.LLM,
    "text_completion": SpanKind.LLM,
    "generate_content": SpanKind.LLM,
    "completion": SpanKind.LLM,
    "generation": SpanKind.LLM,
    "execute_tool": SpanKind.TOOL,
    "invoke_agent": SpanKind.AGENT,
    "create_agent": SpanKind.AGENT,
}
_DETAIL_ATTRIBUTES = {
    "agent_id": ("gen_ai.agent.id",),
    "agent_description": ("gen_ai.agent.description",),
    "conversation": ("gen_ai.conversation.id",),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider"),
    "session": ("session.id",),
    "user": ("user.id",),
    "tags": ("tag.tags",),
    "metadata": ("metadata",),
    "graph_node": ("graph.node.id",),
    "graph_node_above": ("graph.node.parent_id",),
    "cost_usd": ("llm.cost.total",),
}
"""The attributes for each detail; the first that is present counts."""
_NAME_PREFIXES = ("execute_tool ", "invoke_agent ", "running tool: ")


class _SideAttributes(NamedTuple):
    """The attributes that hold the input, or the output, of a span, the likeliest first.

    For a request they are `messages` in one attribute, else `spread` over many, else in events, at
    index `event_index` of what `messages_in_events` returns.
    """

    messages: str
    spread: tuple[str, ...]
    event_index: int
    any_kind: tuple[str, ...]
    agent: tuple[str, ...]
    tool: tuple[str, ...]


_INPUT = _SideAttributes(
    messages="gen_ai.input.messages",
    spread=("llm.input_messages", "gen_ai.prompt"),
    event_index=0,
    any_kind=(
        "gen_ai.input.messages",
        "input.value",
        "traceloop.entity.input",
        "gen_ai.prompt",
        "langfuse.observation.input",
    ),
    agent=("pydantic_ai.all_messages", "all_messages_events"),
    tool=("gen_ai.tool.call.arguments", "tool_arguments", "tool_call.function.arguments"),
)
_OUTPUT = _SideAttributes(
    messages="gen_ai.output.messages",
    spread=("llm.output_messages", "gen_ai.completion"),
    event_index=1,
    any_kind=(
        "gen_ai.output.messages",
        "output.value",
        "traceloop.entity.output",
        "langfuse.observation.output",
    ),
    agent=("final_result",),
    tool=("gen_ai.tool.call.result", "tool_response"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSpan:
    """A span as a file has it, its attributes in the writer's spelling.

    `places` are the pointers of those attributes that have one, relative to the span's own.
    """

    id: str
    parent_id: str = ""
    trace_id: str = ""
    name: str = ""
    kind: str = ""
    start_s: float | None = None
    end_s: float | None = None
    failed: bool = False
    error: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Events = ()
    resource: Mapping[str, Any] = field(default_factory=dict)
    pointer: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


def span_of(raw: RawSpan) -> Span:
    """Return a span with the facts about a model, tool or agent in its attributes and events."""
    attributes = Attributes(raw.attributes)
    if is_of_ai_sdk(attributes.flat):
        attributes = Attributes(conventional_attributes(attributes.flat))
        raw = replace(raw, places=conventional_places(raw.places))
    kind = _kind(attributes, raw)
    input_value, input_at = _input_or_output(attributes, raw, kind, _INPUT)
    output_value, output_at = _input_or_output(attributes, raw, kind, _OUTPUT)
    name = raw.name
    for prefix in _NAME_PREFIXES:
        name = name.removeprefix(prefix)
    agent = attributes.label("gen_ai.agent.name", "agent.name", "agent_name")
    return Span(
        id=raw.id,
        parent_id=raw.parent_id,
        trace_id=raw.trace_id,
        name=agent or name if kind is SpanKind.AGENT else name,
        kind=kind,
        start_s=raw.start_s,
        end_s=raw.end_s,
        input=input_value,
        output=output_value,
        system=decode_if_json(attributes.first("gen_ai.system_instructions")),
        tools=_tools(attributes),
        model=_model(attributes),
        usage=_usage(attributes),
        finish_reason=_finish(attributes, raw.events),
        tool_name=attributes.label("gen_ai.tool.name", "tool.name", "traceloop.entity.name")
        or name,
        call_id=attributes.label("gen_ai.tool.call.id", "tool_call.id", "tool.id"),
        error=_error(attributes, raw),
        details=_details(attributes, raw) if kind is SpanKind.AGENT or not raw.parent_id else {},
        pointer=raw.pointer,
        input_at=input_at,
        output_at=output_at,
        line=raw.line,
    )


def with_missing_parents(spans: Iterable[Span]) -> list[Span]:
    """Return the spans, and one more for each unrecorded parent of several spans.

    A span is written when it ends: of a killed agent only the spans below its own are recorded.
    """
    listed = list(spans)
    ids = {(span.trace_id, span.id) for span in listed}
    lost: dict[tuple[str, str], list[Span]] = {}
    for span in listed:
        if span.parent_id and (span.trace_id, span.parent_id) not in ids:
            lost.setdefault((span.trace_id, span.parent_id), []).append(span)
    parents = [
        Span(
            id=span_id,
            trace_id=trace_id,
            start_s=min((one.start_s for one in several if one.start_s is not None), default=None),
            details={"lost_span": "the span above these was not recorded"},
            pointer=several[0].pointer,
            line=several[0].line,
        )
        for (trace_id, span_id), several in lost.items()
        if len(several) > 1
    ]
    return [*listed, *parents]


def _kind(attributes: Attributes, raw: RawSpan) -> SpanKind:
    for kind_name in (
        attributes.label("gen_ai.operation.name"),
        attributes.label("openinference.span.kind"),
        attributes.label("traceloop.span.kind"),
        attributes.label("llm.request.type"),
        attributes.label("langfuse.observation.type"),
        raw.kind,
    ):
        if kind_name.lower() in _KINDS:
            return _KINDS[kind_name.lower()]
    if attributes.first(
        "openinference.span.kind", "traceloop.span.kind", "langfuse.observation.type"
    ):
        return SpanKind.OTHER
    if attributes.first("gen_ai.tool.name", "gen_ai.tool.call.id"):
        return SpanKind.TOOL
    if attributes.first(*_INPUT.agent):
        return SpanKind.AGENT
    asks = attributes.first("gen_ai.input.messages", "gen_ai.request.model", "llm.model_name")
    return SpanKind.LLM if asks else SpanKind.OTHER


def _input_or_output(
    attributes: Attributes, raw: RawSpan, kind: SpanKind, side: _SideAttributes
) -> tuple[Any, str]:
    """Return the input or the output of a span, and its pointer relative to the span's."""
    if kind is SpanKind.TOOL:
        return _first_attribute(attributes, raw, (*side.tool, *side.any_kind))
    if kind is SpanKind.AGENT:
        return _first_attribute(attributes, raw, (*side.agent, *side.any_kind))
    found = _messages(attributes, raw, side)
    found = found or (messages_in_events(attributes, raw.events)[side.event_index], "")
    return found if found[0] else _first_attribute(attributes, raw, side.any_kind)


def _messages(
    attributes: Attributes, raw: RawSpan, side: _SideAttributes
) -> tuple[Any, str] | None:
    """Return messages in one attribute, or spread over many; None if there are none."""
    if raw_messages := attributes.first(side.messages):
        messages = decode_if_json(raw_messages)
        if side is _OUTPUT:
            messages = _with_separate_calls(messages, attributes)
        return messages, raw.places.get(side.messages, "")
    found = next(filter(None, map(attributes.listed, side.spread)), None)
    if found is None:
        return None
    # Several replies may be choices, unless the API has none.
    is_one = side is _INPUT or raw.name.lower() == "response"
    return (_joined(found) if is_one else found), ""


def _with_separate_calls(messages: Any, attributes: Attributes) -> Any:
    """Return a reply with its calls, which LiteLLM keeps one by one, as if each were a reply.

    In that case its message has none of them, and no call has an id.
    """
    message = fields.as_dict(fields.item_at(messages, 0))
    parts = message.get("parts")
    if not isinstance(parts, list) or len(messages) != 1 or "tool_calls" in message:
        return messages
    entries = [fields.as_dict(one) for one in attributes.listed("gen_ai.completion")]
    calls = [fields.as_dict(one.get("function_call")) for one in entries]
    call_parts = [{"type": "tool_call", **call} for call in calls if call.get("name")]
    has_calls = any(fields.as_dict(part).get("type") == "tool_call" for part in parts)
    return (
        messages if has_calls or not call_parts else [{**message, "parts": [*parts, *call_parts]}]
    )


def _joined(messages: Iterable[Any]) -> list[Any]:
    """Return messages of OpenInference, successive calls joined into one reply.

    With the Responses API each item is a message: reasoning, a text, each of several calls.
    """
    joined: list[Any] = []
    for message in messages:
        calls = _only_calls(message)
        before = _only_calls(joined[-1]) if calls and joined else []
        if calls and before:
            joined[-1] = {"message": {"role": "assistant", "tool_calls": before + calls}}
        else:
            joined.append(message)
    return joined


def _only_calls(value: Any) -> list[Any]:
    """Return the calls of a reply that holds nothing else, or [] for any other message."""
    message = fields.as_dict(fields.as_dict(value).get("message"))
    is_alone = message.get("role") == "assistant" and message.keys() == {"role", "tool_calls"}
    return fields.as_list(message.get("tool_calls")) if is_alone else []


def _first_attribute(attributes: Attributes, raw: RawSpan, names: Sequence[str]) -> tuple[Any, str]:
    """Return the first of these attributes that is present, decoded, and its place."""
    for name in names:
        if (found := attributes.first(name)) is not None:
            return decode_if_json(found), raw.places.get(name, "")
    return None, ""


def _tools(attributes: Attributes) -> Any:
    if whole := attributes.first("gen_ai.tool.definitions", "gen_ai.request.tools"):
        return decode_if_json(whole)
    for name in ("llm.request.functions", "gen_ai.request.functions"):
        if listed := attributes.listed(name):
            return [_function(one) for one in listed]
    tools = [fields.as_dict(tool) for tool in attributes.listed("llm.tools")]
    schemas = [fields.as_dict(tool.get("tool", tool)).get("json_schema") for tool in tools]
    return [decode_if_json(schema) for schema in schemas if schema] or None


def _function(declared: Any) -> Any:
    """Return a declared function with its schema decoded."""
    if not isinstance(declared, dict):
        return declared
    return {**declared, "parameters": decode_if_json(declared.get("parameters"))}


def _model(attributes: Attributes) -> str:
    name = attributes.label(
        "gen_ai.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "model_name",
        "langfuse.observation.model.name",
    )
    # For a failed request OpenInference has only the requested model.
    parameters = fields.as_dict(decode_if_json(attributes.first("llm.invocation_parameters")))
    return name or fields.label(parameters, "model")


def _usage(attributes: Attributes) -> Usage | None:
    found = Usage(
        prompt_tokens=attributes.count(
            "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"
        ),
        completion_tokens=attributes.count(
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
        ),
        cached_tokens=attributes.count(
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.details.cache_read_tokens",
            "llm.token_count.prompt_details.cache_read",
        ),
        reasoning_tokens=attributes.count(
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.details.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ),
        cost_usd=attributes.number("gen_ai.usage.cost", "operation.cost", "llm.cost.total"),
    )
    return _usage_of_langfuse(attributes) if found == Usage() else found


def _usage_of_langfuse(attributes: Attributes) -> Usage | None:
    """Return the usage that Langfuse's SDK keeps as the server sent it, with its cost."""
    cost = fields.as_dict(decode_if_json(attributes.first("langfuse.observation.cost_details")))
    counts = decode_if_json(attributes.first("langfuse.observation.usage_details"))
    return usage(counts, cost.get("total"))


def _finish(attributes: Attributes, events: Events) -> str:
    value = decode_if_json(attributes.first("gen_ai.response.finish_reasons", "llm.finish_reason"))
    reasons = value if isinstance(value, list) else [value]
    reasons += [members.get("finish_reason") for name, members in events if name == "gen_ai.choice"]
    return next((reason for reason in reasons if isinstance(reason, str) and reason), "")


def _error(attributes: Attributes, raw: RawSpan) -> str:
    kind = attributes.label("error.type")
    if not raw.failed and not kind:
        return ""
    return exception_in(raw.events) or raw.error or kind or "it failed"


def _details(attributes: Attributes, raw: RawSpan) -> dict[str, Any]:
    details = {name: attributes.first(*spellings) for name, spellings in _DETAIL_ATTRIBUTES.items()}
    details["service"] = raw.resource.get("service.name")
    return fields.details_of(fields.without_empty(details))
