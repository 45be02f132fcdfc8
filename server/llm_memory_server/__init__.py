"""The MCP server and the command line over `llm_memory_calculator`."""
