"""The MCP App: a page that draws an answer where the host shows such pages; the answer's text stands without it.

The page loads nothing and is told the answer by its host, by the extension of 2026-01-26
(https://github.com/modelcontextprotocol/ext-apps, SEP-1865).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp.server.apps import Apps

PAGE = Path(__file__).with_name("app.html")
ADDRESS = "ui://answer"
DRAWN = ("calculate_memory", "best_parallelism", "compare_hardware", "plan_deployment")
"""The tools whose answers it draws: the memory of a device by part, and latency against throughput."""


def app() -> Apps:
    """The extension with its one page."""
    # which tools it draws is asked where no client is served too
    from mcp.server.apps import Apps

    apps = Apps()
    apps.add_html_resource(
        ADDRESS,
        PAGE.read_text(encoding="utf-8"),
        name="answer",
        title="An answer, drawn",
        description="Memory by part against the device's line, or latency against throughput.",
        prefers_border=True,
    )
    return apps
