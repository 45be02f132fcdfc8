"""A sweep over the processes of this machine: every model on every accelerator under every workload."""

from llm_memory_calculator import sweep

MODELS = ["llama3.1_8b", "Qwen/Qwen3-8B", "mistralai/Mixtral-8x7B-v0.1"]
HARDWARE = ["H100", "L40S", "MI300X"]
WORKLOADS = [{"batch_size": 1}, {"batch_size": 32, "input_tokens": 4096}]

if __name__ == "__main__":
    # workers makes a pool of its own; one at hand, of processes or of threads, is given as executor
    rows = sweep(MODELS, HARDWARE, WORKLOADS, workers=2)
    columns = ["model", "hardware", "batch_size", "layout", "tpot_ms", "output_tokens_per_s", "usd_per_hour", "error"]
    print(rows[columns].to_string(index=False))
