"""JSON texts held against one another."""

from __future__ import annotations

import json


def text_key(text: str) -> str:
    """Return what JSON texts of one value have in common; a text that is no JSON, as it is.

    1, 1.0 and true are different values.
    """
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text
