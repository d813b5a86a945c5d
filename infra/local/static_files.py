"""The files of the page at ``/``, with headers that allow a browser nothing else."""

from collections.abc import Mapping
from pathlib import Path

from infra.local.http_server import HttpResponse

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    # The API's QR codes are data URIs.
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _POLICY.items()),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of every file."""


class StaticFiles:
    """Serves the files of a folder, and others by their own paths.

    It lists the folder once and compares paths with that list, so no path leads out of the folder.
    """

    def __init__(self, folder: Path, others: Mapping[str, Path]) -> None:
        self._files = {
            "/" + file.relative_to(folder).as_posix(): file
            for file in folder.rglob("*")
            if file.suffix in _TYPES and file.is_file()
        }
        for index in [path for path in self._files if path.endswith("/index.html")]:
            self._files[index.removesuffix("/index.html") or "/"] = self._files[index]
        self._files |= others

    def respond(self, path: str) -> HttpResponse | None:
        """Return the file at a path, or None if there is none."""
        file = self._files.get(path)
        if file is None:
            return None
        return HttpResponse(200, {"Content-Type": _TYPES[file.suffix], **HEADERS}, file.read_bytes())
