"""A sweep over a Dask cluster (pip install distributed), here two processes of this machine; a real one is Client(URL).

python examples/sweep_dask.py sweep.csv adds rows to the file as they come, and goes on where an earlier run ended.
"""

import sys

from distributed import Client

from llm_memory_calculator import sweep

MODELS = ["llama3.1_8b", "Qwen/Qwen3-8B", "mistralai/Mixtral-8x7B-v0.1"]

if __name__ == "__main__":
    output = sys.argv[1] if len(sys.argv) > 1 else None
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        print(sweep(MODELS, ["H100", "L40S", "MI300X"], executor=client.get_executor(), output=output))
