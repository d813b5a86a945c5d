"""The page at ``/``: files of one folder, and headers that let a browser run nothing else."""

from pathlib import Path

from infra.local.server import Reply

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
"""What every file is sent with; only the API's QR codes come as data."""


class Pages:
    """The files of a folder by the path that a browser asks for.

    The paths are listed once, so that no path, however it is written, leads out of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            "/" + file.relative_to(folder).as_posix(): file
            for file in folder.rglob("*")
            if file.suffix in _TYPES and file.is_file()
        }
        self._files["/"] = self._files["/index.html"]

    def respond(self, path: str) -> Reply | None:
        """The file of a path, or None where there is none."""
        file = self._files.get(path)
        if file is None:
            return None
        return Reply(200, {"Content-Type": _TYPES[file.suffix], **HEADERS}, file.read_bytes())
