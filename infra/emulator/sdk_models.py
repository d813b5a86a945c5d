"""Caches the SDK's models of AWS services.

This module imports only botocore, since moto reads models while it is imported.
"""

from typing import Any

from botocore.loaders import JSONFileLoader


def read_models_once() -> None:
    """Read each file once in this process. The SDK caches files for one session only.

    While it is imported, moto opens three sessions for EC2's regions, and each reads all of EC2.
    moto also reads each service's model twice: for its regions and for its answers.
    """
    load = JSONFileLoader.load_file
    read: dict[str, Any] = {}

    def load_once(self: JSONFileLoader, file_path: str) -> Any:
        if file_path not in read:
            read[file_path] = load(self, file_path)
        return read[file_path]

    JSONFileLoader.load_file = load_once  # type: ignore[method-assign]
