"""Many models on many accelerators: a task a model for whatever executor there is, rows as they come.

>>> from llm_memory_calculator import sweep
>>> sweep(["llama3.1_8b", "qwen3_8b"], ["H100", "L40S"], [{"batch_size": 1}, {"batch_size": 32}])
"""

from .question import sweep

__all__ = ["sweep"]
