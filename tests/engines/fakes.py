"""Small fake engines: a checkout of hermes-agent, and wheels that pip can install."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = """
import itertools, json, logging, os, re, sys, time
from collections import deque
from types import SimpleNamespace

PARSERS = {}

def parser(function):
    PARSERS[function.__name__] = function
    return function

def list_parsers():
    return list(PARSERS)

LOADED = set()

def get_parser(name):
    if name == "loads_slowly" and name not in LOADED:
        time.sleep(1)
        LOADED.add(name)
    return SimpleNamespace(parse=PARSERS[name])

def call(name, arguments):
    return SimpleNamespace(function=SimpleNamespace(name=name, arguments=arguments))

@parser
def plain(text):
    if not text.startswith("{"):
        return text, None
    found = json.loads(text)
    return None, [call(found["name"], json.dumps(found["arguments"]))]

@parser
def loads_slowly(text):
    return text, None

@parser
def forgets(text):
    return None, None

@parser
def loops(text):
    while True:
        pass

@parser
def backtracks(text):
    return text if re.match(r"(a+)+$", "a" * 40 + "b") else "", None

@parser
def swallows_the_alarm(text):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            while True:
                pass
        except BaseException:
            pass

@parser
def never_returns_to_python(text):
    deque(itertools.count(), maxlen=0)

@parser
def aborts(text):
    os.abort()

@parser
def exits(text):
    sys.stderr.write("out of order\\n")
    os._exit(7)

@parser
def eats_memory(text):
    kept = []
    while True:
        kept.append(bytearray(1 << 24))

@parser
def eats_memory_quietly(text):
    try:
        bytearray(1 << 40)
    except Exception:
        logging.getLogger("fake").exception("Error in parsing")
    return text, None

@parser
def prints_and_reads(text):
    print("noise")
    sys.stdout.flush()
    os.system("echo more noise")
    return f"{sys.stdin.read()!r} {os.read(0, 10)!r}", None

@parser
def warns(text):
    logging.getLogger("fake").warning("no closing tag")
    return text, None

@parser
def recurses(text):
    return recurses(text)
"""

VLLM = {
    "vllm/__init__.py": "raise ImportError('the whole engine')",
    "vllm/tool_parsers/__init__.py": """
import torch
from vllm.entrypoints.generate.base.protocol import ExtractedToolCallInformation

class Echo:
    def __init__(self, tokenizer, tools):
        pass

    def extract_tool_calls(self, text, request):
        return ExtractedToolCallInformation(tools_called=False, tool_calls=[], content=text)

class ToolParserManager:
    @staticmethod
    def list_registered():
        return ["echo", "lacking"]

    @staticmethod
    def get_tool_parser(name):
        if name == "lacking":
            import something_that_is_missing
        return Echo
""",
}

PYDANTIC = {
    "pydantic/__init__.py": """
class BaseModel:
    def __init__(self, **fields):
        self.__dict__.update(fields)

def Field(default=None, **_):
    return default

ConfigDict = dict
""",
}


def checkout(folder: Path) -> Path:
    """Write a checkout whose `environments` cannot be imported, and return its root."""
    parsers = folder / "checkout" / "environments" / "tool_call_parsers"
    parsers.mkdir(parents=True)
    (parsers / "__init__.py").write_text(CHECKOUT)
    (parsers.parent / "__init__.py").write_text("import a_training_stack")
    return folder / "checkout"


def wheel(
    folder: Path, name: str, version: str, files: Mapping[str, str], tag: str = "py3-none-any"
) -> Path:
    """Write a wheel that pip accepts, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-{tag}.whl"
    distribution = name.replace("_", "-")
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
        facts = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", facts)
        made = f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: {tag}\n"
        archive.writestr(f"{info}/WHEEL", made)
        archive.writestr(f"{info}/RECORD", "")
    return path


def index(folder: Path) -> Path:
    """Write wheels of a small vLLM and of what its parsers need, and return their folder."""
    wheels = folder / "wheels"
    wheel(wheels, "vllm", "1.2.3", {**VLLM, "vllm/_C.abi3.so": "compiled"})
    wheel(wheels, "pydantic", "2.0", PYDANTIC)
    for needed in ("regex", "partial_json_parser", "ijson", "oss_harmony"):
        wheel(wheels, needed, "1.0", {f"{needed}/__init__.py": ""})
    return wheels
