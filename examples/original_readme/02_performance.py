"""A static batch from its prompts to its last tokens on two GPUs."""

from llm_memory_calculator import estimate_end_to_end_performance, get_hardware_config

hardware = get_hardware_config("A100_80GB")

result = estimate_end_to_end_performance(
    model="llama2_7b",
    batch_size=4,
    input_tokens=2048,
    output_tokens=256,
    system_name=hardware,
    bits="bf16",
    tensor_parallel=2,
)

print(f"Throughput: {result['total_throughput']:.1f} tokens/s")
print(f"TTFT: {result['ttft']:.1f} ms")
print(f"TPOT: {result['average_tpot']:.1f} ms")
