"""What these tests are for: a page that is wrong does not pass."""

import pytest
from session import Session, Wrong
from snippets import ROOT, blocks, missing, same_text
from test_links import anchors
from test_pages import Run


def follow(text, tmp_path, binary, request):
    """What a page of the repository with this text would print last."""
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    (tmp_path / "session").mkdir()
    session, printed = Session(tmp_path / "session", binary), None
    try:
        for block in blocks(page):
            printed = Run(session, request).run(block, printed)
    finally:
        session.close()
    return printed


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\n```",
        "```sh\necho $unset\n```",
        "```sh\nno-such-command\n```",
        "```sh\nexit 3\n```",
        "```sh\necho here\n```\n<!-- output -->\n```text\nthere\n```",
        '```sh\necho \'{"a": 1}\'\n```\n<!-- output -->\n```json\n{"a": 2}\n```',
        "<!-- output -->\n```text\nof nothing\n```",
        "```python\nraise SystemExit(1)\n```",
        "```python\ndef test_it():\n    assert False\n```",
        '```js\nimport { ok } from "node:assert";\nok(false);\n```',
        '```ts\nimport { test } from "node:test";\ntest("it", () => {\n  throw new Error();\n});\n```',
        "```json\n{\n```",
        "```yaml\nstory: Untrue\nprovider: paygentic\nsteps:\n  - call: GET /v0/plans\n    expect: {status: 404}\n```",
        "```\nno language\n```",
        "```cobol\nno such language\n```",
        "<!-- test: tests/docs/nobody.py -->\n```cobol\n```",
        "<!-- test: tests/docs/session.py -->\n```cobol\n```",
        "<!-- from: README.md -->\n```cobol\nnot there\n```",
        "```rust\nnot_a_doc_test();\n```",
    ],
)
def test_what_is_wrong_is_found(text, tmp_path, binary, request):
    with pytest.raises((Wrong, AssertionError, ValueError)):
        follow(text, tmp_path, binary, request)


def test_a_session_lives_on_and_serving_begins_anew(tmp_path, binary, request):
    text = """```sh
say() { curl -s http://127.0.0.1:4010/_leapday/worlds | grep -c sk_test_a || true; }
leapday world create sk_test_a > /dev/null; say
```
<!-- output -->
```text
1
```
<!-- serve -->
```sh
leapday --world empty
```
```sh
say
echo http://127.0.0.1:4010/
```
"""
    assert follow(text, tmp_path, binary, request) == "0\nhttp://127.0.0.1:4010/\n"


def test_types_are_left_out(tmp_path, binary, request):
    text = '```ts\nimport { ok } from "node:assert";\nconst one: number = 1;\nok(one);\nconsole.log(one);\n```'
    assert follow(text, tmp_path, binary, request) == "1\n"


def test_what_dots_stand_for():
    assert same_text("a\n...\nd", "a\nb\nc\nd\n")
    assert same_text("...\nc\n...", "a\nb\nc\nd\n")
    assert not same_text("a\n...\nc", "a\nb\nc\nd\n")
    assert not same_text("...\nc\n...\nb\n...", "a\nb\nc\nd\n")
    assert missing({"a": ["...", "..."], "b": "..."}, {"a": [1, 2, 3], "b": None, "c": 1}) is None
    assert missing({"a": [1]}, {"a": [1, 2]}) == "/a: 1 shown, 2 in the answer"
    assert missing({"a": {"b": 1}}, {"a": {"b": True}}) == "/a/b: 1 shown, true in the answer"


def test_anchors_are_those_of_headings():
    wanted = {"clocks", "paygentics-test-clocks", "keep-a-world-and-go-back-to-it"}
    assert wanted <= anchors(ROOT / "docs" / "clocks.md")
