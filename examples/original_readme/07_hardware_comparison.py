"""Configurations side by side, most output tokens a second first."""

from llm_memory_calculator import compare_performance_configurations, get_hardware_config

configs = [
    {
        "name": "A100_80GB_TP4",
        "system_name": get_hardware_config("A100_80GB"),
        "tensor_parallel": 4,
        "bits": "bf16",
    },
    {
        "name": "H100_80GB_TP4",
        "system_name": get_hardware_config("H100_80GB"),
        "tensor_parallel": 4,
        "bits": "bf16",
    },
]

results = compare_performance_configurations(
    model="llama2_7b", configurations=configs, batch_size=4, input_tokens=2048, output_tokens=256
)

for result in results:
    print(f"{result['config_name']}: {result['total_throughput']:.1f} tokens/s")
