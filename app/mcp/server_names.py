"""Server names: what to call the servers of a registry entry, which often has no title and many remotes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from app.mcp.texts import NAME_CHARS

SEPARATOR: Final = " · "
#: Words that tell nothing in a list of MCP servers.
EMPTY_WORDS: Final = frozenset({"mcp", "server", "remote", "official"})
#: Namespaces under these belong to the account that follows, not to the host.
HOSTING: Final = (["io", "github"], ["com", "github"], ["io", "gitlab"], ["com", "gitlab"])


def readable_name(registry_name: str) -> str:
    """Return a name made of `namespace/name`: who publishes it, then what it is."""
    namespace, _, local = registry_name.rpartition("/")
    words = [word for word in re.split(r"[\s_-]+", local) if word and word.lower() not in EMPTY_WORDS]
    labels = namespace.split(".")
    if labels[:2] in HOSTING and len(labels) > len(HOSTING[0]):
        publisher = labels[2]
    else:
        publisher = labels[1] if len(labels) > 1 else labels[0]
    what = " ".join(words)
    if not what or publisher.lower() in what.lower():
        return _capitalised(what or publisher or registry_name)
    return SEPARATOR.join(filter(None, (_capitalised(publisher), what)))


def tell_apart(name: str, urls: Sequence[str]) -> list[str]:
    """Return a name for each URL, in order: `name`, and the parts of the URL that not all of them have."""
    if len(urls) == 1:
        return [name]
    parts = [_parts(url) for url in urls]
    shared = set.intersection(*(set(each) for each in parts))
    labels = [" ".join(part for part in each if part not in shared) for each in parts]
    taken = Counter(labels)
    # URLs of the same parts in another order: then all of it.
    labels = [
        label if taken[label] == 1 else url.partition("://")[2]
        for label, url in zip(labels, urls, strict=True)
    ]
    return [_joined(name, label) for label in labels]


def _parts(url: str) -> list[str]:
    split = urlsplit(url)
    pieces = re.split(r"[/&]", f"{split.path}&{split.query}")
    return [piece for piece in (*split.netloc.split("."), *pieces) if piece]


def _joined(name: str, label: str) -> str:
    if not label:
        return name
    label = label[: NAME_CHARS // 2]
    room = NAME_CHARS - len(SEPARATOR) - len(label)
    return f"{name[:room]}{SEPARATOR}{label}"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:] if text.islower() else text
