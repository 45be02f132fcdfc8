"""Memory of a model by its hub id, and of a mixture in 8 bits with a batch and a length."""

from llm_memory_calculator import calculate_memory

dense = calculate_memory("meta-llama/Llama-2-7b-hf")
print(dense)

result = calculate_memory("mistralai/Mixtral-8x7B-v0.1", batch_size=4, seq_length=8192, precision="int8")
print(f"Total Memory: {result.total_memory_gb:.2f} GB")
print(f"Recommended GPU: {result.recommended_gpu_memory_gb} GB")
