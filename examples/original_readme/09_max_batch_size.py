"""The largest batch on one GPU; 0, with the reason, where not even one sequence fits."""

from llm_memory_calculator import estimate_max_batch_size

max_batch = estimate_max_batch_size("meta-llama/Llama-2-70b-hf", gpu_memory_gb=80, seq_length=4096, precision="fp16")
print(f"Maximum batch size for 80GB GPU: {max_batch}")
print(max_batch.reason)
