"""Texts that hold a conversation: rendered templates, prompts, actions, printed Python."""
