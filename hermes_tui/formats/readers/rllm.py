"""`rllm`: episodes that rLLM logs, a JSON file each (`trainer.episode_log_dir`), or lines of them.

    episode    = {"episode_id" | "id": "TASK:ROLLOUT", "task", "is_correct", "termination_reason",
                  "metrics", "training_step"?, "trajectories": [trajectory, …], …}
    trajectory = {"name", "uid", "reward", "steps": [step, …], …}
    step       = {"chat_completions": [message, …], "reward", "done", …}

The messages of a step are all so far. If they do not continue those of the previous step, the agent
dropped some, and the conversation from then on is a child run of the first. Calls are in the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import TextCalls

_MESSAGES_KEY = "chat_completions"
_OWN_KEYS = ("episode_id", "id", "is_correct", "termination_reason", "metrics", "trajectories")
_CUT_SUFFIXES = ("_exceeded", "timeout")
"""The suffixes of the reasons for which an episode is cut off."""


class _Conversation(NamedTuple):
    """Messages of one continuous history, with the pointer to the first occurrence of each."""

    messages: list[Any]
    pointers: list[str]


class Rllm:
    """Reads episodes: a run for each trajectory."""

    name = "rllm"
    summary = "rLLM episodes: one run per trajectory, with rewards, correctness and why it ended"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_episode)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_episode(value):
            build.defect("no episode in this record", value)
            return
        trajectories = value["trajectories"]
        for index, one in enumerate(trajectories):
            place = f"/trajectories/{index}"
            if _is_trajectory(one):
                name = fields.label(one, "name", "uid") if len(trajectories) > 1 else ""
                _read(value, one, title(name), place, build)
            else:
                build.defect("not a trajectory", one, pointer=place)


def _is_episode(value: Any) -> bool:
    if not isinstance(value, dict) or "termination_reason" not in value:
        return False
    trajectories = value.get("trajectories")
    return isinstance(trajectories, list) and fields.mostly(trajectories, _is_trajectory)


def _is_trajectory(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        return False
    return not value["steps"] or _MESSAGES_KEY in fields.first_object(value["steps"])


def _read(
    episode: dict[str, Any], trajectory: dict[str, Any], name: str, place: str, build: RunBuilder
) -> None:
    own_id = title(fields.label(episode, "episode_id", "id"))
    task, _, rollout = own_id.rpartition(":")
    first = ":".join(filter(None, (own_id, name)))
    about = fields.as_dict(decode_if_json(episode.get("task")))
    known: dict[str, Any] = {
        "group_id": ":".join(filter(None, (task or rollout, name))),
        "details": fields.without_empty(
            fields.details_of({**episode, "trajectory": name}, without=_OWN_KEYS)
            | fields.details_of(trajectory, without=("steps", "reward", "name"))
        ),
    }
    conversations = _conversations(trajectory["steps"], f"{place}/steps")
    for number, conversation in enumerate(conversations, 1):
        build.start(
            run_id=first if number == 1 else f"{first} · part {number}",
            parent_run_id="" if number == 1 else first,
            task=fields.title_of(conversation.messages) or fields.task_of(about, ()),
            pointer=place,
            **known,
        )
        for message, pointer in zip(conversation.messages, conversation.pointers, strict=True):
            build.append_element(message, pointer, TextCalls.TRANSPORT)
        if number == 1:
            _report_missing(trajectory["steps"], f"{place}/steps", build)
            _end(episode, trajectory, build)


def _conversations(steps: list[Any], place: str) -> list[_Conversation]:
    """Return the messages in the steps of a trajectory, each once; at least one conversation."""
    conversations = [_Conversation([], [])]
    before: list[Any] = []
    for index, step in enumerate(steps):
        messages = fields.as_list(fields.as_dict(step).get(_MESSAGES_KEY))
        if not messages:
            continue
        if messages[: len(before)] != before:
            conversations.append(_Conversation([], []))
            before = []
        new = messages[len(before) :]
        start, before = len(before), messages
        last = fields.as_dict(new[-1]) if new else {}
        if last.get("role") == "assistant" and (reward := fields.number(step.get("reward"))):
            new[-1] = {"reward": reward, **last}
        conversations[-1].messages.extend(new)
        conversations[-1].pointers.extend(
            f"{place}/{index}/{_MESSAGES_KEY}/{start + offset}" for offset in range(len(new))
        )
    return conversations


def _report_missing(steps: list[Any], place: str, build: RunBuilder) -> None:
    for index, step in enumerate(steps):
        if not isinstance(fields.as_dict(step).get(_MESSAGES_KEY), list):
            build.defect("no messages in a step", step, pointer=f"{place}/{index}")


def _end(episode: Mapping[str, Any], trajectory: Mapping[str, Any], build: RunBuilder) -> None:
    reason = fields.label(episode, "termination_reason")
    status = run_status(episode.get("is_correct"))
    if status != "ok" and reason.endswith(_CUT_SUFFIXES):
        status = "truncated"
    elif reason == "error":
        status = "error"
    step = fields.measured({"training_step": episode.get("training_step")})
    build.end(
        status=status,
        stop_reason=reason,
        reward=fields.number(trajectory.get("reward")),
        scores={**fields.measured(fields.as_dict(episode.get("metrics"))), **step},
    )


FORMAT = Rllm()
