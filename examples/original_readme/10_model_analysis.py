"""What a model is and needs, and several models side by side."""

from llm_memory_calculator import analyze_hf_model, compare_models

analysis = analyze_hf_model("deepseek-ai/DeepSeek-V3", seq_length=32768, batch_size=1, precision="fp16")
print(f"{analysis['model_id']} ({analysis['model_type']}, {analysis['attention_type']})")
print(f"{analysis['parameter_count']:,} parameters, {analysis['memory_report'].total_memory_gb:.1f} GB")

models = ["meta-llama/Llama-2-7b-hf", "mistralai/Mistral-7B-v0.1", "google/gemma-7b"]
comparison = compare_models(models, seq_length=4096)
for row in comparison:
    print(f"{row['model_id']}: {row['memory_report'].total_memory_gb:.2f} GB")
