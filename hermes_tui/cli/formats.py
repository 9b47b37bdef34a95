"""`hermes-tui formats`: the formats that can be opened."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from hermes_tui.cli.json_text import ascii_line
from hermes_tui.formats.registry import formats
from hermes_tui.runtime.sources import MAX_SEARCHED_BYTES
from hermes_tui.runtime.transcript_names import PACKED_SUFFIXES

_PACKED: Final = ", ".join(PACKED_SUFFIXES)
_SEARCHED_MB: Final = MAX_SEARCHED_BYTES >> 20
_CONTAINERS: Final = f"""
Packed files ({_PACKED}), archives (.zip, .tar, also packed as .tar.gz or .tgz)
and standard input (-) are opened in place. Packed tar archives above {_SEARCHED_MB} MB are
not searched for in folders: name them.
Parquet files (.parquet) too, and Arrow (.arrow, as Hugging Face data sets are saved), each row read
like a JSON line: pip install 'hermes-tui[parquet]'.
"""


def run_formats(arguments: argparse.Namespace) -> int:
    """Print every format with a one-line summary."""
    entries = formats()
    if arguments.json:
        for item in entries:
            sys.stdout.write(ascii_line({"name": item.name, "summary": item.summary}))
        return 0
    width = max(len(item.name) for item in entries)
    for item in entries:
        sys.stdout.write(f"{item.name:{width}}  {item.summary}\n")
    sys.stdout.write(_CONTAINERS)
    return 0
