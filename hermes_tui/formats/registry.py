"""All formats, in the order in which they are listed; the last two are the last resort.

A format's module is loaded when the names of a file's first members suggest it, or when the format
is requested: loading all of them would delay the first paint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, cast

from hermes_tui.formats import fields
from hermes_tui.formats.base import Format, Match, Sample
from hermes_tui.formats.json_text.json_values import BLANKS
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits, traits_of

_HEAD_BYTES = 4096


class _Entry:
    """A format by name, which stands in for its module until that is needed."""

    def __init__(
        self,
        name: str,
        module: str,
        may_fit: Callable[[Sample], bool],
        *,
        last_resort: bool = False,
        of_bytes: bool = False,
    ) -> None:
        self.name = name
        self.last_resort = last_resort
        self.of_bytes = of_bytes
        self._module = module
        self.may_fit = may_fit

    @cached_property
    def _format(self) -> Format:
        module = import_module(f"hermes_tui.formats.readers.{self._module}")
        known: tuple[Format, ...] = getattr(module, "FORMATS", ()) or (module.FORMAT,)
        return next(item for item in known if item.name == self.name)

    @property
    def summary(self) -> str:
        return self._format.summary

    @cached_property
    def traits(self) -> Traits:
        return traits_of(self._format)

    def sniff(self, sample: Sample) -> Match | None:
        return self._format.sniff(sample) if self.may_fit(sample) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        self._format.read(value, build)


@dataclass(frozen=True, slots=True)
class _Has:
    """Tests whether any of the first objects has one of these members.

    With `in_messages`, the first message in any of them may have it instead.
    """

    keys: frozenset[str]
    in_messages: bool = False

    def __call__(self, sample: Sample) -> bool:
        if not self.keys.isdisjoint(sample.names):
            return True
        return self.in_messages and not self.keys.isdisjoint(_first_messages(sample).names)


def _has(*keys: str) -> _Has:
    return _Has(frozenset(keys))


def _has_in_messages(*keys: str) -> _Has:
    return _Has(frozenset(keys), in_messages=True)


def _first_messages(sample: Sample) -> Sample:
    """Return a sample of the first message of each of the first objects."""
    objects = [value for value in sample.firsts if isinstance(value, dict)]
    objects += [value["values"] for value in objects if isinstance(value.get("values"), dict)]
    lists = [value.get("messages") for value in objects]
    firsts = tuple(found[0] for found in lists if isinstance(found, list) and found)
    return Sample(sample.head, sample.layout, firsts)


def _always(sample: Sample) -> bool:
    return True


def _beginning(sample: Sample) -> bytes:
    return sample.head[:_HEAD_BYTES].lstrip(BLANKS)


def _may_be_bytes(sample: Sample) -> bool:
    """Return whether the head may be an event stream, or JSON replies of Ollama.

    No other JSON is an event stream.
    """
    head = _beginning(sample)
    return head[:1] not in (b"{", b"[") or (head[:1] == b"{" and b'"done"' in head)


def _may_be_engine_log(sample: Sample) -> bool:
    """Return whether the head may be a server's log, or JSON that a collector of logs wrote."""
    head = _beginning(sample)
    keys = (b'"message":', b'"log":', b'"event":', b'"msg":')
    return head[:1] != b"{" or any(key in head for key in keys)


def _may_be_session(sample: Sample) -> bool:
    row = sample.first_object()
    return row.get("role") == "session_meta" or not row.keys().isdisjoint(
        ("session_id", "started_at", "_table")
    )


def _may_be_kimi(sample: Sample) -> bool:
    """Return whether the sample may be of Kimi CLI, which keeps its own records between chat
    messages, under its own roles."""
    return not sample.names.isdisjoint(("protocol_version", "time", "timestamp")) or any(
        isinstance(value, dict) and fields.label(value, "role").startswith("_")
        for value in sample.firsts
    )


def _may_be_gptme(sample: Sample) -> bool:
    return sample.names >= {"role", "content", "timestamp"} or sample.names >= {"seq", "payload"}


def _may_be_mini_swe(sample: Sample) -> bool:
    """Return whether the sample may be of mini-swe-agent.

    Its oldest files are lists of chat messages, recognised by how their results begin.
    """
    return any(
        isinstance(value, dict)
        and (
            "trajectory_format" in value
            or "<returncode>" in fields.text_of(value.get("content"))[:2000]
        )
        for value in sample.firsts
    )


_may_be_log = _has("request", "response", "output", "custom_id")
_may_be_claude_code = _has("parentUuid", "sessionId", "leafUuid", "snapshot", "loglines")
_may_be_eval = _has("task_name", "finished_naturally", "turns_used", "passed", "tool_errors")


def _may_be_fast_agent(sample: Sample) -> bool:
    """Return whether the content of a first message is a list, as in all of fast-agent's."""
    firsts = _first_messages(sample).firsts
    return any(isinstance(fields.as_dict(one).get("content"), list) for one in firsts)


def _may_be_qwen_agent(sample: Sample) -> bool:
    return b'"function_id"' in sample.head


def _may_be_langchain(sample: Sample) -> bool:
    """Return whether the sample may be of LangChain. In a stream of updates, the keys are the names
    of a graph's nodes."""
    return _has_in_messages("lc", "additional_kwargs", "type")(sample) or any(
        isinstance(value, dict)
        and any(isinstance(node, dict) and "messages" in node for node in value.values())
        for item in sample.values[:5]
        for value in (item if isinstance(item, list) else (item,))
    )


def _may_be_pydantic_ai(sample: Sample) -> bool:
    names = ("parts", "all_messages", "message_history", "new_messages")
    return _has(*names)(sample) or _has("parts")(_first_messages(sample))


def _may_be_ai_sdk(sample: Sample) -> bool:
    """Return whether the sample may be of the AI SDK: its calls are parts, or messages have
    parts."""
    names = ("parts", "toolInvocations", "finishReason", "steps", "threadId", "_table")
    return b'"toolCallId"' in sample.head or _has_in_messages(*names)(sample)


def _may_be_dspy(sample: Sample) -> bool:
    """Return whether the sample may be of DSPy.

    The steps of a trajectory are numbered from 0, unless the first ones were lost.
    """
    return "trajectory" in sample.names or any(
        name.startswith("tool_name_") for name in sample.names
    )


_may_be_gemini = _has(
    "parts", "contents", "request", "history", "candidates", "response", "usageMetadata"
)
_may_be_otlp = _has(
    "resourceSpans",
    "resource_spans",
    "batches",
    "resourceLogs",
    "resource_logs",
    "resourceMetrics",
    "resource_metrics",
    "data",
)
_may_be_phoenix = _has("context", "context.span_id", "span_id", "spans", "data")

_ENTRIES = (
    _Entry("native", "native", _has("kind")),
    _Entry("openai-messages", "openai_messages", _always),
    _Entry("message-rows", "message_rows", _has(*fields.NAMES_OF_RUNS)),
    _Entry("llm-call-log", "llm_call_log", _may_be_log),
    _Entry("hermes-sharegpt", "hermes_sharegpt", _has("conversations")),
    _Entry("hermes-batch", "hermes_sharegpt", _has("conversations")),
    _Entry("hermes-session", "hermes_sessions", _may_be_session),
    _Entry("hermes-export", "hermes_sessions", _may_be_session),
    _Entry("hermes-state-db", "hermes_sessions", _may_be_session),
    _Entry("hermes-request-dump", "hermes_request_dump", _has("request")),
    _Entry("hermes-eval", "hermes_eval", _may_be_eval),
    _Entry("atropos-group", "atropos_group", _has("tokens", "masks", "scores")),
    _Entry("verifiers", "verifiers", _has("completion")),
    _Entry(
        "rl-rollouts",
        "rollouts.reader",
        _has("completion", "output", "output_response", "columns", "rollout_id", "response_length"),
    ),
    _Entry("nemo-rl", "nemo_rl", _has("input_lengths")),
    _Entry(
        "nemo-gym", "nemo_gym", _has("responses_create_params", "response", "_ng_failure_class")
    ),
    _Entry("art", "art.reader", _has("trajectories", "group_index")),
    _Entry("rllm", "rllm", _has("trajectories")),
    _Entry("tinker", "tinker", _has("turns", "traj_idx")),
    _Entry("openenv", "openenv", _has("tool_trace")),
    _Entry("anthropic-messages", "anthropic_messages", _has("role", "messages", "result")),
    _Entry("tau-bench", "tau_bench", _has("traj", "messages_display")),
    _Entry("mini-swe-agent", "mini_swe_agent", _may_be_mini_swe),
    _Entry("swe-agent", "swe_agent", _has("trajectory")),
    _Entry("atif", "atif.reader", _has("schema_version")),
    _Entry("opencode", "opencode.reader", _has("info", "sessionID")),
    _Entry("openhands", "openhands.reader", _has("source", "history")),
    _Entry("claude-code", "claude_code.reader", _may_be_claude_code),
    _Entry("cline", "cline.reader", _has("sessionId", "ts")),
    _Entry("copilot", "copilot", _has("parentId")),
    _Entry("continue", "continue_dev", _has("sessionId")),
    _Entry("gptme", "gptme.reader", _may_be_gptme),
    _Entry("crush", "crush", _has("_table", "meta")),
    _Entry("kimi", "kimi.reader", _may_be_kimi),
    _Entry(
        "mistral-vibe",
        "vibe.reader",
        _has("recovery_journal_record_version", "generationStatus", "turn_index", "injected"),
    ),
    _Entry("pi", "pi.reader", _has("parentId", "cwd", "message")),
    _Entry("qwen-code", "qwen_code.reader", _has("parentUuid")),
    _Entry("qwen-agent", "qwen_agent", _may_be_qwen_agent),
    _Entry("strands", "strands", _has("message_id")),
    _Entry("smolagents", "smolagents", _has("intermediate_steps", "step_number", "steps")),
    _Entry("codex", "codex.reader", _has("payload", "record_type")),
    _Entry("codex-exec", "codex_exec", _has("thread_id", "item")),
    _Entry("whowhen", "whowhen", _has("mistake_step", "mistake_agent")),
    _Entry(
        "claude-stream-json",
        "claude_stream_json",
        _has_in_messages("parent_tool_use_id", "direction", "session_id"),
    ),
    _Entry("lm-eval", "lm_eval", _has("resps")),
    _Entry("promptfoo", "promptfoo", _has("evalId", "promptIdx", "gradingResult", "results")),
    _Entry("bfcl", "bfcl", _has("inference_log", "result", "answer_id", "valid")),
    _Entry(
        "autogen",
        "autogen",
        _has("models_usage", "stop_reason", "source", "llm_context", "agent_states"),
    ),
    _Entry("ag2", "ag2", _has("data", "chat_history")),
    _Entry("gemini", "gemini", _may_be_gemini),
    _Entry("gemini-cli", "gemini_cli", _has("projectHash")),
    _Entry("gemini-stream-json", "gemini_stream", _has("session_id", "tool_id")),
    _Entry("gemini-json", "gemini_answer", _has("session_id")),
    _Entry("adk", "adk", _has("app_name", "appName", "author")),
    _Entry(
        "agno",
        "agno.reader",
        _has("agent_data", "team_data", "workflow_data", "run_data", "run_id"),
    ),
    _Entry(
        "agent-framework",
        "agent_framework",
        _has("contents", "state", "chat_message_store_state", "usage_details", "response_id"),
    ),
    _Entry("semantic-kernel", "semantic_kernel", _has_in_messages("items")),
    _Entry("browser-use", "browser_use", _has("history")),
    _Entry("camel", "camel", _has("role_at_backend")),
    _Entry("haystack", "haystack", _has_in_messages("meta", "_meta", "pipeline_state")),
    _Entry("fast-agent", "fast_agent", _may_be_fast_agent),
    _Entry("inspect", "inspect_log.reader", _has("eval")),
    _Entry("har", "har.reader", _has("log")),
    _Entry("phoenix-spans", "phoenix_spans.reader", _may_be_phoenix),
    _Entry("otlp", "otlp", _may_be_otlp),
    _Entry("mlflow", "mlflow.reader", _has("info", "spans", "trace")),
    _Entry("weave", "weave", _has("op_name", "calls")),
    _Entry("agents-traces", "agents_traces", _has("span_data", "workflow_name")),
    _Entry("agents-runstate", "agents_runstate", _has("$schemaVersion")),
    _Entry("llm", "llm_logs", _has("conversation_id", "_table")),
    _Entry("langchain-messages", "langchain.reader", _may_be_langchain),
    _Entry("langchain-events", "langchain_events", _has("parent_ids", "event")),
    _Entry("crewai", "crewai", _has("tasks_output", "agent")),
    _Entry("dspy", "dspy_react", _may_be_dspy),
    _Entry("llama-index", "llama_index", _has("blocks", "store")),
    _Entry("pydantic-ai", "pydantic_ai", _may_be_pydantic_ai),
    _Entry("ai-sdk", "ai_sdk.reader", _may_be_ai_sdk),
    _Entry(
        "langfuse",
        "langfuse.reader",
        _has("observations", "trace", "traceId", "parent_observation_id", "data"),
    ),
    _Entry("langsmith", "langsmith", _has("post", "patch", "trace_id", "dotted_order", "runs")),
    _Entry(
        "responses-items",
        "responses",
        _has("type", "object", "input", "response_id", "responseId", "_table"),
    ),
    _Entry("tau2", "tau2.reader", _has("simulations", "simulation_index", "termination_reason")),
    _Entry("sharegpt", "sharegpt", _has("conversations", "chat")),
    _Entry("xlam", "xlam", _has("answers")),
    _Entry("toolbench", "toolbench", _has("answer_generation")),
    _Entry("verifiers-v1", "verifiers_v1.reader", _has("traces", "nodes")),
    _Entry("swe-agent-rows", "swe_agent_rows", _has("trajectory")),
    _Entry("metr-malt", "metr_malt", _has("nodes")),
    _Entry("event-stream", "saved_streams.reader", _may_be_bytes, of_bytes=True),
    _Entry("engine-log", "engine_log.reader", _may_be_engine_log, of_bytes=True),
    _Entry("mixed", "mixed", _always, last_resort=True),
    _Entry("generic", "generic", _always, last_resort=True),
)


def _positions() -> tuple[frozenset[int], dict[str, frozenset[int]]]:
    """Return the positions of the formats that are always tried, and of the others by member
    name."""
    always: set[int] = set()
    by_name: dict[str, set[int]] = {}
    for position, entry in enumerate(_ENTRIES):
        if not isinstance(entry.may_fit, _Has):
            always.add(position)
            continue
        for name in entry.may_fit.keys:
            by_name.setdefault(name, set()).add(position)
    return frozenset(always), {name: frozenset(found) for name, found in by_name.items()}


_ALWAYS, _BY_NAME = _positions()


def formats_for(sample: Sample) -> list[Format]:
    """Return all formats that the member names of the sample do not rule out, in their order."""
    found = _ALWAYS.union(*(_BY_NAME[name] for name in sample.names if name in _BY_NAME))
    return [cast("Format", _ENTRIES[position]) for position in sorted(found)]


def formats() -> tuple[Format, ...]:
    """Return every format known."""
    # `_Entry` is a `Format` but for its read-only `summary`, which nobody sets.
    return cast("tuple[Format, ...]", _ENTRIES)
