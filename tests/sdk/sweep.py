"""The vendor's client under watch: what each of its methods has answered, and what it has refused.

What a method may refuse is read off its own code: the statuses that it looks for, and the exception that it makes of
each. So the list of what there is to be seen is the vendor's.
"""

import inspect
import re

import httpx
import pydantic
from paygentic_sdk import errors
from paygentic_sdk.basesdk import BaseSDK

from test_surface import refused

CONFLICT_OR_INVALID = {400, 409, 422}


class Method:
    """A method of the client. Every answer is written back as it was read, so that odd values make pydantic warn."""

    def __init__(self, method):
        self._method = method
        self.answers = 0
        self.seen = set()
        self.refusals = dict(refusals(inspect.getsource(method)))

    def __call__(self, *arguments, **named):
        answer = self._method(*arguments, **named)
        if isinstance(answer, pydantic.BaseModel):
            answer.model_dump(mode="json", by_alias=True)
        else:
            assert answer is None or isinstance(answer, httpx.Response)
        self.answers += 1
        return answer

    def refuses(self, status, /, *arguments, **named):
        """Calls it in vain: the client raises the exception that it has for the status."""
        refusal = refused(self.refusals[status], status, self._method, *arguments, **named)
        self.seen.add(status)
        return refusal

    def unseen(self):
        return CONFLICT_OR_INVALID & self.refusals.keys() - self.seen


def refusals(source):
    """The statuses that a method raises an exception for, and which."""
    for branch in source.split("match_response(")[1:]:
        statuses, _, reaction = branch.partition(":\n")
        for exception in re.findall(r"raise errors\.(\w+)", reaction)[:1]:
            for status in re.findall(r'"(\d{3})"', statuses):
                yield int(status), getattr(errors, exception)


def watch(sdk):
    """Puts a watch on every public method of every part of the client, and answers them by name. Of each there is an
    asynchronous twin, which asks the same."""
    methods, parts = {}, [("", sdk)]
    while parts:
        path, part = parts.pop()
        for name, member in inspect.getmembers(part):
            if isinstance(member, BaseSDK) and name != "parent_ref":
                parts.append((f"{path}{name}.", member))
            elif path and inspect.ismethod(member) and is_public(name):
                methods[path + name] = Method(member)
                setattr(part, name, methods[path + name])
    return methods


def is_public(name):
    return not name.startswith("_") and not name.endswith("_async") and not hasattr(BaseSDK, name)
