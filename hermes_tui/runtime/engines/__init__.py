"""The real parsers of vLLM, SGLang and hermes-agent, each in a process of its own."""
