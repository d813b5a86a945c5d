"""``python -m infra.rehearsal.cloud``: an empty AWS account on this machine, in a process of its own."""

import os
import sys

from infra.emulator.sdk_models import read_models_once


def main() -> None:
    """Say where the account answers, and be there until standard input ends."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "cloud", "AWS_SECRET_ACCESS_KEY": "cloud"}
    read_models_once()
    from infra.emulator.moto_server import Emulator
    from infra.rehearsal.failures import take_back_what_fails
    from infra.rehearsal.gaps import fill_deployment_gaps, hand_out_code
    from infra.rehearsal.optional_stacks import make_optional_resources

    fill_deployment_gaps()
    make_optional_resources()
    take_back_what_fails()
    emulator = Emulator()
    hand_out_code(emulator.url)
    emulator.start()
    print(emulator.url, flush=True)
    sys.stdin.read()
    emulator.stop()


if __name__ == "__main__":
    main()
