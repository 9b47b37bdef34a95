"""The files of a session's subagents, which coding agents write next to the session's own file.

- Claude Code: `SESSION.jsonl` and `SESSION/subagents/**/agent-*.jsonl`; in 2025 `agent-*.jsonl`
  next to the session, each naming it in its lines.
- Qwen Code: `chats/SESSION.jsonl` and `subagents/SESSION/agent-*.jsonl`.
- Codex: `rollout-TIME-ID.jsonl`, each naming the one that started it in its first line.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.folder_walk import false_on_oserror, files_in
from hermes_tui.runtime.path_list import PathList
from hermes_tui.runtime.sources import open_readable, split_member
from hermes_tui.runtime.targets import Part, Target, Targets

SUFFIX: Final = ".jsonl"
AGENT: Final = "agent-"
HEAD: Final = 64 << 10
ROLLOUT: Final = "rollout-"
ID_LENGTH: Final = 36
MAX_HEADS: Final = 2_000
"""How many files next to a session are looked into: each may belong to any session there."""
_SESSION_ID: Final = re.compile(rb'"sessionId"\s*:\s*"([^"\\]{1,200})"')
_PARENT_ID: Final = re.compile(rb'"parent_thread_id"\s*:\s*"([^"\\]{1,200})"')


def with_subagents(targets: Targets) -> Targets:
    """Return the targets with the files of its subagents after each session that was named."""
    # Those of sessions in folders are found anyway.
    named = (target.path for target in targets.named if isinstance(target.path, Path))
    folders = _FolderCache()
    own = {path: found for path in named if (found := _files_of(path, folders))}
    if not own:
        return targets
    known = _known_targets({path for found in own.values() for path in found}, targets)
    parts: list[Part] = []
    for part in targets.parts:
        parts.append(part if isinstance(part, PathList) else _with_own_files(part, own, known))
    return Targets(parts)


def _known_targets(paths: set[Path], targets: Targets) -> set[Path]:
    """Return those of `paths` that are already among the targets."""
    found: set[Path] = set()
    for part in targets.parts:
        if not isinstance(part, PathList):
            found.update(path for path, _ in part if isinstance(path, Path) and path in paths)
        elif any(str(path).startswith(part.top) for path in paths):
            found |= paths.intersection(part)
    return found


def _with_own_files(
    part: list[Target], own: Mapping[Path, Sequence[Path]], known: set[Path]
) -> list[Target]:
    """Insert its `own` files after each session, except `known` ones; add them to `known`."""
    found: list[Target] = []
    for target in part:
        found.append(target)
        if target.named and isinstance(target.path, Path):
            added = [path for path in own.get(target.path, ()) if path not in known]
            known.update(added)
            found += [Target(path, named=False) for path in added]
    return found


def subagent_files(session: Path) -> list[Path]:
    """Return the files of a session's subagents; none if the file is no session."""
    return _files_of(session, _FolderCache())


def _files_of(session: Path, folders: _FolderCache) -> list[Path]:
    if session.suffix != SUFFIX or session.name.startswith(AGENT) or split_member(session):
        return []
    if session.name.startswith(ROLLOUT):
        return list(_rollouts(session, folders))
    nested = session.with_suffix("") / "subagents"
    separate = session.parent.parent / "subagents" / session.stem
    for folder in (nested, separate) if session.parent.name == "chats" else (nested,):
        if false_on_oserror(folder.is_dir):
            return [path for path in files_in(folder) if _is_agent(path)]
    return list(_agents_next_to(session, folders))


def _is_agent(path: Path) -> bool:
    return path.name.startswith(AGENT) and path.suffix == SUFFIX


class _FolderCache:
    """A cache for folders of sessions: each is listed once, and each file in it is read once."""

    def __init__(self) -> None:
        self.agents = cache(_agents_in)
        self.rollouts = cache(_rollouts_in)
        self.parent_of = cache(partial(_id_in_head, _PARENT_ID))


def _agents_in(folder: Path) -> Mapping[str, Sequence[Path]]:
    """Return the files of subagents in a folder, by the session that they name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f"{AGENT}*{SUFFIX}"))[:MAX_HEADS]:
        found.setdefault(_id_in_head(_SESSION_ID, path), []).append(path)
    return found


def _rollouts_in(folder: Path) -> Sequence[Path]:
    """Return the sessions of Codex in a folder, in the order of their times."""
    return sorted(folder.glob(f"{ROLLOUT}*{SUFFIX}"))


def _agents_next_to(session: Path, folders: _FolderCache) -> Sequence[Path]:
    # Read before its folder is listed, which may hold a million files.
    session_id = _id_in_head(_SESSION_ID, session)
    return folders.agents(session.parent).get(session_id, ()) if session_id else ()


def _rollouts(session: Path, folders: _FolderCache) -> Iterator[Path]:
    """Yield the subagents that a Codex session started on the same day, and their subagents."""
    # Sorted by time: none is older than the one that started it.
    siblings = folders.rollouts(session.parent)
    first = bisect_right(siblings, session)
    family = {session.stem[-ID_LENGTH:]}
    for path in siblings[first : first + MAX_HEADS]:
        if folders.parent_of(path) in family:
            family.add(path.stem[-ID_LENGTH:])
            yield path


def _id_in_head(pattern: re.Pattern[bytes], path: Path) -> str:
    """Return the first group of a match in the head of a file; empty if there is none."""
    try:
        with os.fdopen(open_readable(path), "rb") as file:
            match = pattern.search(file.read(HEAD))
    except (SourceError, OSError):
        return ""
    return match[1].decode("utf-8", "replace") if match else ""
