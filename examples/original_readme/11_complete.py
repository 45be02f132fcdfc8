"""From memory to the fewest devices, their best layout, and its speed."""

from llm_memory_calculator import (
    HARDWARE_CONFIGS,
    calculate_memory,
    estimate_end_to_end_performance,
    get_best_parallelization_strategy,
    get_minimum_system_size,
)

memory = calculate_memory("meta-llama/Llama-2-70b-hf", batch_size=32)
print(f"Total memory needed: {memory.total_memory_gb:.2f} GB")

min_devices = get_minimum_system_size(model="llama2_70b", batch_size=32, system_name=HARDWARE_CONFIGS["A100_80GB"])
print(f"Minimum devices needed: {min_devices}")

best = get_best_parallelization_strategy(
    model="llama2_70b", total_nodes=min_devices, batch_size=32, system_name=HARDWARE_CONFIGS["A100_80GB"]
)
print(f"Optimal: TP={best['TP'].iloc[0]}, PP={best['PP'].iloc[0]}")

perf = estimate_end_to_end_performance(
    model="llama2_70b",
    batch_size=32,
    input_tokens=2048,
    output_tokens=256,
    system_name=HARDWARE_CONFIGS["A100_80GB"],
    tensor_parallel=best["TP"].iloc[0],
    pipeline_parallel=best["PP"].iloc[0],
)
print(f"Expected throughput: {perf['total_throughput']:.1f} tokens/s")
