"""page.py PAGE FOLDER: writes the recipes of a page to the files that their first lines name."""

import re
import sys
from pathlib import Path

page, folder = map(Path, sys.argv[1:])
blocks = re.findall(r"^<!-- test: tests/recipes/run -->\n```\w+\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
for block in blocks:
    name = re.match(r"(?:#|//) (\S+)\n", block)
    if not name:
        sys.exit(f"a recipe does not begin with the name of its file: {block.splitlines()[0]}")
    file = folder / name[1]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block)
    print(name[1])
