"""The real parsers of vLLM, SGLang and hermes-agent, each engine in its own process."""
