"""Where a redirect of the hub may lead: to the hub's own hosts over https, or back to the endpoint that was given."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

VARIABLE = "LLM_MEMORY_CALCULATOR_HUB_HOSTS"
"""More hosts, between commas: a name (with those below it) over https, or an origin such as http://10.0.0.5:8080."""
# the hub, and where it keeps its files (cdn-lfs.huggingface.co, cas-bridge.xethub.hf.co)
_OWN = ("huggingface.co", "hf.co")


def is_of_hub(url: str, endpoint: str) -> bool:
    """Whether an address that the endpoint leads to may be asked. Raises ValueError for what is no address."""
    listed = [entry.strip().lower() for entry in os.environ.get(VARIABLE, "").split(",") if entry.strip()]
    if _origin(url) in [_origin(entry) for entry in (endpoint, *listed) if "://" in entry]:
        return True
    scheme, host, port = _origin(url)
    if scheme != "https" or port != 443 or _is_private(host):
        return False
    return any(host == name or host.endswith(f".{name}") for name in (*_OWN, *listed))


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _is_private(host: str) -> bool:
    """Whether it is an address, and one that not everybody can reach."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
