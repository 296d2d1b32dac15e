"""What goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

from .types import Violation


class LeapdayError(Exception):
    """A request was refused, or the sandbox cannot be reached or started."""

    status: int | None
    """Of the answer; ``None`` if there was none."""
    error: str | None
    """The kind of refusal, of the control API: ``invalid``, ``not_found``, ``conflict``."""
    code: str | None
    """What the vendor calls it, where a refusal of the control API is the vendor's."""
    message: str
    """What is wrong, in a sentence."""
    violations: list[Violation]
    """Everything that is wrong with the request, each with a JSON pointer."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        violations: Sequence[Violation] = (),
        error: str | None = None,
        code: str | None = None,
    ) -> None:
        """Keep what is known of it."""
        super().__init__(message, status, violations, error, code)
        self.message = message
        self.status = status
        self.violations = list(violations)
        self.error = error
        self.code = code

    def __str__(self) -> str:
        """Say all of it."""
        told = self.message if self.status is None else f"{self.status}: {self.message}"
        lines = [f"  {one['place']} {one['pointer']} {one['rule']}: {one['message']}" for one in self.violations]
        return "\n".join([told, *lines])


class ExpectationError(LeapdayError, AssertionError):
    """What a test waited for did not happen; the message lists what did."""
