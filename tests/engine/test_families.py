"""Families against the published counts of their models, and what is unusual in their caches."""

import re
from importlib.util import find_spec
from typing import Any

import pytest

from llm_memory_calculator import Step
from llm_memory_calculator.architectures import families
from llm_memory_calculator.architectures._rows import ROWS
from llm_memory_calculator.errors import ConfigError

from ..rows import each
from .families import assert_a_rank_of_two_holds_less_and_works_less, described

WINDOWED, WHOLE = "sliding_attention", "full_attention"


def shape(
    model_type: str, hidden: int, width: int, depth: int, heads: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    """A config by the usual names."""
    return {
        "model_type": model_type,
        "hidden_size": hidden,
        "intermediate_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "vocab_size": vocabulary,
        **more,
    }


def nas_block(group: int | None, times: float | None) -> dict[str, Any]:
    return {
        "attention": {"n_heads_in_group": group, "no_op": group is None, "replace_with_linear": False},
        "ffn": {"ffn_mult": times, "no_op": times is None, "replace_with_linear": False},
    }


# Llama-3.3-Nemotron-Super-49B: what each layer has, in their order
LATE = [1.3125, 2.625, 2.625, 1.3125, 5.25, 1.3125, 2.625, 1.3125, 1.3125, 1.3125]
LATEST = [1.3125, 1, 1, 1.3125, 1, 1, 1, 1.3125, 1.3125, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 0.5, 0.5]
SUPER_49B = [
    nas_block(8, 2.625),
    *[nas_block(8, 5.25)] * 5,
    *[nas_block(None, 2.625)] * 2,
    *[nas_block(8, 5.25)] * 3,
    nas_block(None, 3.28125),
    *[nas_block(8, 5.25)] * 30,
    *[nas_block(None, times) for times in LATE],
    nas_block(8, 5.25),
    *[nas_block(None, times) for times in LATEST],
    *[nas_block(8, 5.25)] * 9,
]
MIXTURE = {"num_experts_per_tok": 8, "n_shared_experts": 1}
LATENT = {"kv_lora_rank": 512, "qk_rope_head_dim": 64}
DEEPSEEK_V32 = shape(
    "deepseek_v32", 7168, 18432, 61, 128, 129280, moe_intermediate_size=2048, n_routed_experts=256, q_lora_rank=1536,
    qk_nope_head_dim=128, v_head_dim=128, first_k_dense_replace=3, index_n_heads=64, index_head_dim=128,
    index_topk=2048, num_nextn_predict_layers=1, **MIXTURE, **LATENT,
)  # fmt: skip
GLM_5 = shape(
    "glm_moe_dsa", 6144, 12288, 78, 64, 154880, moe_intermediate_size=2048, n_routed_experts=256, q_lora_rank=2048,
    qk_nope_head_dim=192, v_head_dim=256, first_k_dense_replace=3, index_n_heads=32, index_head_dim=128,
    index_topk=2048, **MIXTURE, **LATENT,
)  # fmt: skip
MIMO_V2_FLASH = shape(
    "mimo_v2_flash", 4096, 16384, 48, 64, 152576, num_key_value_heads=4, swa_num_key_value_heads=8, head_dim=192,
    v_head_dim=128, sliding_window=128, moe_intermediate_size=2048, n_routed_experts=256, num_experts_per_tok=8,
    hybrid_layer_pattern=[0, 1, 1, 1, 1, 0, *[1, 1, 1, 1, 1, 0] * 7], moe_layer_freq=[0] + [1] * 47,
)  # fmt: skip

# The model, its facts, and the parameters of its published checkpoint: tied weights once, without layers for
# multi-token prediction. Arctic and Grok-1 publish 480B and 314B; theirs are the sums of their tensors' shapes.
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "microsoft/phi-2": (shape("phi", 2560, 10240, 32, 32, 51200), 2_779_683_840),
    "microsoft/Phi-3.5-MoE-instruct": (
        shape(
            "phimoe", 4096, 6400, 32, 32, 32064, num_key_value_heads=8, num_local_experts=16, num_experts_per_tok=2,
            attention_bias=True, lm_head_bias=True, sliding_window=131072,
        ),
        41_873_153_344,
    ),
    "EleutherAI/gpt-neo-2.7B": (
        {"model_type": "gpt_neo", "hidden_size": 2560, "num_layers": 32, "num_heads": 20, "vocab_size": 50257},
        2_651_307_520,
    ),
    "EleutherAI/gpt-neox-20b": (shape("gpt_neox", 6144, 24576, 44, 64, 50432), 20_554_567_680),
    "EleutherAI/gpt-j-6b": (
        {"model_type": "gptj", "n_embd": 4096, "n_head": 16, "n_layer": 28, "vocab_size": 50400},
        6_050_882_784,
    ),
    "bigcode/starcoder": (
        {"model_type": "gpt_bigcode", "n_embd": 6144, "n_head": 48, "n_layer": 40, "n_inner": 24576,
         "n_positions": 8192, "vocab_size": 49152},
        15_517_456_384,
    ),
    "facebook/opt-6.7b": (
        {"model_type": "opt", "hidden_size": 4096, "ffn_dim": 16384, "num_hidden_layers": 32,
         "num_attention_heads": 32, "vocab_size": 50272},
        6_658_473_984,
    ),
    "facebook/opt-350m": (
        {"model_type": "opt", "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24,
         "num_attention_heads": 16, "vocab_size": 50272, "word_embed_proj_dim": 512, "do_layer_norm_before": False},
        331_196_416,
    ),
    "bigscience/bloom": (
        {"model_type": "bloom", "n_embed": 14336, "n_layer": 70, "num_attention_heads": 112, "vocab_size": 250880},
        176_247_271_424,
    ),
    "mosaicml/mpt-7b": (
        {"model_type": "mpt", "d_model": 4096, "n_heads": 32, "n_layers": 32, "vocab_size": 50432},
        6_649_286_656,
    ),
    "bigcode/starcoder2-15b": (
        shape("starcoder2", 6144, 24576, 40, 48, 49152, num_key_value_heads=4, tie_word_embeddings=False),
        15_957_889_024,
    ),
    "stabilityai/stablelm-3b-4e1t": (
        shape("stablelm", 2560, 6912, 32, 32, 50304, num_key_value_heads=32),
        2_795_443_200,
    ),
    "stabilityai/stablelm-2-12b": (
        shape(
            "stablelm", 5120, 13824, 40, 32, 100352, num_key_value_heads=8, qk_layernorm=True,
            use_parallel_residual=True,
        ),
        12_143_185_920,
    ),
    "allenai/OLMo-7B-hf": (shape("olmo", 4096, 11008, 32, 32, 50304), 6_888_095_744),
    "allenai/OLMo-2-1124-7B": (shape("olmo2", 4096, 11008, 32, 32, 100352), 7_298_617_344),
    "allenai/Olmo-3-1025-7B": (shape("olmo3", 4096, 11008, 32, 32, 100278), 7_298_011_136),
    "allenai/OLMoE-1B-7B-0924": (
        shape("olmoe", 2048, 1024, 16, 16, 50304, num_experts=64, num_experts_per_tok=8),
        6_919_161_856,
    ),
    "CohereForAI/c4ai-command-r-v01": (shape("cohere", 8192, 22528, 40, 64, 256000), 34_980_831_232),
    "CohereForAI/c4ai-command-r-plus": (
        shape("cohere", 12288, 33792, 64, 96, 256000, num_key_value_heads=8, use_qk_norm=True),
        103_810_674_688,
    ),
    "CohereForAI/c4ai-command-r7b-12-2024": (
        shape("cohere2", 4096, 14336, 32, 32, 256000, num_key_value_heads=8),
        8_028_033_024,
    ),
    "databricks/dbrx-base": (
        {"model_type": "dbrx", "d_model": 6144, "n_heads": 48, "n_layers": 40, "vocab_size": 100352,
         "attn_config": {"kv_n_heads": 8},
         "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4}},
        131_596_523_520,
    ),
    "zai-org/glm-4-9b-chat-hf": (shape("glm", 4096, 13696, 40, 32, 151552), 9_399_951_360),
    "zai-org/GLM-4-9B-0414": (shape("glm4", 4096, 13696, 40, 32, 151552), 9_400_279_040),
    "zai-org/GLM-4.5": (
        shape(
            "glm4_moe", 5120, 12288, 92, 96, 151552, num_key_value_heads=8, head_dim=128, attention_bias=True,
            use_qk_norm=True, moe_intermediate_size=1536, n_routed_experts=160, first_k_dense_replace=3, **MIXTURE,
        ),
        352_797_814_784,
    ),
    "zai-org/GLM-5": (GLM_5, 743_911_199_232),
    "zai-org/GLM-5.2": (GLM_5 | {"index_topk_freq": 4, "index_skip_topk_offset": 3}, 743_377_000_704),
    "ibm-granite/granite-3.1-8b-instruct": (
        shape("granite", 4096, 12800, 40, 32, 49155, num_key_value_heads=8, tie_word_embeddings=True),
        8_170_848_256,
    ),
    "ibm-granite/granite-3.0-1b-a400m-base": (
        shape(
            "granitemoe", 1024, 512, 24, 16, 49152, num_key_value_heads=8, num_local_experts=32,
            num_experts_per_tok=8, tie_word_embeddings=True,
        ),
        1_334_625_280,
    ),
    "internlm/internlm2-7b": (
        shape("internlm2", 4096, 14336, 32, 32, 92544, num_key_value_heads=8, bias=False),
        7_737_708_544,
    ),
    "LGAI-EXAONE/EXAONE-3.0-7.8B-Instruct": (
        shape("exaone", 4096, 14336, 32, 32, 102400, num_key_value_heads=8),
        7_818_448_896,
    ),
    "LGAI-EXAONE/EXAONE-4.0-32B": (
        shape("exaone4", 5120, 27392, 64, 40, 102400, num_key_value_heads=8, sliding_window_pattern="LLLG"),
        32_003_216_384,
    ),
    "HuggingFaceTB/SmolLM3-3B": (shape("smollm3", 2048, 11008, 36, 16, 128256), 3_075_098_624),
    "baichuan-inc/Baichuan-7B": (shape("baichuan", 4096, 11008, 32, 32, 64000), 7_000_559_616),
    "baichuan-inc/Baichuan-13B-Base": (shape("baichuan", 5120, 13696, 40, 40, 64000), 13_264_901_120),
    "nvidia/Minitron-4B-Base": (
        shape("nemotron", 3072, 9216, 32, 24, 256000, num_key_value_heads=8, head_dim=128),
        4_190_509_056,
    ),
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1": (
        shape("nemotron-nas", 8192, 0, 80, 64, 128256, block_configs=SUPER_49B),
        49_867_145_216,
    ),
    "baidu/ERNIE-4.5-0.3B-PT": (shape("ernie4_5", 1024, 3072, 18, 16, 103424), 360_748_032),
    "baidu/ERNIE-4.5-21B-A3B-PT": (
        shape("ernie4_5_moe", 2560, 12288, 28, 20, 103424, moe_intermediate_size=1536, moe_num_experts=64, moe_k=6),
        21_825_437_888,
    ),
    "tencent/Hunyuan-7B-Instruct": (
        shape("hunyuan_v1_dense", 4096, 14336, 32, 32, 128167, num_key_value_heads=8, tie_word_embeddings=True),
        7_504_568_320,
    ),
    "tencent/Hunyuan-A13B-Instruct": (
        shape(
            "hunyuan_v1_moe", 4096, 3072, 32, 32, 128167, num_key_value_heads=8, num_experts=64, moe_topk=[8] * 32,
            tie_word_embeddings=True,
        ),
        80_393_183_232,
    ),
    "ByteDance-Seed/Seed-OSS-36B-Instruct": (shape("seed_oss", 5120, 27648, 64, 80, 155136), 36_151_104_512),
    "MiniMaxAI/MiniMax-M2": (
        shape("minimax_m2", 3072, 1536, 62, 48, 200064, num_local_experts=256, num_experts_per_tok=8),
        228_689_748_992,
    ),
    "XiaomiMiMo/MiMo-V2-Flash": (MIMO_V2_FLASH, 308_778_768_832),
    "deepseek-ai/DeepSeek-V3.2": (DEEPSEEK_V32, 671_877_929_216),
    "moonshotai/Kimi-K2-Instruct": (
        shape(
            "kimi_k2", 7168, 18432, 61, 64, 163840, moe_intermediate_size=2048, n_routed_experts=384, q_lora_rank=1536,
            qk_nope_head_dim=128, v_head_dim=128, first_k_dense_replace=1, **MIXTURE, **LATENT,
        ),
        1_026_408_209_408,
    ),
    "Qwen/Qwen-7B": (shape("qwen", 4096, 22016, 32, 32, 151936), 7_721_324_544),
}  # fmt: skip
# Parameters that one token multiplies
ACTIVE = {
    "databricks/dbrx-base": 36_469_708_800,
    "zai-org/GLM-4.5": 33_632_251_904,
    "zai-org/GLM-5": 41_784_709_632,
    "MiniMaxAI/MiniMax-M2": 11_030_537_216,
    "XiaomiMiMo/MiMo-V2-Flash": 15_445_924_288,
    "deepseek-ai/DeepSeek-V3.2": 38_403_807_488,
}
# Tokens of one sequence, and the bytes of its cache in bf16
CACHES = {
    "EleutherAI/gpt-neo-2.7B": (2048, 671_088_640),  # its windows save no memory
    "bigcode/starcoder": (8192, 167_772_160),  # one KV head
    "allenai/Olmo-3-1025-7B": (8192, 2_684_354_560),  # 24 of 32 layers keep 4,096 tokens
    "CohereForAI/c4ai-command-r7b-12-2024": (40000, 1_713_373_184),  # so do these 24 of 32
    "LGAI-EXAONE/EXAONE-4.0-32B": (40000, 3_426_746_368),  # 48 of 64
    "microsoft/Phi-3.5-MoE-instruct": (200000, 17_179_869_184),  # all keep 131,072
    "XiaomiMiMo/MiMo-V2-Flash": (40000, 947_159_040),  # 39 of 48 layers: 128 tokens of 8 heads; the others 4 heads
    "deepseek-ai/DeepSeek-V3.2": (40000, 3_435_520_000),  # 512 + 64 of the latent and 128 of the indexer, 61 layers
    "zai-org/GLM-5": (40000, 4_392_960_000),
    "zai-org/GLM-5.2": (40000, 78 * 2 * 40000 * 576 + 21 * 2 * 40000 * 128),  # 21 indexers for 78 layers
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1": (1024, 49 * 4 * 1024 * 8 * 128),  # 49 of 80 layers attend
}


@each("model", PUBLISHED)
def test_count_is_the_published_one(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert described(**facts).parameter_count == parameters


@pytest.mark.parametrize("model", ACTIVE)
def test_active_count_is_the_published_one(model: str) -> None:
    assert described(**PUBLISHED[model][0]).active_parameter_count == ACTIVE[model]


@each("model", CACHES)
def test_cache_has_the_size_that_its_layers_keep(model: str) -> None:
    tokens, cache_bytes = CACHES[model]
    assert 2 * described(**PUBLISHED[model][0]).cached_values(tokens) == cache_bytes


@each("model", PUBLISHED)
def test_a_rank_of_two_holds_less_and_works_less(model: str) -> None:
    assert_a_rank_of_two_holds_less_and_works_less(described(**PUBLISHED[model][0]))


def test_picking_tokens_makes_attention_cheap_and_the_indexer_dear_in_a_long_context() -> None:
    step = Step(batch=1, query=1, context=100_000)
    sparse = described(**DEEPSEEK_V32)
    operators = {operator.name: operator for layer in sparse.stack for operator in layer.operators}
    attention, indexer = operators["self_attn"].work(step), operators["self_attn.indexer"].work(step)
    assert attention.cache_read == 2048 * 576
    assert attention.absorbed_flops == 2 * 2048 * 128 * (2 * 512 + 64)
    assert indexer.cache_read == 100_001 * 128
    assert indexer.flops == 2 * 100_001 * 64 * 128


@pytest.mark.parametrize("every", [1, 2, 3])
def test_chunks_of_a_prompt_ask_the_indexer_for_the_same_work_as_the_whole(every: int) -> None:
    operators = [operator for layer in described(**DEEPSEEK_V32).stack for operator in layer.operators]
    indexer = next(operator for operator in operators if operator.name == "self_attn.indexer")
    chunks = [Step(batch=1, query=every * 100, context=begin) for begin in range(0, 600, every * 100)]
    assert sum(indexer.work(chunk).flops for chunk in chunks) == indexer.work(Step(batch=1, query=600)).flops


def test_windows_by_letters_by_number_and_by_name_are_the_same() -> None:
    facts = shape("exaone4", 64, 128, 8, 32, 100, sliding_window=16)
    names = [WHOLE if index % 4 == 3 else WINDOWED for index in range(8)]
    ways: list[dict[str, Any]] = [
        {"sliding_window_pattern": "LLLG"},
        {"sliding_window_pattern": 4},
        {"layer_types": names},
        {},
    ]
    assert len({described(**facts, **way).cached_values(1000) for way in ways}) == 1


def test_smollm3_has_windows_only_where_it_is_told_to() -> None:
    facts = shape("smollm3", 64, 128, 8, 4, 100, sliding_window=16)
    plain, windowed = described(**facts), described(**facts, use_sliding_window=True)
    assert plain.cached_values(1000) == 8 * 1000 * 2 * 64
    assert windowed.cached_values(1000) == (6 * 1000 + 2 * 16) * 2 * 64


def test_a_layer_without_its_blocks_stores_nothing() -> None:
    blocks = [nas_block(2, 2.0), nas_block(None, None)]
    without = described(**shape("nemotron-nas", 64, 1, 1, 4, 100, block_configs=blocks[:1]))
    assert described(**shape("nemotron-nas", 64, 1, 2, 4, 100, block_configs=blocks)).parameter_count == (
        without.parameter_count
    )


@pytest.mark.parametrize("model_type", ["glm4_moe", "deepseek_v32", "glm_moe_dsa"])
def test_layers_for_multi_token_prediction_are_named_and_not_counted(model_type: str) -> None:
    known = {facts["model_type"]: facts for facts, _ in PUBLISHED.values()}
    facts = known.get(model_type, shape(model_type, 64, 128, 2, 32, 100))
    without = described(**facts | {"num_nextn_predict_layers": 0})
    built = described(**facts | {"num_nextn_predict_layers": 1})
    assert [note.subject for note in built.apart] == ["num_nextn_predict_layers"]
    assert not without.apart
    assert built.parameter_count == without.parameter_count


@each(
    ("facts", "named"),
    [
        ({"model_type": "opt", "hidden_size": 64, "num_attention_heads": 4}, "ffn_dim"),
        ({"model_type": "dbrx", "d_model": 64, "n_heads": 4, "n_layers": 2}, "attn_config"),
        (shape("phimoe", 64, 128, 2, 8, 100), "num_local_experts"),
        (shape("qwen", 64, 127, 2, 4, 100), "intermediate_size"),
        (shape("exaone4", 64, 128, 2, 32, 100, sliding_window_pattern="LX"), "sliding_window_pattern"),
        (shape("nemotron-nas", 64, 128, 2, 4, 100, block_configs=[nas_block(4, 1.0)]), "block_configs"),
        (shape("nemotron-nas", 64, 128, 1, 4, 100, block_configs=[nas_block(3, 1.0)]), "block_configs[0].attention."),
        (shape("nemotron-nas", 64, 128, 1, 4, 100, block_configs=[nas_block(4, -1)]), "block_configs[0].ffn.ffn_mult"),
        (MIMO_V2_FLASH | {"hybrid_layer_pattern": [0, 1]}, "hybrid_layer_pattern"),
        (GLM_5 | {"index_topk_pattern": "FSX"}, "index_topk_pattern"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(facts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(named)):
        described(**facts)


@each("name", ROWS)
def test_a_row_is_of_a_family_that_has_a_module_and_has_none_itself(name: str) -> None:
    package = "llm_memory_calculator.architectures"
    assert name in families()
    assert find_spec(f"{package}.{ROWS[name].family}") is not None
    assert find_spec(f"{package}.{name}") is None
