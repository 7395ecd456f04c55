"""The server of a built site, for this machine alone.

A site may have come from somebody else, and its pages may have scripts. So no link leads out of the
folder, and a browser that calls this machine by another name, as a page of a stranger can make it
do, is told nothing.
"""

from __future__ import annotations

import os
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_HERE = "127.0.0.1"
_NAMES = frozenset({"localhost", _HERE, "::1"})
_HEADERS = {
    # As every page has it, and for what is no page; no other site may show one in a frame.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A site is built again while it is looked at.
    "Cache-Control": "no-cache",
}


class _SiteHandler(SimpleHTTPRequestHandler):
    """Answers with plain files of one folder."""

    def send_head(self) -> Any:  # noqa: ANN401  as the base class has it
        """Send the header of an answer, and return the file that follows it."""
        if not _is_here(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.FORBIDDEN, "This is another machine")
            return None
        if not self._is_inside():
            self.send_error(HTTPStatus.NOT_FOUND, "File not found")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Send the headers that every answer has, then the end of the headers."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def _is_inside(self) -> bool:
        """Return whether a page in the folder, or a folder in it, is asked for."""
        asked = Path(self.translate_path(self.path))
        if self.path.partition("?")[0].partition("#")[0].endswith("/"):
            asked /= "index.html"
        try:
            path, root = (Path(os.path.realpath(one)) for one in (asked, self.directory))
            # Neither a link out of the folder nor a pipe, which would be waited for.
            # What a build keeps for itself begins with a dot.
            parts = path.relative_to(root).parts if path.is_relative_to(root) else (".",)
            hidden = any(part.startswith(".") for part in parts)
            return not hidden and (path.is_file() or path.is_dir())
        except (ValueError, OSError):  # a null byte, or a name that no file can have
            return False

    def list_directory(self, _: object) -> None:
        """List no folder."""
        self.send_error(HTTPStatus.NOT_FOUND, "File not found")


def _is_here(host: str) -> bool:
    """Return whether the header `Host` names this machine."""
    try:
        return urlsplit(f"//{host}").hostname in _NAMES
    except ValueError:
        return False


def site_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder, which listens to this machine alone.

    Raises:
        OSError: if the port is taken.
    """
    return ThreadingHTTPServer((_HERE, port), partial(_SiteHandler, directory=str(folder)))
