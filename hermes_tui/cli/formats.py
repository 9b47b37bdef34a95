"""`hermes-tui formats`: what can be opened."""

from __future__ import annotations

import argparse
import sys

from hermes_tui.cli.json_text import ascii_line
from hermes_tui.formats.registry import formats
from hermes_tui.runtime.transcript_names import ARCHIVE_SUFFIX, PACKED_SUFFIXES


def run_formats(arguments: argparse.Namespace) -> int:
    """Print every format with one line on what it is."""
    known = formats()
    if arguments.json:
        for item in known:
            sys.stdout.write(ascii_line({"name": item.name, "summary": item.summary}))
        return 0
    width = max(len(item.name) for item in known)
    for item in known:
        sys.stdout.write(f"{item.name:{width}}  {item.summary}\n")
    packed = ", ".join((*PACKED_SUFFIXES, ARCHIVE_SUFFIX))
    sys.stdout.write(f"\nPacked files ({packed}) and standard input (-) are opened in place.\n")
    return 0
