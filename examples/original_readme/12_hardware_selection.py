"""Which accelerators reach a target of output tokens a second."""

from llm_memory_calculator import estimate_end_to_end_performance, get_hardware_config

hardware_options = ["A100_80GB", "H100_80GB", "MI300X"]
target_throughput = 10000
throughputs = {}

print("Hardware comparison for Llama2-7B:")
for hw_name in hardware_options:
    hardware = get_hardware_config(hw_name)
    result = estimate_end_to_end_performance(
        model="llama2_7b",
        batch_size=8,
        input_tokens=2048,
        output_tokens=256,
        system_name=hardware,
        bits="bf16",
        tensor_parallel=4,
    )
    throughput = result["total_throughput"]
    meets_target = throughput >= target_throughput
    throughputs[hw_name] = throughput
    print(f"  {hw_name}: {throughput:.0f} tok/s, {'meets' if meets_target else 'misses'} the target")
