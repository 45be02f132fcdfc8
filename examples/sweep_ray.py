"""A sweep over Ray (pip install ray), which has no executor of its own: three lines are one."""

import ray

from llm_memory_calculator import sweep

MODELS = ["llama3.1_8b", "Qwen/Qwen3-8B", "mistralai/Mixtral-8x7B-v0.1"]


class RayExecutor:
    def submit(self, function, /, *arguments):
        return ray.remote(function).remote(*arguments).future()


if __name__ == "__main__":
    ray.init()
    rows = sweep(
        MODELS, ["H100", "L40S", "MI300X"], executor=RayExecutor(), workers=int(ray.cluster_resources()["CPU"])
    )
    print(rows[["model", "hardware", "layout", "tpot_ms", "output_tokens_per_s", "error"]].to_string(index=False))
