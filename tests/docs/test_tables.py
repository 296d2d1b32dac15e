"""The tables of flags, variables and control operations are those of the program."""

import os
import re
import subprocess

import httpx
import pytest
from snippets import PAGES, ROOT, outside_of_blocks

CONFIGURATION = ROOT / "docs" / "configuration.md"
CONTROL = ROOT / "docs" / "control-api.md"
# Variables of tests, not of the program.
OF_TESTS = {"LEAPDAY_BIN", "LEAPDAY_CHROMIUM", "LEAPDAY_SCREENSHOTS"}
COMMON = {"--help", "--version"}
# Flags of other programs that pages speak of.
OF_OTHERS = {"--add-host", "--cap-drop", "--health-cmd", "--read-only"}

CODE = re.compile(r"`([^`]+)`")
FLAG = re.compile(r"--[a-z][a-z-]+")
VARIABLE = re.compile(r"LEAPDAY_[A-Z_]+\b(?!\*)")
# An option of the help: what stands before its text, on a line of its own or before two spaces.
OPTION = re.compile(r"^ +(?:-\w(?:, )?)?(?P<flag>--[a-z-]+)?(?: |$|\.\.\.)", re.MULTILINE)


def help_of(*command):
    done = subprocess.run([os.environ["LEAPDAY_BIN"], *command, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def commands(*before):
    """All commands, those of commands included."""
    text = help_of(*before)
    yield before, text
    listed = re.search(r"^Commands:\n((?: +.*\n)+)", text, re.MULTILINE)
    for name in re.findall(r"^  ([a-z]+) ", listed[1], re.MULTILINE) if listed else []:
        if name != "help":
            yield from commands(*before, name)


def flags(text):
    return {match["flag"] for match in OPTION.finditer(text) if match["flag"]}


def variables(text):
    return set(re.findall(r"env:\s+(LEAPDAY_[A-Z_]+)[=\]]", text))


def rows(page):
    return [line for _, line in outside_of_blocks(page) if line.startswith("| `")]


def test_flags_of_serve_are_the_table():
    """Each flag stands with its variable in a row, and no row is about another."""
    text = re.sub(r"\s*\n\s{10,}", " ", help_of("serve"))
    told = {}
    for line in text.splitlines():
        if found := OPTION.match(line):
            if found["flag"] not in COMMON:
                told[found["flag"]] = next(iter(variables(line)), None)
    table = {}
    for row in rows(CONFIGURATION):
        flag, variable = row.split(" | ")[:2]
        table |= dict(zip(FLAG.findall(flag), VARIABLE.findall(variable)))
    assert table == told


@pytest.fixture(scope="module")
def helps():
    return [text for _, text in commands()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_flags_and_variables_exist(page, helps):
    known_flags = OF_OTHERS.union(*map(flags, helps))
    known_variables = set().union(*map(variables, helps)) | OF_TESTS
    wrong = []
    for number, line in outside_of_blocks(page):
        for code in CODE.findall(line):
            if code.startswith(("--", "leapday ")):
                wrong += [f"{number}: {flag}" for flag in FLAG.findall(code) if flag not in known_flags]
        wrong += [f"{number}: {name}" for name in VARIABLE.findall(line) if name not in known_variables]
    assert not wrong, "\n".join(wrong)


def test_control_operations_are_the_table():
    """Each stands in a row as method and path, and no row is about another."""
    document = httpx.get(f"{os.environ['LEAPDAY_CONTROL']}/openapi.json").raise_for_status().json()
    told = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    table = [CODE.match(row.removeprefix("| "))[1] for row in rows(CONTROL)]
    called = [call for call in table if re.match(r"(GET|POST|PUT|PATCH|DELETE) ", call)]
    assert sorted(called) == sorted(told)
