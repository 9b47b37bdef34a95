"""The conversations that an agent's requests to its model make up.

Most requests repeat all previous messages and add to them; the longest of such a chain contains
everything. If the server keeps the history, a request holds only what is new. Any other request is
a separate conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hermes_tui.formats.chat_messages import ChatMessage, on_line, raw_messages
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.any_messages import (
    ModelMessages,
    instructions_in,
    read_input,
    read_output,
)
from hermes_tui.formats.exchange_runs import prefix_keys
from hermes_tui.formats.spans.tree import Agent, Span
from hermes_tui.model.messages import ToolSpec, Usage
from hermes_tui.parsers.measures import usage
from hermes_tui.parsers.roles import ROLE_OF_LABEL


@dataclass(slots=True, eq=False)
class Request:
    """A request span, with the messages sent to the model and its answer."""

    span: Span
    prompt: ModelMessages
    reply: ModelMessages

    @property
    def has_answer(self) -> bool:
        return bool(self.reply.messages)

    @property
    def failure(self) -> str:
        return self.span.error or self.reply.failure

    @property
    def model(self) -> str:
        return self.span.model or self.reply.model or self.prompt.model

    @property
    def finish_reason(self) -> str:
        return self.span.finish_reason or self.reply.finish_reason

    @property
    def usage(self) -> Usage | None:
        return self.span.usage or usage(self.reply.usage)

    @property
    def tools(self) -> tuple[ToolSpec, ...] | None:
        return self.prompt.tools or tool_specs(self.span.tools) or self.reply.tools


@dataclass(slots=True, eq=False)
class Conversation:
    """A conversation: chains of requests, each of which begins where the previous one ended."""

    chains: list[list[Request]] = field(default_factory=list)

    def requests(self) -> Iterator[Request]:
        for chain in self.chains:
            yield from chain

    @property
    def has_messages(self) -> bool:
        return any(one.prompt.messages or one.reply.messages for one in self.requests())

    @property
    def size(self) -> int:
        return sum(len(chain[-1].prompt.messages) + 1 for chain in self.chains)


def conversations_of(agent: Agent) -> list[Conversation]:
    """Return the conversations of an agent, the longest first, then in order of time.

    There are none if no request has messages: many tracers record messages only if configured to.
    Costs a hash of every message of every request, so it is linear in the size of the trace.
    """
    conversations: list[Conversation] = []
    ends: dict[int, Conversation] = {}
    for span in agent.requests:
        request = read_request(span)
        keys = prefix_keys(raw_messages(request.prompt.messages))
        conversation = _continued(request, keys, ends)
        if conversation is not None:
            conversation.chains[-1].append(request)
        elif conversations and _adds_to(request, conversations[-1]):
            conversation = conversations[-1]
            conversation.chains.append([request])
        else:
            conversation = Conversation([[request]])
            conversations.append(conversation)
        ends[keys[-1]] = conversation
    if not any(conversation.has_messages for conversation in conversations):
        return []
    longest = max(conversations, key=lambda conversation: conversation.size, default=None)
    return sorted(conversations, key=lambda conversation: conversation is not longest)


def read_request(span: Span) -> Request:
    """Read the messages of a request span, its instructions first, wherever they are stored."""
    prompt = read_input(span.input, span.input_at)
    reply = read_output(span.output, span.output_at)
    # A reply of the Responses API repeats the instructions of its request.
    instructions = instructions_in(span.system, span.pointer) or instructions_in(
        span.output, span.output_at, only_inside=True
    )
    if instructions is not None and not has_system(prompt.messages):
        prompt.messages.insert(0, instructions)
    if span.line or span.output_line:
        prompt.messages = on_line(prompt.messages, span.line)
        output_line = span.line if span.output_line is None else span.output_line
        reply.messages = on_line(reply.messages, output_line)
    return Request(span, prompt, reply)


def instructions_of(span: Span) -> list[ChatMessage]:
    """Return the instructions of an agent, from its span or from its input."""
    instructions = instructions_in(span.system, span.pointer)
    given = (
        [instructions]
        if instructions is not None
        else read_input(span.input, span.input_at).messages
    )
    return on_line([one for one in given if role_of(one) == "system"], span.line)


def has_system(messages: Iterable[ChatMessage]) -> bool:
    return any(role_of(message) == "system" for message in messages)


def role_of(message: ChatMessage) -> str:
    """Return the role that a message's label means."""
    return ROLE_OF_LABEL.get(message.role.lower(), message.role)


def _continued(
    request: Request, keys: list[int], ends: dict[int, Conversation]
) -> Conversation | None:
    """Return the conversation that `request` repeats and continues; forget where it ended."""
    messages = request.prompt.messages
    for known in range(len(messages), 0, -1):
        conversation = ends.get(keys[known])
        if conversation is None:
            continue
        before = conversation.chains[-1][-1]
        echoes = any(role_of(message) == "assistant" for message in messages[known:])
        if echoes or not before.has_answer:
            del ends[keys[known]]
            return conversation
        # The same question again, or another after it: the answer in between is recorded nowhere
        # else.
        return None
    return None


def _adds_to(request: Request, conversation: Conversation) -> bool:
    """Return whether a request holds only what is new: tools' answers, or no message of its own."""
    before = conversation.chains[-1][-1]
    return before.has_answer and (begins_with_answers(request) or not _own_messages(request))


def begins_with_answers(request: Request) -> bool:
    """Return whether a request begins with tools' answers to calls that it does not repeat."""
    messages = _own_messages(request)
    return bool(messages) and role_of(messages[0]) == "tool"


def repeats(messages: list[ChatMessage], others: list[ChatMessage]) -> bool:
    """Return whether `messages` begin with `others`, or with the last of them, and continue."""
    if not others or len(messages) < 2:
        return False
    for before in (others, others[-1:]):
        size = len(before)
        if prefix_keys(raw_messages(messages[:size])) == prefix_keys(raw_messages(before)):
            return True
    return False


def calls_tools(message: ChatMessage) -> bool:
    return bool(message.raw.get("tool_calls"))


def _own_messages(request: Request) -> list[ChatMessage]:
    return [message for message in request.prompt.messages if role_of(message) != "system"]
