"""Links lead somewhere, and what a page calls a file of this repository is one."""

import re
from pathlib import Path

import pytest
from snippets import OTHERS, PAGES, ROOT, outside_of_blocks

LINKED = [page for page in PAGES + OTHERS if page.exists()]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")
CODE = re.compile(r"`+([^`]+)`+")
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?)\s*$")
ANCHOR = re.compile(r'<a id="([^"]+)"')
# What looks like a file or folder of ours, in code.
FOLDERS = ("src", "docs", "tests", "schemas", "fixtures", "stories", "benches", "clients", ".ci", ".github")
FILE = re.compile(rf"^(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*$")


def anchors(page):
    """As GitHub makes them of headings, and those that the page sets."""
    found = set()
    for _, line in outside_of_blocks(page):
        found.update(ANCHOR.findall(line))
        if heading := HEADING.match(line):
            plain = re.sub(r"[^\w\- ]", "", CODE.sub(r"\1", heading["title"]).lower())
            found.add(plain.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    dead = []
    for number, line in outside_of_blocks(page):
        for to in LINK.findall(CODE.sub("", line) if "](" not in line else line):
            if re.match(r"[a-z]+:", to):
                continue
            name, _, anchor = to.partition("#")
            target = (page.parent / name).resolve() if name else page
            path = str(target.relative_to(ROOT))
            if not target.exists():
                dead.append(f"{number}: there is no {path}")
            elif anchor and anchor not in anchors(target):
                dead.append(f"{number}: {path} has no #{anchor}")
        for code in CODE.findall(line):
            if FILE.match(code) and not (ROOT / code).exists():
                dead.append(f"{number}: there is no {code}")
    assert not dead, "\n".join(f"{page.relative_to(ROOT)}:{why}" for why in dead)



def test_every_page_is_linked():
    """From the index of the pages, which the README links."""
    for index in (ROOT / "docs" / "README.md", ROOT / "llms.txt"):
        linked = {(index.parent / to.partition("#")[0]).resolve() for to in LINK.findall(index.read_text())}
        assert {page for page in PAGES if page != index} <= linked | {ROOT / "README.md"}, index
