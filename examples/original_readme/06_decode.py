"""Mean time of a decode step after a batch of prompts."""

from llm_memory_calculator import estimate_decode_performance, get_hardware_config

hardware = get_hardware_config("A100_80GB")

result = estimate_decode_performance(
    model="llama2_7b",
    batch_size=4,
    input_tokens=2048,
    output_tokens=256,
    system_name=hardware,
    bits="bf16",
    tensor_parallel=2,
)
print(f"Per-token latency: {result['Latency']:.1f} ms")
