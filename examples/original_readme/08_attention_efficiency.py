"""The KV cache of one sequence at several lengths, and its share of the memory."""

from llm_memory_calculator import analyze_attention_efficiency

efficiency = analyze_attention_efficiency("mistralai/Mistral-7B-v0.1", seq_lengths=[1024, 4096, 16384, 32768])

for seq_len, data in efficiency["results"].items():
    print(f"Seq {seq_len}: {data['kv_cache_gb']:.2f} GB ({data['kv_cache_percent']:.1f}%)")
