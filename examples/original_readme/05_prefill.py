"""Time to the first token of a batch of prompts."""

from llm_memory_calculator import estimate_prefill_performance, get_hardware_config

hardware = get_hardware_config("A100_80GB")

result = estimate_prefill_performance(
    model="llama2_7b", batch_size=4, input_tokens=2048, system_name=hardware, bits="bf16", tensor_parallel=2
)
print(f"Prefill latency: {result['Latency']:.1f} ms")
