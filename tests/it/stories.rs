//! `leapday story`: the shipped stories, and what the command says of stories that are wrong or do not come true.

use std::path::{Path, PathBuf};

use crate::process::run;
use crate::support::api;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stories");

/// A folder that is gone at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("leapday-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shipped(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { shipped(&path) } else { 1 }).sum()
}

#[test]
fn the_shipped_stories_come_true_and_read_the_same_every_time() {
    for provider in ["paygentic", "paylera", "paymennt"] {
        assert!(shipped(&Path::new(SHIPPED).join(provider)) >= 8, "{provider}");
    }
    let (code, first, complaint) = run(&["story", SHIPPED, "--threads", "1"], &[]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{}", &first[first.len().saturating_sub(3_000)..]);
    let summary = first.lines().last().unwrap();
    assert!(summary.starts_with(&format!("{} stories, ", shipped(Path::new(SHIPPED)))), "{summary}");
    for threads in ["1", "8"] {
        let (_, again, _) = run(&["story", SHIPPED, "--threads", threads], &[]);
        assert!(again == first, "another transcript on {threads} threads");
    }
}

const STORY: &str = "story: A product
provider: paygentic
steps:
  - call: createProduct
    body: {merchantId: org_x, name: A, description: B}
    expect: {status: 201, body: {name: \"B\"}} # kept
    capture: {product: /id}
  - call: getProduct
    path: {id: \"${product}\"}
    expect:
      body:
        name: A
        description: {$match: \"^C\"}
";

#[test]
fn a_story_that_does_not_come_true_says_where_and_may_be_updated() {
    let folder = Folder::new("untrue");
    let file = folder.write("product.yaml", STORY);
    let (code, out, complaint) = run(&["story", &file], &[]);
    assert_eq!(code, 1);
    assert!(out.contains(&format!("{file}:4:5: step 1: createProduct")), "{out}");
    assert!(out.contains("/body/name\n    expected \"B\"\n    found    \"A\""), "{out}");
    assert_eq!(complaint, "leapday: 1 of 1 story failed\n");
    let (code, out, _) = run(&["story", &file, "--update"], &[]);
    assert_eq!(code, 0, "{out}");
    let updated = std::fs::read_to_string(&file).unwrap();
    assert!(updated.contains("body: {name: \"A\"}} # kept"), "{updated}");
    assert!(updated.contains("        description: \"B\"\n"), "{updated}");
    let (code, out, _) = run(&["story", &file], &[]);
    assert_eq!((code, out.lines().last()), (0, Some("1 story, 2 steps: all as told")), "{out}");
    assert_eq!(run(&["story", &file, "--quiet"], &[]), (0, String::new(), String::new()), "nothing failed");
}

#[test]
fn a_long_list_that_is_not_as_expected_does_not_fill_the_screen() {
    let folder = Folder::new("long");
    let product = format!(
        "  - call: createProduct\n    body: {{merchantId: org_x, name: A, description: {}}}\n",
        "x".repeat(500)
    );
    let story = |step: &str| format!("story: Many\nprovider: paygentic\nsteps:\n{}{step}", product.repeat(30));
    let failed = |name: &str, step: &str| {
        let file = folder.write(name, &story(step));
        let (code, out, _) = run(&["story", &file, "--quiet"], &[]);
        assert_eq!(code, 1, "{out}");
        assert!(out.len() < 2_500, "{} letters: {out}", out.len());
        out
    };
    let list = "  - call: listProducts\n    query: {limit: 50}\n    expect: {body: {data: ";
    let out = failed("length.yaml", &format!("{list}{{$length: 3}}}}}}\n"));
    assert!(out.contains("found    30 entries: [{"), "{out}");
    let each = format!("[{}]", ["{name: B}"; 30].join(", "));
    let out = failed("each.yaml", &format!("{list}{each}}}}}\n"));
    assert!(out.contains("/body/data/19/name") && out.contains("and 10 more differences"), "{out}");
    let out = failed("events.yaml", "  - advance: P1D\n  - expect_message: {to: nobody}\n");
    assert!(out.contains("found    nothing"), "{out}");
}

#[test]
fn a_world_of_dated_rows_begins_where_its_story_does() {
    let folder = Folder::new("dated");
    let story = |start: &str, paid: &str| {
        format!(
            "story: Begun\nprovider: paygentic\nworld: one-active-subscription\nstart: {start}\nsteps:\n\
             \x20 - call: getSubscription\n    path: {{id: sub_example}}\n    expect: {{body: {{startedAt: \"{start}\"}}}}\n\
             \x20 - advance: P1M1D\n  - expect_events: {{only: invoice.paid.v0, events: [{{at: {paid}}}]}}\n"
        )
    };
    let past = folder.write("past.yaml", &story("2020-01-31T00:00:00Z", "2020-03-01T00:00:00Z"));
    let to_come = folder.write("to-come.yaml", &story("2048-01-31T00:00:00Z", "2048-03-01T00:00:00Z"));
    let (code, first, _) = run(&["story", &past, &to_come], &[]);
    assert_eq!(code, 0, "{first}");
    assert_eq!(run(&["story", &past, &to_come], &[]).1, first, "the same every time");
}

#[test]
fn a_file_that_is_no_story_says_line_and_column() {
    let folder = Folder::new("wrong");
    let wrong = [
        ("misspelt.yaml", STORY.replace("expect: {status", "expct: {status"), "6:12: ", "expect"),
        (
            "verbless.yaml",
            "story: X\nprovider: paygentic\nsteps:\n  - name: nothing\n".to_owned(),
            "4:5: ",
            "call, advance",
        ),
        ("provider.yaml", STORY.replace("paygentic", "paygentik"), "2:11: ", "paygentic, "),
        ("operation.yaml", STORY.replace("createProduct", "createProdukt"), "4:5: ", "createProduct?"),
        (
            "name.yaml",
            STORY.replace("{name: \"B\"}", "{name: A}").replace("${product}", "${produkt}"),
            "8:5: ",
            "${product}",
        ),
        (
            "place.yaml",
            STORY.replace("path: {id", "query: {id").replace("{name: \"B\"}", "{name: A}"),
            "8:5: ",
            "wants id",
        ),
        ("yaml.yaml", "story: [\n".to_owned(), "2:1: ", ""),
    ];
    for (name, text, place, hint) in &wrong {
        let file = folder.write(name, text);
        let (code, out, _) = run(&["story", &file, "--quiet"], &[]);
        assert_eq!(code, 1, "{name}: {out}");
        assert!(out.contains(&format!("{file}:{place}")) && out.contains(hint), "{name}: {out}");
    }
    for (args, hint) in [
        (vec!["story", "nowhere.yaml"], "no file nowhere.yaml"),
        (vec!["story", "nowhere/*.yaml"], "a folder is taken"),
        (vec!["story", "new"], "FILE.yaml"),
        (vec!["story"], "required"),
    ] {
        let (code, _, complaint) = run(&args, &[]);
        assert!(code == 2 && complaint.contains(hint), "{args:?}: {code} {complaint}");
    }
}

#[test]
fn a_new_story_comes_true_and_the_schema_is_json() {
    let folder = Folder::new("new");
    for provider in ["paygentic", "paylera", "paymennt"] {
        let file = folder.path(&format!("{provider}.yaml"));
        let (code, _, complaint) = run(&["story", "new", &file, "--provider", provider], &[]);
        assert_eq!((code, complaint.as_str()), (0, ""));
        let (code, out, _) = run(&["story", &file], &[]);
        assert_eq!(code, 0, "{out}");
        assert_eq!(run(&["story", "new", &file], &[]).0, 1, "it is there already");
    }
    let (code, out, _) = run(&["story", "schema"], &[]);
    assert_eq!(code, 0);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["title"], "A Leapday story");
}

#[test]
fn stories_are_told_to_a_sandbox_that_runs() {
    let folder = Folder::new("against");
    let good = folder.write("good.yaml", &STORY.replace("\"B\"", "A").replace("\"^C\"", "\"^B\""));
    let base = api().base;
    let report = folder.path("report.xml");
    let (code, out, complaint) = run(&["story", &good, "--against", &base, "--junit", &report], &[]);
    assert_eq!(code, 0, "{out} {complaint}");
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("<testcase name=\"A product\"") && report.contains("failures=\"0\""), "{report}");
    let (code, _, complaint) = run(&["story", &good, "--against", "http://127.0.0.1:1"], &[]);
    assert!(code == 1 && complaint.contains("no sandbox answers"), "{complaint}");
}
