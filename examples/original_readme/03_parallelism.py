"""The layout of eight GPUs that gives most output tokens a second."""

from llm_memory_calculator import HARDWARE_CONFIGS, get_best_parallelization_strategy, get_hardware_config

hardware = get_hardware_config("A100_80GB")
assert hardware == HARDWARE_CONFIGS["A100_80GB"]

best_strategy = get_best_parallelization_strategy(
    stage="decode",
    model="llama2_7b",
    total_nodes=8,
    batch_size=32,
    input_tokens=2048,
    output_tokens=256,
    system_name=hardware,
    bits="bf16",
)

print("Best configuration:")
print(f"  Tensor Parallel: {best_strategy['TP'].iloc[0]}")
print(f"  Pipeline Parallel: {best_strategy['PP'].iloc[0]}")
print(f"  Throughput: {best_strategy['Tokens/s'].iloc[0]:.1f} tokens/s")
