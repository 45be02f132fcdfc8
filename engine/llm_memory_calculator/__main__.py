"""`python -m llm_memory_calculator`: the command line."""

from importlib import import_module

if __name__ == "__main__":
    # the command line lives above the engine, so it is found by name and not imported
    import_module("llm_memory_server.command_line").main()
