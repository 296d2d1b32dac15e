"""The JUnit report of `leapday story`: accepted by a schema, and read by a library that CI tools use."""

import os
import pathlib
import subprocess

import junitparser
import xmlschema

HERE = pathlib.Path(__file__).parent
STORIES = HERE.parent.parent / "stories"
SCHEMA = xmlschema.XMLSchema(str(HERE / "junit.xsd"))


def tell(tmp_path, *stories):
    report = tmp_path / "report.xml"
    command = [os.environ["LEAPDAY_BIN"], "story", *map(str, stories), "--junit", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    SCHEMA.validate(str(report))
    return done.returncode, junitparser.JUnitXml.fromfile(str(report))


def test_all_shipped_stories(tmp_path):
    code, report = tell(tmp_path, STORIES)
    assert code == 0
    assert {suite.name for suite in report} == {"paygentic", "paylera", "paymennt"}
    assert report.tests >= 24 and report.failures == 0 and report.errors == 0


def test_failures_and_errors_are_told_apart(tmp_path):
    untrue = tmp_path / "untrue.yaml"
    untrue.write_text(
        "story: Not <true> & \"so\"\nprovider: paygentic\nsteps:\n"
        "  - call: GET /v0/plans\n    expect: {status: 404}\n"
    )
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("story: No steps\nprovider: paygentic\n")
    code, report = tell(tmp_path, untrue, wrong)
    assert code == 1
    assert (report.failures, report.errors) == (1, 1)
    cases = [case for suite in report for case in suite]
    assert cases[0].name == 'Not <true> & "so"'
    assert "expected 404" in cases[0].result[0].text
    assert "steps" in cases[1].result[0].text
