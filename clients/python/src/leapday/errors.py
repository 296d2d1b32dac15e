"""What goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

from .types import Violation


class LeapdayError(Exception):
    """A request was refused, or the sandbox cannot be reached or started."""

    status: int | None
    """Of the answer; ``None`` if there was none."""
    message: str
    """What is wrong, in a sentence."""
    violations: list[Violation]
    """Everything that is wrong with the request, each with a JSON pointer."""

    def __init__(self, message: str, status: int | None = None, violations: Sequence[Violation] = ()) -> None:
        """Keep what is known of it."""
        super().__init__(message, status, violations)
        self.message = message
        self.status = status
        self.violations = list(violations)

    def __str__(self) -> str:
        """Say all of it."""
        told = self.message if self.status is None else f"{self.status}: {self.message}"
        lines = [f"  {one['place']} {one['pointer']} {one['rule']}: {one['message']}" for one in self.violations]
        return "\n".join([told, *lines])


class ExpectationError(LeapdayError, AssertionError):
    """What a test waited for did not happen; the message lists what did."""
