"""A sweep over MPI ranks (pip install mpi4py): mpiexec -n 8 python -m mpi4py.futures examples/sweep_mpi4py.py"""

from mpi4py.futures import MPIPoolExecutor

from llm_memory_calculator import sweep

MODELS = ["llama3.1_8b", "Qwen/Qwen3-8B", "mistralai/Mixtral-8x7B-v0.1"]

if __name__ == "__main__":
    with MPIPoolExecutor() as ranks:
        rows = sweep(MODELS, ["H100", "L40S", "MI300X"], executor=ranks)
    print(rows[["model", "hardware", "layout", "tpot_ms", "output_tokens_per_s", "error"]].to_string(index=False))
