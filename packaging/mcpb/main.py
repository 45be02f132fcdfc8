"""The server as a bundle starts it: `uv run main.py serve`."""

from llm_memory_server.command_line import main

if __name__ == "__main__":
    main()
