"""The layouts and batches that no other beats in both latency and throughput."""

from llm_memory_calculator import get_hardware_config, get_pareto_optimal_performance

hardware = get_hardware_config("A100_80GB")

pareto_configs = get_pareto_optimal_performance(
    stage="decode",
    model="llama2_7b",
    total_nodes=8,
    batch_list=[8, 16, 32, 64],
    system_name=hardware,
    bits="bf16",
)

for _, row in pareto_configs.iterrows():
    print(
        f"Batch={row['batch']:.0f}, TP={row['TP']:.0f}, PP={row['PP']:.0f}, "
        f"Latency={row['Latency(ms)']:.1f}ms, Throughput={row['Tokens/s']:.1f} tokens/s"
    )
