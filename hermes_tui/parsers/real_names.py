"""The names of the engines' parsers that are not emulated here.

The list is that of the emulated versions: vLLM 0.33.0 and SGLang 0.5.23. Newer versions may have
more; an installed engine that the user adds lists its own parsers.
"""

from __future__ import annotations

from typing import Final

_NAMES: Final = {
    "vllm": """
        apertus beam cohere_command3 cohere_command4 deepseek_v32 deepseek_v4 deepseek_v41 dots
        ernie45 functiongemma gemma4 gigachat3 granite granite-20b-fc granite4 hf hunyuan_a13b
        hy_v3 hy_v4 inkling internlm jamba k2_horizon kimi_k3 lfm2 ling3 mimo minicpm5 minimax_m2
        minimax_m3 mistral_v13 muse muse_glimmer musespark1x olmo3 openai phi4_mini_json plamo3
        poolside_v1 seed_oss step3 step3p5 step5 xlam
    """,
    "sglang": """
        apertus2509 beam cohere_command4 deepseekv32 deepseekv4 deepseekv41 dots gemma4 gigachat3
        gigachat35 glm gpt-oss hunyuan inkling interns1 iquest_q1 k2_horizon kimi_k3 lfm2 ling3
        mimo minicpm5 minimax-m2 minimax-m3 muse nanbeige poolside_v1 response_template spark25
        step3 step3p5 trinity
    """,
}
ONLY_REAL: Final = frozenset(
    f"{engine}/{name}" for engine, names in _NAMES.items() for name in names.split()
)
"""Names such as `vllm/granite`; a request for one is answered with how to add the engine."""
