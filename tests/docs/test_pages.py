"""Every page, from top to bottom: what it says is done, and what it shows comes back."""

import json
import subprocess
import tomllib

import pytest
import yaml
from session import Session, Wrong
from snippets import PAGES, ROOT, blocks, missing, same_text

MODULES = {"js": "mjs", "ts": "ts"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page, tmp_path, binary, request):
    session = Session(tmp_path, binary)
    try:
        printed = None
        for block in blocks(page):
            try:
                printed = Run(session, request).run(block, printed)
            except (Wrong, AssertionError, ValueError, yaml.YAMLError, subprocess.TimeoutExpired) as wrong:
                pytest.fail(f"{block.where}: {wrong}\n--- the block\n{block.text}", pytrace=False)
    finally:
        session.close()


class Run:
    def __init__(self, session, request):
        self.session, self.request = session, request

    def run(self, block, printed):
        """What the block has printed, if it prints."""
        if "test" in block.marks:
            return elsewhere(block)
        if "from" in block.marks:
            return excerpt(block)
        if "output" in block.marks:
            return compare(block, printed)
        if "file" in block.marks:
            self.session.write(block.marks["file"], block.text)
            return printed
        if "serve" in block.marks:
            return self.session.serve(block.text)
        what = getattr(self, block.language, None)
        assert what, f"what is to be done with a block in {block.language or 'no language'}? See snippets.py"
        return what(block)

    def sh(self, block):
        return self.session.sh(block.text)

    def python(self, block):
        python = self.request.getfixturevalue("python")
        name = f"test_{block.line}.py" if defines_tests(block.text) else f"program_{block.line}.py"
        path = self.session.write(name, block.text)
        how = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if defines_tests(block.text) else []
        return self.session.program([python, *how, path.name])

    def js(self, block):
        modules = self.request.getfixturevalue("node_modules")
        here = self.session.folder / "node_modules"
        if not here.exists():
            here.symlink_to(modules)
        path = self.session.write(f"program-{block.line}.{MODULES[block.language]}", block.text)
        if block.language == "ts":
            plain = path.with_suffix(".mjs")
            self.session.program([str(modules / ".bin" / "esbuild"), path.name, f"--outfile={plain.name}"])
            path = plain
        return self.session.program(["node", path.name])

    ts = js

    def yaml(self, block):
        yaml.safe_load(block.text)
        if not block.text.startswith("story:"):
            return None
        story = self.session.write(f"story-{block.line}.yaml", block.text)
        return self.session.program(["leapday", "story", story.name])

    def json(self, block):
        json.loads(block.text)

    def toml(self, block):
        tomllib.loads(block.text)

    def rust(self, block):
        included = f'include_str!("../{block.page.relative_to(ROOT)}")'
        assert any(included in source.read_text() for source in ROOT.glob("src/**/*.rs")), f"no {included} in src/"


def defines_tests(text):
    return any(line.startswith(("def test_", "async def test_")) for line in text.splitlines())


def compare(block, printed):
    assert printed is not None, "no block before this one has printed anything"
    if block.language == "json":
        wrong = missing(json.loads(block.text), json.loads(printed))
        assert wrong is None, f"{wrong}\n--- what was printed\n{printed}"
    else:
        assert same_text(block.text, printed), f"something else was printed\n{printed}"
    return printed


def elsewhere(block):
    told = block.marks["test"]
    if told.startswith("not here, because "):
        return
    test = ROOT / told
    assert test.is_file(), f"there is no {told}"
    assert block.page.name in test.read_text(), f"{told} does not read {block.page.name}"


def excerpt(block):
    source = ROOT / block.marks["from"]
    assert source.is_file(), f"there is no {block.marks['from']}"
    lines, shown = source.read_text().splitlines(), block.text.splitlines()
    found = any(lines[at : at + len(shown)] == shown for at in range(len(lines)))
    assert found, f"{block.marks['from']} does not say so"
