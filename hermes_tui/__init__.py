"""A terminal debugger for the trajectories of tool-calling LLM agents."""

__version__ = "0.1.0"
