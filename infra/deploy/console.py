"""The output of a deployment: a heading for each step, a line for each fact."""


class Stop(Exception):
    """A reason to end the command; the message says what is wrong and what to do."""


def heading(text: str) -> None:
    """Print the title of a step."""
    print(f"\n{text}", flush=True)


def line(text: str) -> None:
    """Print one fact."""
    print(f"  {text}", flush=True)
