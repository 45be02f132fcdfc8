"""What `measure_gpu.py` measures: shapes from the engine's description, their calls in PyTorch, their estimates."""
