"""The page that draws an answer, in a headless Chromium under a host that speaks the extension's messages."""

import functools
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextResourceContents

from llm_memory_server.app import ADDRESS, DRAWN, PAGE
from llm_memory_server.server import build_server
from llm_memory_server.tools import call

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
drawn = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "memory": ("calculate_memory", {"model": "llama3_70b", "hardware": "8xH100", "seq_length": 8192, "batch_size": 32}),
    "too_much": ("calculate_memory", {"model": "llama3_70b", "hardware": "H100"}),
    "layouts": ("best_parallelism", {"model": "llama3_8b", "hardware": "H100", "devices": 4}),
    "hardware": ("compare_hardware", {"model": "llama3_8b", "hardware": ["H100", "A100_80GB", "L40S", "MI300X"]}),
    "plans": ("plan_deployment", {"model": "llama3_8b", "request_rate": 5, "hardware": ["H100", "L40S"]}),
}

# A host of all pages at once: it answers ui/initialize, sends each its result once it says it is initialized, walks
# the parts with the keyboard, and writes down what the page then says, what it draws and how high it is.
HOST = """<!doctype html><meta charset="utf-8"><output id="told"></output><script>
const all = {};
for (const [name, result, theme] of CASES) show(name, result, theme);
function show(name, result, theme) {
  const page = document.createElement("iframe"), told = {messages: [], height: 0};
  page.style = "width:720px;height:620px;border:0";
  addEventListener("message", ({data, source}) => {
    if (source !== page.contentWindow) return;
    told.messages.push(data.method || "answer " + data.id);
    const send = message => page.contentWindow.postMessage({jsonrpc: "2.0", ...message}, "*");
    if (data.method === "ui/initialize") send({id: data.id, result: {protocolVersion: data.params.protocolVersion,
      hostInfo: {name: "test", version: "1"}, hostCapabilities: {}, hostContext: {theme}}});
    if (data.method === "ui/notifications/size-changed") told.height = data.params.height;
    if (data.method === "ui/notifications/initialized") {
      send({method: "ui/notifications/tool-result", params: result});
      send({id: 7, method: "ping"});
      setTimeout(() => look(name, page, told), 1500);
    }
  });
  document.body.append(page);
  page.srcdoc = PAGE;
}
function look(name, page, told) {
  const doc = page.contentDocument, marks = [...doc.querySelectorAll("[tabindex]")];
  told.walked = [];
  if (marks.length) {
    doc.querySelector("[tabindex='0']").focus();
    for (const key of ["End", "ArrowLeft", "Home", "ArrowRight"]) {
      doc.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      told.walked.push(doc.getElementById("said").textContent);
    }
  }
  told.labels = marks.map(mark => mark.getAttribute("aria-label"));
  told.stops = marks.filter(mark => mark.getAttribute("tabindex") === "0").length;
  told.rows = [...doc.querySelectorAll("tbody tr")].map(row => [...row.children].map(cell => cell.textContent));
  told.text = doc.getElementById("answer").textContent;
  told.groups = [...doc.querySelectorAll("svg")].map(one => one.getAttribute("aria-label"));
  told.overflow = doc.documentElement.scrollWidth > doc.documentElement.clientWidth;
  const style = doc.defaultView.getComputedStyle(doc.body);
  told.colours = [style.color, style.backgroundColor];
  all[name] = told;
  document.getElementById("told").textContent = JSON.stringify(all);
}
</script>"""
Shown = dict[str, dict[str, Any]]
MARKUP = "<img src=x onerror=alert(1)> is not known"


@functools.cache
def asked(name: str) -> dict[str, Any]:
    tool, arguments = ASKED[name]
    return call(tool, arguments).model_dump(mode="json", by_alias=True, exclude_none=False)


def records(told: Any) -> list[dict[str, Any]]:
    """Rows that are told as columns and rows, or as they are."""
    return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]] if isinstance(told, dict) else told


def results() -> Iterator[tuple[str, dict[str, Any], str]]:
    """(name, answer, theme) of each page."""
    for name in ASKED:
        yield name, asked(name), "light"
    yield "dark", asked("memory"), "dark"
    yield "refused", {"isError": True, "content": [{"type": "text", "text": MARKUP}]}, "light"
    hostile = json.loads(json.dumps(asked("memory")))
    hostile["structuredContent"]["model"] = MARKUP
    yield "hostile", hostile, "light"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """What the page shows of each result, and what it says as it is walked through."""
    assert CHROMIUM is not None
    folder = tmp_path_factory.mktemp("drawn")
    cases, page = (json.dumps(one).replace("</", "<\\/") for one in (list(results()), PAGE.read_text(encoding="utf-8")))
    host = HOST.replace("CASES", cases).replace("PAGE", page)
    (folder / "host.html").write_text(host, encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", (folder / "host.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    (told,) = re.findall(r'<output id="told">(.*?)</output>', done.stdout, re.DOTALL)
    found: Shown = json.loads(html.unescape(told))
    return found


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_the_page_is_a_resource_of_its_kind_and_its_tools_name_it() -> None:
    async with Client(build_server()) as client:
        tools = (await client.list_tools()).tools
        (page,) = (await client.read_resource(ADDRESS)).contents
    assert [tool.name for tool in tools if tool.meta] == list(DRAWN)
    assert all((tool.meta or {})["ui"] == {"resourceUri": ADDRESS} for tool in tools if tool.name in DRAWN)
    assert isinstance(page, TextResourceContents)
    assert page.mime_type == "text/html;profile=mcp-app"


def test_the_page_loads_nothing() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    addresses = set(re.findall(r"""(?:https?:)?//[\w.]+[^\s"'`]*""", page)) - {"http://www.w3.org/2000/svg"}
    assert not [address for address in addresses if address.startswith("http")]
    assert not re.findall(r"\b(fetch|XMLHttpRequest|WebSocket|import|eval|innerHTML|src=|href=)\b", page)


@drawn
@pytest.mark.parametrize("name", ["memory", "too_much"])
def test_memory_is_drawn_by_part_against_the_device_s_line(name: str, shown: Shown) -> None:
    answer = asked(name)["structuredContent"]
    told = shown[name]
    assert told["messages"][:2] == ["ui/initialize", "ui/notifications/initialized"]
    assert "answer 7" in told["messages"]
    rows = {row[0]: row[1:] for row in told["rows"]}
    assert {"weights", "KV cache", "activations", "overhead", "total"} <= rows.keys()
    assert rows["weights"][0] == f"{(answer['weight_memory_bytes'] + answer['weight_padding_bytes']) / 1e9:.1f} GB"
    assert rows["total"][0] == f"{answer['total_memory_bytes'] / 1e9:.1f} GB"
    assert f"the device's {answer['device_budget_bytes'] / 1e9:.1f} GB" in told["text"]
    assert answer["verdict"] in told["text"]
    # a part that nothing is of is not shown
    assert "LoRA adapters" not in rows
    assert not told["overflow"]
    assert told["height"] > 100


@drawn
@pytest.mark.parametrize("name", ["layouts", "hardware", "plans"])
def test_the_front_of_latency_and_throughput_has_every_row_with_its_range(name: str, shown: Shown) -> None:
    answer = asked(name)["structuredContent"]
    told = shown[name]
    many = {
        "layouts": lambda: 1 + len(answer["others"]),
        "hardware": lambda: len([row for row in records(answer["rows"]) if row["tpot_ms"]]),
        "plans": lambda: len(records(answer["plans"])),
    }[name]()
    assert len(told["rows"]) == len(told["labels"]) == many > 1
    # the quickest is on the front, whatever its rate
    assert told["labels"][0].endswith(", on the front")
    assert any(re.search(r"\(\d.* to \d.*\)", row[1]) for row in told["rows"])
    assert f"{many} points" in told["groups"][0]


@drawn
def test_the_parts_are_walked_by_keys_and_say_themselves(shown: Shown) -> None:
    told = shown["memory"]
    labels = told["labels"]
    assert told["stops"] == 1
    assert told["walked"] == [labels[-1], labels[-2], labels[0], labels[1]]
    assert labels[0].startswith("weights: ")


@drawn
def test_light_and_dark_are_the_host_s_and_both_can_be_read(shown: Shown) -> None:
    for name, is_light in (("memory", True), ("dark", False)):
        ink, paper = shown[name]["colours"]
        darker, lighter = sorted((luminance(ink), luminance(paper)))
        assert (luminance(paper) > luminance(ink)) == is_light
        # WCAG 2.2, 1.4.6: contrast of text, enhanced
        assert (lighter + 0.05) / (darker + 0.05) >= 7


@drawn
def test_what_cannot_be_drawn_is_shown_as_its_text_and_never_as_markup(shown: Shown) -> None:
    assert shown["refused"]["text"] == MARKUP
    assert MARKUP in shown["hostile"]["text"]


def luminance(colour: str) -> float:
    """Relative luminance by WCAG of rgb(r, g, b)."""
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
