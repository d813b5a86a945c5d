"""The table of who may do what, which the policies are held against row by row."""

from tests.permissions import deployment, functions, people
from tests.permissions.row import Row

ROWS: tuple[tuple[str, tuple[Row, ...]], ...] = (*functions.ROWS, *people.ROWS, *deployment.ROWS)
