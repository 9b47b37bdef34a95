"""Which names files with transcripts usually have; others are not tried unless they are named."""

from __future__ import annotations

SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj", ".har", ".eval", ".log")
PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
ARCHIVE_SUFFIX = ".zip"


def may_be_transcript(name: str, also: tuple[str, ...] = ()) -> bool:
    """Say whether a file of this name may be one, packed or not; `also` are more suffixes."""
    bare = name.lower()
    for suffix in PACKED_SUFFIXES:
        bare = bare.removesuffix(suffix)
    return bare.endswith((*SUFFIXES, *also)) and not name.startswith(".")
