"""A vocabulary with every format's markers as single tokens; other text is split into words.

Parsers use a tokenizer to look up the markers of their format and the token ids of a delta. None
depends on how other text is split.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

ENDS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "</s>", "<|end|>"),
    *(
        "<|end_of_text|>",
        "<｜end▁of▁sentence｜>",
        "<|user|>",
        "<|observation|>",
        "[e~[",
        "<seed:eos>",
    ),
    *("<end_of_turn>", "<|eos|>", "<eos>", "<|action_end|>"),
)
"""Special tokens; an engine drops those that its format does not use."""

_CHATML = ("tool_call", "tool_response", "think", "answer", "response", "tool_calls")
_PAIRED = (
    *("longcat_tool_call", "minimax:tool_call", "seed:tool_call", "seed:think"),
    *("arg_key", "arg_value", "function_calls"),
)
_DEEPSEEK = (
    *("tool▁calls▁begin", "tool▁calls▁end", "tool▁call▁begin", "tool▁call▁end", "tool▁sep"),
    *("tool_calls_begin", "tool_calls_end", "tool_call_begin", "tool_call_end", "tool_sep"),
)
_BARRED = (
    *("python_tag", "tool_call", "tool_sep"),
    *("tool_calls_section_begin", "tool_calls_section_end"),  # Kimi
    *("tool_call_begin", "tool_call_end", "tool_call_argument_begin"),
    *("tool_call_start", "tool_call_end", "tool_list_start"),  # LFM2
    *("action_start", "plugin", "tool_calls_begin"),  # InternLM
    *("START_ACTION", "END_ACTION", "START_THINKING", "END_THINKING"),  # Command
    *("START_RESPONSE", "END_RESPONSE", "START_TEXT", "END_TEXT"),
    *("tools_prefix", "tools_suffix", "inner_prefix", "inner_suffix"),  # Apertus
    *("python_start", "python_end"),  # Llama 4
)
_GEMMA = ("tool_call", "tool_response", "channel", "turn")
MARKERS = (
    *(mark for name in (*_CHATML, *_PAIRED) for mark in (f"<{name}>", f"</{name}>")),
    *(f"<｜{name}｜>" for name in _DEEPSEEK),
    *("｜DSML｜", "<tool_sep>"),
    *(f"<|{name}|>" for name in _BARRED),
    *(mark for name in _GEMMA for mark in (f"<|{name}>", f"<{name}|>")),
    *('<|"|>', "<start_function_call>", "<end_function_call>", "<escape>"),
)
MISTRAL_7 = ("[TOOL_CALLS]",)
MISTRAL_11 = (*MISTRAL_7, "[ARGS]", "[CALL_ID]")
MISTRAL_13 = (*MISTRAL_11, "[THINK]", "[/THINK]")
HARMONY = tuple(
    f"<|{name}|>" for name in ("channel", "message", "start", "call", "return", "constrain")
)
ALL_MARKERS = (*MARKERS, *MISTRAL_11, *HARMONY)
_SIZE = 1 << 20


class Vocabulary:
    """Acts as a tokenizer. A word gets its id when it first occurs."""

    is_fast = True
    bos_token_id = pad_token_id = unk_token_id = None
    name_or_path = "markers"
    vocab_size = max_token_id = _SIZE

    def __init__(self, markers: Sequence[str], ends: Sequence[str] = ENDS) -> None:
        self._added = tuple(dict.fromkeys((*markers, *ends)))
        self._ids = {token: number for number, token in enumerate(self._added, 1)}
        self._tokens = {number: token for token, number in self._ids.items()}
        longest_first = sorted(self._added, key=len, reverse=True)
        words = r"| ?[^\W\d_]+|\d|\s+|."
        self._token_pattern = re.compile("|".join(map(re.escape, longest_first)) + words, re.DOTALL)
        self.all_special_tokens = list(ends)
        self.all_special_ids = [self._ids[end] for end in ends]
        self.special_tokens_map: dict[str, str] = {}
        self.eos_token = self.all_special_tokens[0]
        self.eos_token_id = self.all_special_ids[0]

    def __len__(self) -> int:
        return _SIZE

    @property
    def vocab(self) -> dict[str, int]:
        """Every token with its id."""
        return dict(self._ids)

    def get_vocab(self) -> dict[str, int]:
        """Return every token with its id."""
        return dict(self._ids)

    def get_added_vocab(self) -> dict[str, int]:
        """Return the markers with their ids."""
        return {marker: self._ids[marker] for marker in self._added}

    def tokenize(self, text: str, **_: Any) -> list[str]:
        """Return the tokens of `text`."""
        return self._token_pattern.findall(text)

    def encode(self, text: str, *_: Any, **__: Any) -> list[int]:
        """Return the ids of the tokens of `text`."""
        return [self._id(token) for token in self._token_pattern.findall(text)]

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": self.encode(text)}

    def decode(self, ids: int | Sequence[int], skip_special_tokens: bool = False, **_: Any) -> str:
        """Return the text of `ids`."""
        several = [ids] if isinstance(ids, int) else ids
        tokens = (self._tokens[number] for number in several)
        left_out = set(self.all_special_tokens) if skip_special_tokens else set()
        return "".join(token for token in tokens if token not in left_out)

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> Any:
        """Return the id of a token, or those of several; None for an unknown token."""
        if isinstance(tokens, str):
            return self._ids.get(tokens)
        return [self._ids.get(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: int | Sequence[int], **_: Any) -> Any:
        """Return the token of an id, or those of several."""
        if isinstance(ids, int):
            return self._tokens[ids]
        return [self._tokens[number] for number in ids]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Return the tokens joined."""
        return "".join(tokens)

    def _id(self, token: str) -> int:
        number = self._ids.get(token)
        if number is None:
            number = self._ids[token] = len(self._ids) + 1
            self._tokens[number] = token
        return number
