"""Memory of a model that is described by a few fields of a config."""

from llm_memory_calculator import calculate_memory

config = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 32000,
    "intermediate_size": 11008,
}

result = calculate_memory(config, batch_size=1, seq_length=4096)
print(result)
