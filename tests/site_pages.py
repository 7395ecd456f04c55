"""Pages of a built site, read for the site's tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, what can be linked to, and what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        self.links += [str(found[key]) for key in ("href", "src") if key in found]
        if "id" in found:
            self.ids.append(str(found["id"]))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def having(self, tag: str, **attributes: str | None) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.tags
            if name == tag
            and all(found.get(key, "absent") == want for key, want in attributes.items())
        ]


def pages(site: Path) -> Iterator[Page]:
    yield from map(Page, sorted(site.rglob("*.html")))


def run_name(site: Path, folder: str) -> str:
    """Return a run's name in addresses, which its folder's name leads to."""
    [link] = Page(site / "run" / f"{folder}.html").having("a", **{"data-forward": None})
    return Path(str(link["href"])).stem


def dead_links(site: Path) -> Iterator[str]:
    """Yield every link to a page or a place on a page that is not there."""
    ids = {page.path.resolve(): set(page.ids) for page in pages(site)}
    for page in pages(site):
        for link in page.links:
            address = urlsplit(link)
            path = (page.path.parent / unquote(address.path)).resolve()
            target = path if address.path else page.path.resolve()
            inside = not address.scheme and target.is_relative_to(site.resolve())
            place = unquote(address.fragment)
            is_choice = place.startswith(("show=", "metric="))
            if not inside or not target.is_file():
                yield f"{page.path}: {link}"
            elif place and not is_choice and place not in ids[target]:
                yield f"{page.path}: {link} (no such place)"


def places_with_two_owners(site: Path) -> Iterator[str]:
    """Yield every place on a page that two elements claim."""
    for page in pages(site):
        yield from (f"{page.path}#{place}" for place, n in Counter(page.ids).items() if n > 1)
