"""What a deployment says: a heading for each step, a line for each thing done, one sentence to stop."""


class Stop(Exception):
    """Why a deployment cannot go on, in one sentence that says what to do about it."""


def heading(text: str) -> None:
    """Begin a step."""
    print(f"\n{text}", flush=True)


def line(text: str) -> None:
    """Say one thing that was found or done."""
    print(f"  {text}", flush=True)
