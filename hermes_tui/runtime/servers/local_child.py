"""The process of a local model: llama.cpp's own HTTP server, from xllamacpp.

Reads one line from standard input, a JSON object: `gguf`, `alias`, `n_ctx`, `threads`, `template`
(its text). When ready, prints one line of JSON, `{"url": …}`. Ends when its input ends.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import threading
from typing import Any

from hermes_tui.runtime.engines.child.limits import die_with_parent


def main(_: str) -> None:
    """Load the model, serve it, and end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    config: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    # Loading a model blocks this thread for seconds; the new one ends the process even then.
    threading.Thread(target=_end_with_input, daemon=True).start()
    # Imported by name: it has no types, and is not installed on most machines.
    xllamacpp: Any = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = config["gguf"]
    parameters.model_alias = {config["alias"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = config["n_ctx"]
    parameters.n_parallel = 1
    # Threads that wait for a busy core spin: two threads can be ten times slower than one.
    parameters.cpuparams.n_threads = config["threads"]
    parameters.cpuparams_batch.n_threads = config["threads"]
    parameters.use_jinja = True
    parameters.ui = False
    parameters.verbosity = 0
    parameters.warmup = False
    parameters.chat_template = config["template"]
    server = xllamacpp.Server(parameters)
    sys.stdout.write(json.dumps({"url": server.listening_address}) + "\n")
    sys.stdout.flush()
    threading.Event().wait()


def _end_with_input() -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 4096):
            pass
    # No orderly shutdown is needed: the weights are only read.
    os._exit(0)
