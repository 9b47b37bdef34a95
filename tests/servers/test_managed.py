"""atroposlib's real ManagedServer, with stand-ins for its tokenizer and `/generate` server."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hermes_tui import AgentLoop
from hermes_tui.log.codec import decode
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.events import ResponseReceived
from hermes_tui.runtime.servers import managed as adapter
from hermes_tui.runtime.servers.base import Reply, Request, RequestFailure
from hermes_tui.runtime.servers.managed import ManagedServer

for package in ("tenacity", "numpy", "pydantic"):
    pytest.importorskip(package)
atropos = pytest.importorskip("atroposlib.envs.server_handling.managed_server")
translation = pytest.importorskip("atroposlib.envs.server_handling.tool_call_translator")

USER = {"role": "user", "content": "go"}
TOOLS = [{"type": "function", "function": {"name": "terminal", "parameters": {}}}]
CALL = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'


class CharacterTokenizer:
    """A tokenizer with a token for each character."""

    eos_token_id, bos_token_id = 0, 1

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [ord(character) for character in text]

    def decode(self, tokens: list[int], skip_special_tokens: bool = False) -> str:
        return "".join(map(chr, tokens))

    def apply_chat_template(
        self,
        messages: list[dict[str, Any]],
        tokenize: bool = False,
        add_generation_prompt: bool = True,
        tools: Any = None,
    ) -> str:
        text = f"<tools>{json.dumps(tools)}</tools>" if tools else ""
        text += "".join(f"<{m['role']}>{m.get('content') or ''}" for m in messages)
        return text + ("<assistant>" if add_generation_prompt else "")


class GenerateServer:
    """Stand-in for a VLLMServer: returns the tokens of the given texts, or raises."""

    def __init__(self, *outputs: Any) -> None:
        self.config = SimpleNamespace(
            model_name="m", base_url="http://user:pw@here:1/v1", api_key="key-1234567890"
        )
        self.tokenizer = CharacterTokenizer()
        self.outputs = list(outputs)
        self.requests: list[dict[str, Any]] = []

    async def tokens_and_logprobs_completion(self, **kwargs: Any) -> Any:
        self.requests.append(kwargs)
        output = self.outputs.pop(0)
        if isinstance(output, Exception):
            raise output
        text, reason = output if isinstance(output, tuple) else (output, "stop")
        tokens = self.tokenizer.encode(text)
        prompt = kwargs.get("input_ids") or self.tokenizer.encode(kwargs["prompt"])
        return prompt, [tokens], [[-0.5] * len(tokens)], [reason]


def managed_server(*outputs: Any, reads_calls: bool = True) -> tuple[ManagedServer, GenerateServer]:
    """Return an adapter around the real class, with a small stand-in for vLLM's parser."""
    server = GenerateServer(*outputs)
    real = atropos.ManagedServer(server, tool_parser="hermes" if reads_calls else None)
    if reads_calls:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            real._translator = Translator(server.tokenizer)
    return ManagedServer.around(real), server


class Translator(translation.ToolCallTranslator):  # type: ignore[name-defined,misc]
    def parse_model_output(self, raw_text: str, tool_choice: Any = None, tools: Any = None) -> Any:
        calls = []
        for number, found in enumerate(re.findall(r"<tool_call>(.*?)</tool_call>", raw_text)):
            call = json.loads(found)
            function = SimpleNamespace(name=call["name"], arguments=json.dumps(call["arguments"]))
            calls.append(SimpleNamespace(id=f"call_{number}", function=function))
            self.call_id_to_raw_text[f"call_{number}"] = raw_text
        return (None, calls, "tool_calls") if calls else (raw_text, None, "stop")


async def ask(
    server: ManagedServer, *messages: dict[str, Any], attempt: int = 1, **parameters: Any
) -> Reply:
    parameters = {"model": "m", "n": 1, "temperature": 1.0, "tools": TOOLS, **parameters}
    texts = tuple(map(json.dumps, messages))
    return await server.reply(Request(1, attempt, texts, json.dumps(parameters)), lambda _: None)


def shape_findings(reply: Reply) -> list[Diagnostic]:
    return [found for found in reply.diagnostics if found.code is Code.REPLY_SHAPE]


async def test_calls_arrive_as_plain_dicts() -> None:
    server, inner = managed_server(CALL)
    reply = await ask(server, USER)
    call = {"name": "terminal", "arguments": '{"command": "ls"}'}
    assert reply.message.tool_calls == [{"id": "call_0", "type": "function", "function": call}]
    assert reply.finish_reason == "tool_calls"
    assert json.loads(reply.raw)["choices"][0]["message"]["tool_calls"][0]["id"] == "call_0"
    assert reply.diagnostics == ()
    assert "<tools>" in inner.requests[0]["prompt"]
    assert server.url == "http://***@here:1/v1"


async def test_an_extended_conversation_stays_one_node() -> None:
    server, _ = managed_server(CALL, "done")
    reply = await ask(server, USER)
    call_message = {"role": "assistant", "content": "", "tool_calls": reply.message.tool_calls}
    result = {"role": "tool", "tool_call_id": "call_0", "content": "a.txt"}
    reply = await ask(server, USER, call_message, result)
    assert reply.diagnostics == ()
    (node,) = reply.sequences
    assert node["index"] == 0
    assert node["full_text"].endswith("<tool>a.txt<assistant>done")
    assert len(node["tokens"]) == len(node["masked_tokens"]) == len(node["logprobs"])
    trained = [token for token in node["masked_tokens"] if token != -100]
    assert "".join(map(chr, trained)) == CALL + "done"
    assert json.loads(json.dumps(node)) == node


async def test_a_history_that_does_not_extend_is_reported() -> None:
    server, _ = managed_server(CALL, "done")
    await ask(server, USER)
    other_reply = {"role": "assistant", "content": "I ran something else"}
    reply = await ask(server, USER, other_reply, USER)
    (found,) = shape_findings(reply)
    assert found.severity is Severity.WARNING
    assert "2 nodes" in found.message and "lost for training" in found.message
    assert found.hint.endswith("<user>go<assistant>'")
    assert [node["index"] for node in reply.sequences] == [1]


async def test_a_retry_adds_a_node_with_a_note_only() -> None:
    server, _ = managed_server("one", "two")
    await ask(server, USER)
    (found,) = shape_findings(await ask(server, USER, attempt=2))
    assert found.severity is Severity.NOTE


async def test_a_truncated_reply_is_reported_even_if_its_reason_is_stop() -> None:
    server, _ = managed_server(('<tool_call>{"name": "term', "length"))
    reply = await ask(server, USER)
    (found,) = reply.diagnostics
    assert (found.code, found.severity) == (Code.TRUNCATED, Severity.ERROR)
    assert "'stop'" in found.message
    assert reply.finish_reason == "stop"
    assert reply.sequences[0]["metadata"] == {"finish_reason": "length"}


async def test_a_missing_parser_is_reported_as_the_model_saw_no_tools() -> None:
    server, inner = managed_server("hello", "again", reads_calls=False)
    (found,) = shape_findings(await ask(server, USER))
    assert found.message == "without a tool parser the model does not see the tools"
    assert "<tools>" not in inner.requests[0]["prompt"]
    extended = {"role": "assistant", "content": "hello"}
    assert shape_findings(await ask(server, USER, extended, USER)) == []


async def test_the_warning_of_a_missing_vllm_is_a_finding() -> None:
    if translation.VLLM_AVAILABLE:
        pytest.skip("vLLM is installed")
    inner = GenerateServer(CALL)
    server = ManagedServer.around(atropos.ManagedServer(inner, tool_parser="hermes"))
    reply = await ask(server, USER)
    (found,) = shape_findings(reply)
    assert "vLLM is not installed" in found.message
    assert reply.message.tool_calls is None
    assert reply.message.content == CALL


async def test_a_failure_names_its_cause_and_hides_the_key() -> None:
    from tenacity import retry, stop_after_attempt

    class RefusingServer(GenerateServer):
        @retry(stop=stop_after_attempt(3))
        async def tokens_and_logprobs_completion(self, **kwargs: Any) -> Any:
            self.requests.append(kwargs)
            raise ConnectionRefusedError("no way in with Bearer key-1234567890")

    inner = RefusingServer()
    server = ManagedServer.around(atropos.ManagedServer(inner, tool_parser=None))
    with pytest.raises(RequestFailure) as caught:
        await ask(server, USER)
    assert caught.value.message.startswith("ConnectionRefusedError: no way in")
    assert caught.value.message.endswith("(after 3 attempts)")
    assert len(inner.requests) == 3
    assert "key-1234567890" not in repr((caught.value.message, caught.value.chain))


async def test_the_loop_of_an_environment_records_the_nodes_of_its_managed_server(
    tmp_path: Path,
) -> None:
    managed, _ = managed_server(CALL, "done")
    path = tmp_path / "run.jsonl"

    async def run_tool(name: str, arguments: Any, *, task_id: str, user_task: str) -> str:
        return "4"

    messages = [USER]
    loop = AgentLoop(managed._server, TOOLS, {"terminal"}, tool_handler=run_tool, record=path)
    result = await loop.run(messages)
    assert result.managed_state is not None and messages[-1]["content"] == "done"
    events = [decode(line) for line in path.read_bytes().splitlines()]
    replies = [event for event in events if isinstance(event, ResponseReceived)]
    assert [len(reply.sequences) for reply in replies] == [1, 1]


async def test_a_tree_of_nodes_is_shown_as_nodes() -> None:
    inner = GenerateServer("one", "two")
    server = ManagedServer.around(atropos.ManagedServer(inner, track_tree=True))
    first = await ask(server, USER, tools=[])
    reply = await ask(server, USER, USER, tools=[])
    assert reply.diagnostics == ()
    assert [node["full_text"] for node in (*first.sequences, *reply.sequences)] == [
        "<user>go<assistant>one",
        "<user>go<user>go<assistant>two",
    ]


def test_a_missing_package_is_reported_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"atroposlib is not installed .*hermes-tui\[managed\]"):
        ManagedServer("http://here:1", model="m")


def test_an_unknown_server_type_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"vllm or sglang"):
        ManagedServer("http://here:1", model="m", server_type="trl")


async def test_a_reply_has_the_sequence_that_it_extended() -> None:
    server, _ = managed_server("done")
    reply = await ask(server, USER)
    (sequence,) = reply.sequences
    assert sequence["index"] == 0
    assert sequence["full_text"].endswith("done")
    assert len(sequence["tokens"]) == len(sequence["masked_tokens"]) == len(sequence["logprobs"])
    assert [token for token in sequence["masked_tokens"] if token != -100] == [*map(ord, "done")]
