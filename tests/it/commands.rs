//! The commands that talk to a running sandbox: worlds, events, deliveries, verify.

use serde_json::{Value, json};

use crate::process::run;
use crate::support::{Api, Receiver, api};

struct Shell {
    api: Api,
}

impl Shell {
    fn new() -> Self {
        let api = api();
        api.freeze("2028-01-31T00:00:00Z");
        Self { api }
    }

    /// Exit code, what was printed, and what was complained of.
    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let more = ["--url", &self.api.base, "--key", &self.api.key];
        run(&[words, &more].concat(), &[])
    }

    #[track_caller]
    fn says(&self, words: &[&str]) -> String {
        let (code, out, complaint) = self.run(words);
        assert_eq!((code, complaint.as_str()), (0, ""), "{words:?}: {out}");
        out
    }

    #[track_caller]
    fn refuses(&self, words: &[&str]) -> String {
        let (code, _, complaint) = self.run(words);
        assert_eq!(code, 1, "{words:?}: {complaint}");
        complaint
    }
}

#[test]
fn worlds_are_kept_forked_and_written_down() {
    let shell = Shell::new();
    assert!(shell.says(&["world", "show"]).contains("2028-01-31T00:00:00Z"));
    assert_eq!(shell.says(&["world", "snapshot", "before"]), "kept as before\n");
    shell.api.customer("ada@example.com");
    let listed = shell.says(&["world", "snapshots"]);
    assert!(listed.starts_with("NAME") && listed.contains("before"), "{listed}");
    let digest = || shell.api.get("/_leapday/world")["digest"].clone();
    let with_ada = digest();
    let file = std::env::temp_dir().join(format!("leapday-world-{}.json", std::process::id()));
    let path = file.display().to_string();
    assert!(shell.says(&["world", "export", &path]).contains(&path));
    assert_eq!(shell.says(&["world", "restore", "before"]), "back at before\n");
    assert_ne!(digest(), with_ada);
    assert!(shell.says(&["world", "import", &path]).starts_with("the world is that of"));
    assert_eq!(digest(), with_ada);
    std::fs::remove_file(file).unwrap();
    let fork = format!("{}_fork", shell.api.key);
    shell.says(&["world", "fork", &fork]);
    assert!(shell.refuses(&["world", "fork", &fork]).contains("replace"));
    shell.says(&["world", "fork", &fork, "--replace"]);
    let worlds: Value = serde_json::from_str(&shell.says(&["world", "list", "--json"])).unwrap();
    assert!(worlds["worlds"].as_array().unwrap().iter().any(|world| world["key"] == *fork));
    assert!(shell.says(&["world", "list"]).contains(&fork));
    shell.says(&["world", "delete", &fork]);
    assert!(shell.refuses(&["world", "delete", &fork]).contains(&fork));
    shell.says(&["world", "create", &fork, "--from", "empty"]);
    shell.says(&["world", "drop", "before"]);
    assert!(shell.refuses(&["world", "restore", "before"]).contains("before"));
    assert_eq!(shell.says(&["world", "reset", "--from", "starter"]), "the world is as new\n");
    assert!(shell.refuses(&["world", "reset", "--from", "startr"]).contains("starter"));
    assert!(shell.refuses(&["world", "import", "nowhere.json"]).contains("nowhere.json"));
}

#[test]
fn events_and_deliveries_are_listed() {
    let receiver = Receiver::new();
    let shell = Shell::new();
    shell.api.create("/_leapday/webhook-endpoints", &json!({ "url": receiver.url }));
    shell.api.customer("ada@example.com");
    receiver.wait_for(1);
    let events = shell.says(&["events"]);
    assert!(events.starts_with("2028-01-31T00:00:00Z  customer.created.v0"), "{events}");
    let event: Value = serde_json::from_str(shell.says(&["events", "--json", "--limit", "1"]).trim()).unwrap();
    assert_eq!(event["type"], "customer.created.v0");
    assert_eq!(shell.says(&["events", "--type", "invoice.*"]), "");
    assert!(shell.refuses(&["events", "--type", "invioce.paid.v0"]).contains("invoice"));
    shell.api.get("/_leapday/events?wait=5s");
    let listed = shell.says(&["deliveries", "--event", "customer.*"]);
    assert!(listed.starts_with("ID") && listed.contains(&receiver.url), "{listed}");
    let id = listed.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(shell.says(&["deliveries", "resend", id]).contains("succeeded"));
    receiver.wait_for(2);
    assert!(shell.refuses(&["deliveries", "resend", "del_none"]).contains("del_none"));
}

#[test]
fn what_the_app_asked_is_verified() {
    let shell = Shell::new();
    shell.api.customer("ada@example.com");
    assert_eq!(shell.says(&["verify", "createCustomer", "--count", "1"]), "1 such request, expected 1\n");
    shell.says(&["verify", "--path", "/v0/customers", "--status", "201", "--contains", "ada@example.com"]);
    let complaint = shell.refuses(&["verify", "createCustomer", "--contains", "eve@example.com"]);
    assert!(complaint.contains("near: POST /v0/customers answered 201: the body does not contain eve"), "{complaint}");
    assert!(shell.refuses(&["verify", "makeCustomer"]).contains("is no operation"));
    shell.says(&["verify", "deleteCustomer", "--at-most", "0", "--wait", "10ms"]);
}
