"""Which names files with transcripts usually have; others are not tried unless they are named."""

from __future__ import annotations

SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj", ".har", ".eval", ".log")
PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
ARCHIVE_SUFFIX = ".zip"
_OF_MANY_THINGS = (".log",)
"""Those of the usual suffixes that other files have just as often."""


def may_be_transcript(name: str, also: tuple[str, ...] = ()) -> bool:
    """Say whether a file of this name may be one, packed or not; `also` are more suffixes."""
    return _bare(name).endswith((*SUFFIXES, *also)) and not name.startswith(".")


def must_be_transcript(name: str) -> bool:
    """Say whether a file of this name that holds neither JSON nor rows is damaged."""
    bare = _bare(name)
    promising = (*SUFFIXES, ".parquet", ".arrow", ARCHIVE_SUFFIX)
    return bare.endswith(promising) and not bare.endswith(_OF_MANY_THINGS)


def _bare(name: str) -> str:
    """Return a name without the suffixes of packed files."""
    bare = name.lower()
    for suffix in PACKED_SUFFIXES:
        bare = bare.removesuffix(suffix)
    return bare
