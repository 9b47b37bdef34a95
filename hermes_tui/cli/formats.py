"""`hermes-tui formats`: what can be opened."""

from __future__ import annotations

import argparse
import json
import sys

from hermes_tui.formats.registry import formats


def run_formats(arguments: argparse.Namespace) -> int:
    """Print every format with one line on what it is."""
    known = formats()
    if arguments.json:
        for item in known:
            sys.stdout.write(json.dumps({"name": item.name, "summary": item.summary}) + "\n")
        return 0
    width = max(len(item.name) for item in known)
    for item in known:
        sys.stdout.write(f"{item.name:{width}}  {item.summary}\n")
    sys.stdout.write("\nPacked files (.gz, .zst) and standard input (-) are opened in place.\n")
    return 0
