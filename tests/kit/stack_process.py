"""``python -m tests.kit.stack_process``: the local stack, with its clock in the hands of a test.

``make run`` has no such clock: time-machine replaces the time of this process from outside, that of
the emulated AWS, of Cognito's tokens and of the page's server included. The time stands still at
``STACK_TIME``, in Unix seconds, until a line on standard input names another. The line comes back on
standard output as soon as the new time holds.
"""

import os
import runpy
import sys
import threading

import time_machine

START = "STACK_TIME"


def follow(traveller: time_machine.Traveller) -> None:
    """Move to each time that the launcher sends."""
    # Unbuffered: Python aborts at its end if a thread holds the lock of a buffer then.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as times:
        for line in times:
            traveller.move_to(float(line))
            print(line.decode(), end="", flush=True)


if __name__ == "__main__":
    clock = time_machine.travel(float(os.environ[START]), tick=False).start()
    threading.Thread(target=follow, args=(clock,), daemon=True).start()
    runpy.run_module("infra.local", run_name="__main__")
