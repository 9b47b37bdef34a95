"""Run one fuzz target under atheris: `python -m tests.fuzz NAME [SECONDS]`.

Input that breaks a law is reported and written to a file `crash-…` in the working folder.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

TARGETS = (
    "big_lists",
    "call_texts",
    "event_streams",
    "json_framing",
    "literals",
    "packed_streams",
    "python_reprs",
    "tar_archives",
    "whole_files",
    "zip_archives",
)


def main() -> int:
    name, seconds = [*sys.argv[1:], "60", "60"][:2]
    if name not in TARGETS:
        print(f"no target {name!r}; there are {', '.join(TARGETS)}")
        return 2
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install atheris")
        return 2
    with atheris.instrument_imports(include=["hermes_tui"]):
        target = import_module(f"tests.fuzz.{name}")
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder) / "corpus", Path(folder) / "words"
        corpus.mkdir()
        for number, seed in enumerate(target.SEEDS):
            (corpus / f"seed{number}").write_bytes(seed)
        entries = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.DICTIONARY)
        words.write_text("".join(f'"{entry}"\n' for entry in entries))
        limits = ["-timeout=20", "-rss_limit_mb=1500", "-max_len=4096"]
        chosen = [f"-max_total_time={seconds}", f"-dict={words}", str(corpus)]
        atheris.Setup([sys.argv[0], *limits, *chosen], target.try_one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
