"""Adding, listing and removing engines as a user does, with the real pip and small wheels."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hermes_tui.cli.engines import add_engines, run_engines
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.engines import store
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.pool import EnginePool
from hermes_tui.runtime.engines.verdicts import EngineOutcome, EngineVerdict
from tests.engines.fakes import VLLM, checkout, index, wheel


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of wheels, the only place in which pip looks."""
    folder = index(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def empty(cache: Path) -> Path:
    return cache


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_engines(parser.add_subparsers(dest="command"))
    return run_engines(parser.parse_args(["engines", *words]))


async def read(engine: AddedEngine, parser: str, text: str) -> EngineVerdict:
    pool = EnginePool([engine])
    try:
        return await pool.parse(engine.name, parser, text)
    finally:
        await pool.close()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_version_is_downloaded_unpacked_and_tested(
    wheels: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", "vllm==1.2.3") == 0
    out, err = capsys.readouterr()
    assert out.split()[:3] == ["vllm-1.2.3", "1", "parsers"]
    assert err.startswith("hermes-tui: vllm-1.2.3: lacking cannot be loaded: ModuleNotFoundError")
    assert left_in(cache) == ["vllm-1.2.3"]
    kept = {path.name for path in (cache / "vllm-1.2.3" / "src" / "vllm").iterdir()}
    assert {"__init__.py", "tool_parsers"} <= kept
    assert "_C.abi3.so" not in kept
    assert (cache / "vllm-1.2.3" / "deps" / "pydantic").is_dir()


async def test_a_wheel_file_is_added_and_reads_texts(wheels: Path, cache: Path) -> None:
    path = next(wheels.glob("vllm-*.whl"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../../outside.py", "")
    engine = await asyncio.to_thread(store.add_wheel, str(path), lambda *_: None)
    assert (engine.folder / "src" / "outside.py").exists()
    assert (await read(engine, "echo", "hello")).content == "hello"
    lacking = await read(engine, "lacking", "hello")
    assert lacking.outcome is EngineOutcome.UNKNOWN
    assert "No module named 'something_that_is_missing'" in lacking.error


def test_without_a_version_the_newest_is_added(wheels: Path, tmp_path: Path) -> None:
    wheel(wheels, "vllm", "1.10.0", VLLM)
    assert store.add_wheel("vllm", lambda *_: None).name == "vllm-1.10.0"


def test_a_wheel_for_another_platform_is_accepted(wheels: Path) -> None:
    # This one is for Python 3.11 on the newest Linux; most machines are neither.
    wheel(wheels, "vllm", "5.0", VLLM, tag="cp311-cp311-manylinux_2_39_x86_64")
    assert store.add_wheel("vllm==5.0", lambda *_: None).version == "5.0"


def test_packages_that_only_gpt_oss_needs_may_be_missing(wheels: Path) -> None:
    next(wheels.glob("oss_harmony-*.whl")).unlink()
    assert store.add_wheel("vllm", lambda *_: None).names == ("echo", "lacking")


def test_adding_again_replaces_the_engine(tmp_path: Path, cache: Path) -> None:
    root = checkout(tmp_path)
    first = store.add_path(root)
    (first.folder / "mark").write_text("old")
    again = store.add_path(root)
    assert not (again.folder / "mark").exists()
    assert left_in(cache) == ["hermes-agent"]


def test_a_failed_download_reports_the_message_of_pip_and_leaves_nothing(
    wheels: Path, cache: Path
) -> None:
    with pytest.raises(SourceError, match=r"vllm==9\.9: No matching distribution"):
        run("add", "vllm==9.9")
    assert left_in(cache) == []


def test_a_broken_wheel_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    broken = tmp_path / "vllm-1.0-py3-none-any.whl"
    broken.write_bytes(b"PK\3\4 cut")
    with pytest.raises(SourceError, match="is damaged"):
        run("add", str(broken))
    assert left_in(cache) == []


def test_a_wheel_without_parsers_is_refused(tmp_path: Path, cache: Path) -> None:
    other = wheel(tmp_path, "sglang", "1.0", {"sglang/__init__.py": ""})
    with pytest.raises(SourceError, match="contains no parsers"):
        run("add", str(other))
    assert left_in(cache) == []


def test_parsers_that_cannot_be_loaded_are_not_added(wheels: Path, cache: Path) -> None:
    files = {"vllm/tool_parsers/__init__.py": "import vllm.tool_parsers.gone"}
    wheel(wheels, "vllm", "3.0", files)
    with pytest.raises(SourceError, match=r"cannot be loaded: .*vllm\.tool_parsers\.gone"):
        run("add", "vllm")
    assert left_in(cache) == []


def test_a_name_that_matches_several_engines_is_refused() -> None:
    with pytest.raises(UsageError, match="--name needs an engine"):
        run("add", "--python", sys.executable, "--name", "mine")


@pytest.mark.parametrize(
    "wanted", ["torch", "vllm" + 60 * "!" + "@", "-r requirements.txt", "vllm; print()", "vllm @ x"]
)
def test_only_known_engines_can_be_requested(wanted: str) -> None:
    with pytest.raises(UsageError, match="is not an engine"):
        store.add_wheel(wanted, lambda *_: None)


def test_without_an_engine_the_usage_is_shown() -> None:
    with pytest.raises(UsageError, match="no engine was named"):
        run("add")


async def test_a_checkout_is_used_in_place(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    engine = await asyncio.to_thread(store.add_path, root)
    assert (engine.name, engine.source) == ("hermes-agent", str(root))
    assert (await read(engine, "plain", "x")).content == "x"


def test_the_folder_of_the_parsers_is_accepted_too(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    assert store.add_path(root / "environments" / "tool_call_parsers").source == str(root)


def test_a_folder_without_parsers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="contains no environments/tool_call_parsers"):
        run("add", "--path", str(tmp_path))


def test_a_missing_checkout_is_listed_with_its_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = checkout(tmp_path)
    assert run("add", "--path", str(root), "--name", "mine") == 0
    root.rename(tmp_path / "elsewhere")
    assert run("list") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"the folder {root} is gone")


def installed(tmp_path: Path) -> Path:
    """Return a new interpreter that has a small vLLM installed."""
    folder = tmp_path / "venv"
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=240)
    packages = next(folder.glob("lib/python*/site-packages"))
    protocol = "vllm/entrypoints/openai/chat_completion/protocol.py"
    parsers = VLLM["vllm/tool_parsers/__init__.py"]
    files = {
        "vllm/__init__.py": "__version__ = '7.0'",
        protocol: "from types import SimpleNamespace as ChatCompletionRequest",
        "vllm/tool_parsers/__init__.py": "from types import SimpleNamespace\n"
        + parsers.partition("ExtractedToolCallInformation\n")[2].replace(
            "ExtractedToolCallInformation(", "SimpleNamespace("
        ),
    }
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "bin" / "python"


async def test_an_engine_installed_elsewhere_is_used_there(tmp_path: Path) -> None:
    python = installed(tmp_path)
    (engine,) = await asyncio.to_thread(store.add_python, str(python), "", "")
    assert (engine.name, engine.version) == ("vllm-7.0-python", "7.0")
    assert (await read(engine, "echo", "hello")).content == "hello"


def test_an_interpreter_without_an_engine_is_refused(cache: Path) -> None:
    with pytest.raises(SourceError, match="No module named 'vllm'"):
        run("add", "vllm", "--python", sys.executable)
    with pytest.raises(SourceError, match="no such interpreter"):
        run("add", "--python", "/no/such/python")
    assert left_in(cache) == []


def test_engines_are_listed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", "--path", str(checkout(tmp_path))) == 0
    capsys.readouterr()
    assert run("list", "--json") == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["name"], row["engine"], row["kind"]) == ("hermes-agent", "hermes-agent", "path")
    assert "plain" in row["parsers"]
    assert (row["failures"], row["problem"]) == ({}, "")


def test_an_empty_list_shows_how_to_add_an_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "hermes-tui: no engine was added yet (add one with `hermes-tui engines add`)\n",
    )


def test_a_removed_engine_is_gone_and_its_checkout_is_kept(tmp_path: Path, cache: Path) -> None:
    root = checkout(tmp_path)
    assert run("add", "--path", str(root)) == 0
    assert run("remove", "hermes-agent") == 0
    assert left_in(cache) == []
    assert root.is_dir()


def test_removing_an_unknown_engine_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no engine is called 'x' \(none was added\)"):
        run("remove", "x")


def test_a_damaged_engine_is_listed_and_can_be_removed(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / "vllm-1").mkdir(parents=True)
    (cache / "vllm-1" / "manifest.json").write_text('{"schema": 1, "names": 3}')
    assert run("list") == 0
    assert capsys.readouterr().out.endswith("its manifest cannot be read (KeyError)\n")
    assert run("remove", "vllm-1") == 0


async def test_an_engine_added_for_another_python_must_be_added_again(cache: Path) -> None:
    facts = {"schema": 1, "engine": "vllm", "version": "1", "kind": "wheel", "python": ""}
    facts |= {"python_version": "3.9.1", "source": "", "names": ["echo"], "failures": {}}
    (cache / "vllm-1").mkdir(parents=True)
    (cache / "vllm-1" / "manifest.json").write_text(json.dumps(facts))
    (engine,) = store.added_engines()
    verdict = await read(engine, "echo", "x")
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert "added for Python 3.9.1" in verdict.error
    assert verdict.error.endswith("add it again")
