"""JSON fit to be printed on a terminal: what would act there is escaped, the value is the same."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from hermes_tui.model.visible import BIDI_CONTROLS, LINE_SEPARATORS

_ACTING = re.compile(
    "[" + "".join(map(chr, (*range(0x7F, 0xA0), *BIDI_CONTROLS, *LINE_SEPARATORS, 0xFEFF))) + "]"
)


def escaped_json(text: str) -> str:
    r"""Return the same JSON with DEL, C1, bidi controls and line separators as `\uXXXX`.

    Encoders escape C0 themselves.
    """
    return _ACTING.sub(lambda found: json.dumps(found.group())[1:-1], text)


def json_line(value: Any) -> str:
    """Return a value as one line of JSON; lone surrogates and giant numbers as far as JSON can."""
    try:
        return escaped_json(orjson.dumps(value).decode()) + "\n"
    except (TypeError, ValueError):
        return ascii_line(value)


def ascii_line(value: Any) -> str:
    """Return a value as one line of JSON in ASCII, for readers that know no other encoding."""
    return json.dumps(value).replace("\x7f", "\\u007f") + "\n"
