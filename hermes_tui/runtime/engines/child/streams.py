"""The two pipes to the debugger, separate from what foreign code reads and prints."""

from __future__ import annotations

import os
from typing import TextIO


def private_streams() -> tuple[TextIO, TextIO]:
    """Move standard input and output to new descriptors and return them: requests and answers.

    From then on, standard input is empty, and standard output goes to standard error.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8", newline="\n")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers
