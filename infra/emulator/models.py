"""The SDK's own files, which say of each AWS service what it is: read once in a process.

Only botocore here: moto asks for some of them before it is imported.
"""

from typing import Any

from botocore.loaders import JSONFileLoader


def read_models_once() -> None:
    """Read each file once, from here on: the SDK keeps what it has read by session only.

    moto makes three sessions for EC2's regions while it is imported, which each read all of EC2, and
    reads what a service is once to know its regions and again to answer for it.
    """
    load = JSONFileLoader.load_file
    read: dict[str, Any] = {}

    def load_once(self: JSONFileLoader, file_path: str) -> Any:
        if file_path not in read:
            read[file_path] = load(self, file_path)
        return read[file_path]

    JSONFileLoader.load_file = load_once  # type: ignore[method-assign]
