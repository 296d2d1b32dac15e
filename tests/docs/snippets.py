"""The blocks of a page, and what is done with each.

sh        run by bash, all in one session: variables and functions live on, and the first failure ends the page
python    run as a program; by pytest where it defines tests
js, ts    run by node
yaml      told by `leapday story` where it begins with `story:`, else parsed
json      parsed;  toml too
rust      a doc-test: src/ includes the page
others    need one of the comments below

A comment on the line above a block says more:

<!-- output -->                      what the block before has printed. text: line by line, `...` stands for any lines;
                                     json: all that is shown is in the answer, the string "..." stands for anything
<!-- serve -->                       sh: its last command serves, in the place of the page's sandbox from here on
<!-- file: NAME -->                  is written to that name in the page's folder
<!-- from: PATH -->                  stands in that file of the repository, line by line
<!-- test: PATH -->                  that test reads the block from the page and runs it
<!-- test: not here, because ... --> cannot be run
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("[CRS]*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("clients/*/README.md")])
# What is linked besides.
OTHERS = [ROOT / "llms.txt"]

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w+-]*)\s*$")
COMMENT = re.compile(r"^ *<!-- (?P<name>output|serve|file|from|test)(: (?P<value>.*?))? -->$")
ANYTHING = "..."


@dataclass
class Block:
    page: Path
    line: int  # of the fence
    language: str
    text: str
    marks: dict

    @property
    def where(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page):
    """The fenced blocks of a page, in order."""
    found, marks, inside = [], {}, None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence, comment = FENCE.match(line), COMMENT.match(line)
        if inside is not None:
            if fence and not fence["language"]:
                text = "\n".join(part.removeprefix(indent) for part in inside)
                found.append(Block(page, start, language, text, marks))
                inside, marks = None, {}
            else:
                inside.append(line)
        elif fence:
            inside, start, language, indent = [], number, fence["language"], fence["indent"]
        elif comment:
            marks[comment["name"]] = comment["value"] or ""
        elif line.strip():
            marks = {}
    assert inside is None, f"{page}:{start}: the block does not end"
    return found


def outside_of_blocks(page):
    """The lines of a page that are prose, with their numbers."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def same_text(shown, printed):
    """Whether the lines are those that were printed; `...` stands for any number of lines."""
    parts = [[]]
    for line in shown.strip().splitlines():
        if line.strip() == ANYTHING:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    if len(parts) == 1:
        return parts[0] == lines
    first, *between, last = parts
    at, end = len(first), len(lines) - len(last)
    if at > end or lines[:at] != first or lines[end:] != last:
        return False
    for part in between:
        starts = range(at, end - len(part) + 1)
        start = next((start for start in starts if lines[start : start + len(part)] == part), None)
        if start is None:
            return False
        at = start + len(part)
    return True


def missing(shown, answer, pointer=""):
    """What is shown and is not in the answer: the pointer and both values, or None."""
    if shown == ANYTHING:
        return None
    if isinstance(shown, dict) and isinstance(answer, dict):
        absent = next((name for name in shown if name not in answer), None)
        if absent is not None:
            return f"{pointer}/{absent}: not in the answer"
        found = (missing(value, answer[name], f"{pointer}/{name}") for name, value in shown.items())
        return next(filter(None, found), None)
    if isinstance(shown, list) and isinstance(answer, list):
        whole = shown[:-1] if shown[-1:] == [ANYTHING] else shown
        if len(answer) < len(whole) or (len(answer) > len(whole) and len(whole) == len(shown)):
            return f"{pointer}: {len(shown)} shown, {len(answer)} in the answer"
        found = (missing(one, other, f"{pointer}/{at}") for at, (one, other) in enumerate(zip(whole, answer)))
        return next(filter(None, found), None)
    same = shown == answer and isinstance(shown, bool) == isinstance(answer, bool)
    return None if same else f"{pointer}: {json.dumps(shown)} shown, {json.dumps(answer)} in the answer"
