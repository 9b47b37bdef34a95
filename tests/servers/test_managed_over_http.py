"""The vLLM and SGLang clients of atroposlib, if installed, against a local `/generate`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.servers.base import Reply, Request, RequestFailure
from hermes_tui.runtime.servers.managed import ManagedServer

pytest.importorskip("atroposlib")
pytest.importorskip("pydantic_cli")
web = pytest.importorskip("aiohttp.web")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
pytestmark = [
    pytest.mark.server,
    # Raised inside the libraries that atroposlib depends on.
    pytest.mark.filterwarnings("ignore"),
]

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    """Return a tokenizer with a token for each byte, saved where transformers can load it."""
    level = tokenizers.pre_tokenizers.ByteLevel
    alphabet = {character: number for number, character in enumerate(sorted(level.alphabet()))}
    bytes_only = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=alphabet, merges=[]))
    bytes_only.pre_tokenizer = level(add_prefix_space=False)
    bytes_only.decoder = tokenizers.decoders.ByteLevel()
    fast_tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bytes_only)
    fast_tokenizer.chat_template = TEMPLATE
    fast_tokenizer.save_pretrained(tmp_path)
    return fast_tokenizer


class Generate:
    """Answers like the `/generate` of both servers, and with 500 once no text is left."""

    def __init__(self, tokenizer: Any, *texts: str) -> None:
        self.tokenizer, self.texts = tokenizer, list(texts)
        self.requests = 0

    async def answer(self, request: Any) -> Any:
        self.requests += 1
        body = await request.json()
        if not self.texts:
            return web.Response(status=500, text="no more")
        ids = self.tokenizer.encode(self.texts.pop(0), add_special_tokens=False)
        if "input_ids" in body:
            meta = {
                "output_token_logprobs": [(-0.1, number, "") for number in ids],
                "finish_reason": {"type": "stop"},
            }
            return web.json_response({"meta_info": meta})
        logprobs = [[{number: -0.1}] for number in ids]
        return web.json_response({"logprobs": [logprobs], "finish_reasons": ["stop"]})


@pytest.fixture
async def generate(tokenizer: Any) -> AsyncIterator[tuple[Generate, str]]:
    serving = Generate(tokenizer, "hello")
    app = web.Application()
    app.router.add_post("/generate", serving.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield serving, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def ask(server: ManagedServer, **parameters: Any) -> Reply:
    message = json.dumps({"role": "user", "content": "go"})
    return await server.reply(Request(1, 1, (message,), json.dumps(parameters)), lambda _: None)


@pytest.mark.parametrize("server_type", ["vllm", "sglang"])
async def test_a_reply_has_its_tokens_and_a_failure_its_attempts(
    generate: tuple[Generate, str], tmp_path: Path, server_type: str
) -> None:
    serving, url = generate
    server = ManagedServer(url, model="m", server_type=server_type, tokenizer_name=str(tmp_path))
    try:
        reply = await ask(server, n=1, temperature=0.5, max_tokens=9)
        assert reply.message.content == "hello"
        (node,) = reply.sequences
        assert node["full_text"] == "<|user|>go\n<|assistant|>hello"
        assert node["logprobs"][-5:] == [-0.1] * 5
        with pytest.raises(RequestFailure) as caught:
            await ask(server, n=1)
        assert caught.value.status == 500
        assert "(after 3 attempts)" in caught.value.message
        assert serving.requests == 4
    finally:
        await server.close()


async def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    server = ManagedServer("http://127.0.0.1:9", model="m", tokenizer_name=str(tmp_path / "no"))
    with pytest.raises(RequestFailure, match=r"cannot be created: OSError: .*no"):
        await ask(server)
