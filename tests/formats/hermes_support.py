"""Helpers shared by the tests of the hermes-agent formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hermes_tui.formats.base import Format
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import Event
from hermes_tui.model.spans import ByteRange

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "hermes"


def load_lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (FIXTURES / name).read_text("utf-8").splitlines()]


def load_document(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text("utf-8"))


def read(reader: Format, value: Any, *, is_first: bool = True) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1), is_first=is_first, source_format=reader.name)
    reader.read(value, build)
    return build.events
