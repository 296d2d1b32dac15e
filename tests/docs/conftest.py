"""What the programs of pages import beside what is in requirements.txt."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from snippets import ROOT

INSTALL_S = 300
PYTHON_CLIENT = ROOT / "clients" / "python"
TYPESCRIPT_CLIENT = ROOT / "clients" / "typescript"
# `ts` blocks are run without their types. A version of node that leaves them out itself is not everywhere.
ESBUILD = "esbuild@0.28.2"


def install(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def python():
    """An interpreter that has the packages, and our client as it stands here."""
    if PYTHON_CLIENT.exists() and origin_of("leapday") != PYTHON_CLIENT.as_uri():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        install(*pip, "--editable", str(PYTHON_CLIENT))
    return sys.executable


def origin_of(package):
    try:
        origin = importlib.metadata.distribution(package).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    return json.loads(origin or "{}").get("url")


@pytest.fixture(scope="session")
def node_modules():
    """What `js` and `ts` blocks import: our client as it stands here. And esbuild, for its types and theirs."""
    folder = Path(tempfile.gettempdir()) / "leapday-docs-node"
    modules = folder / "node_modules"
    folder.mkdir(exist_ok=True)
    if not (modules / "esbuild").exists():
        install("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), ESBUILD)
    if TYPESCRIPT_CLIENT.exists():
        package = modules / "leapday"
        sources = map(str, (TYPESCRIPT_CLIENT / "src").glob("*.ts"))
        install(str(modules / ".bin" / "esbuild"), *sources, "--format=esm", f"--outdir={package / 'dist'}")
        shutil.copy(TYPESCRIPT_CLIENT / "package.json", package)
    return modules


@pytest.fixture(scope="session")
def binary():
    return os.environ["LEAPDAY_BIN"]
