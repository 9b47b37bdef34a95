"""The version of hermes-tui."""

__version__ = "0.1.0"
