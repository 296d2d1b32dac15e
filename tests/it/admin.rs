//! Who may list, name and open worlds of others, and look at the dashboard.

use std::os::unix::fs::PermissionsExt as _;

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use crate::process::{Server, run};
use crate::support::{Answer, Api, Reaction, Receiver, api, text};

const TOKEN: &str = "correct-horse";
/// `any:correct-horse`
const BASIC: (&str, &str) = ("authorization", "Basic YW55OmNvcnJlY3QtaG9yc2U=");
const HEADER: (&str, &str) = ("leapday-admin-token", TOKEN);
const JSON: (&str, &str) = ("content-type", "application/json");

/// What is about other worlds than the caller's own.
const OTHERS: [(&str, &str, &str); 6] = [
    ("GET", "/_leapday/worlds", ""),
    ("POST", "/_leapday/worlds", r#"{"key":"sk_test_third"}"#),
    ("GET", "/_leapday/clock?world=sk_test_other", ""),
    ("POST", "/_leapday/world/reset?world=sk_test_other", "{}"),
    ("POST", "/_leapday/world/fork", r#"{"key":"sk_test_other","replace":true}"#),
    ("DELETE", "/_leapday/worlds/sk_test_other", ""),
];

fn guarded() -> (Sandbox, Api) {
    let with_token = |options: &mut leapday::sandbox::Options| options.admin_token = Some(TOKEN.to_owned());
    let sandbox = Sandbox::builder().strict(true).options(with_token).start().unwrap();
    let api = Api::at(sandbox.base_url(), "sk_test_mine");
    for api in [&api, &api.with_key("sk_test_other")] {
        api.freeze("2028-01-31T00:00:00Z");
        api.product();
    }
    (sandbox, api)
}

fn listed(api: &Api) -> Value {
    api.raw("GET", "/_leapday/worlds", &[HEADER], b"").expect(200)
}

#[test]
fn other_worlds_need_the_token_and_without_it_nothing_happens() {
    let (_sandbox, api) = guarded();
    let before = listed(&api);
    let wrong = ("leapday-admin-token", "correct-hors");
    for (method, path, body) in OTHERS {
        for headers in [vec![JSON], vec![JSON, wrong]] {
            let answer = api.raw(method, path, &headers, body.as_bytes());
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
            assert_eq!((&answer.body["error"], &answer.body["code"]), (&json!("unauthorized"), &json!("admin_token")));
            assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"Leapday\", charset=\"UTF-8\""));
            assert!(
                answer.told().starts_with("header leapday-admin-token key: send the header leapday-admin-token"),
                "{path}"
            );
        }
    }
    assert_eq!(listed(&api), before);
    for (method, path, body) in OTHERS {
        let answer = api.raw(method, path, &[JSON, HEADER], body.as_bytes());
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
    }
    let anonymous = api.with_key("");
    assert_eq!(anonymous.raw("GET", "/_leapday/clock?world=sk_test_third", &[BASIC], b"").status, 200);
    assert_eq!(anonymous.raw("GET", "/_leapday/worlds", &[BASIC], b"").status, 200);
    // No password, and a wrong one.
    for wrong in ["Basic !", "Basic YW55Ondyb25nLWhvcnNl"] {
        assert_eq!(anonymous.raw("GET", "/_leapday/worlds", &[("authorization", wrong)], b"").status, 401, "{wrong}");
    }
}

#[test]
fn a_world_of_ones_own_needs_its_key_alone() {
    let (_sandbox, api) = guarded();
    for path in [
        "clock",
        "clock/upcoming",
        "outcomes",
        "faults",
        "journal",
        "events",
        "messages",
        "deliveries",
        "world",
        "world/snapshots",
        "world/export",
        "webhook-endpoints",
        "webhook-rules",
    ] {
        api.get(&format!("/_leapday/{path}"));
    }
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    api.post("/_leapday/world/snapshots", &json!({ "name": "kept" })).expect(201);
    let world = api.get("/_leapday/world/export");
    api.post("/_leapday/world/import", &world).expect(200);
    api.post("/_leapday/world/reset", &json!({ "world": "empty" })).expect(200);
    // Named by its key it is the same.
    api.get("/_leapday/clock?world=sk_test_mine");
    api.delete("/_leapday/worlds/sk_test_mine").expect(204);
    api.post("/_leapday/worlds", &json!({ "key": "sk_test_mine" })).expect(201);
    // And a role of the key has it too.
    api.with_key("sk_test_mine.readonly").get("/_leapday/clock?world=sk_test_mine");
}

#[test]
fn what_is_said_of_the_server_needs_nothing() {
    let (_sandbox, api) = guarded();
    let anonymous = api.with_key("");
    for path in ["/health", "/_leapday/health", "/_leapday/operations", "/_leapday/paylera/openapi.json", "/"] {
        assert_eq!(anonymous.raw("GET", path, &[], b"").status, 200, "{path}");
    }
    let document = anonymous.raw("GET", "/_leapday/openapi.json", &[], b"").expect(200);
    let operation = |path: &str, method: &str| document["paths"][path][method].clone();
    assert!(operation("/health", "get")["responses"]["401"].is_null());
    for (path, method) in [("/worlds", "get"), ("/worlds", "post"), ("/world/fork", "post"), ("/clock", "get")] {
        let operation = operation(path, method);
        assert!(operation["responses"]["401"].is_object(), "{method} {path}");
        let named = |parameter: &Value| parameter["name"] == "leapday-admin-token" && parameter["required"] == false;
        assert!(operation["parameters"].as_array().unwrap().iter().any(named), "{method} {path}");
    }
}

#[test]
fn the_dashboard_asks_for_the_token_as_browsers_know_it() {
    let (_sandbox, api) = guarded();
    let page = "/_leapday/ui/paygentic/sk_test_other";
    let anonymous = api.with_key("");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for path in ["/_leapday/", "/_leapday/ui", page, &format!("{page}/live"), &format!("{page}/rows/products")] {
        let answer = anonymous.raw("GET", path, &[], b"");
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Basic ")), "{path}");
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("sk_test_other"), "{path}");
        let answer = anonymous.raw("GET", path, &[BASIC], b"");
        assert!(answer.status < 400, "{path}: {}", answer.status);
    }
    assert_eq!(anonymous.raw("GET", "/_leapday/ui/dashboard.css", &[], b"").status, 200);
    let act = |headers: &[(&str, &str)]| anonymous.raw("POST", &format!("{page}/snapshot"), headers, b"name=kept");
    assert_eq!(act(&[form]).status, 401);
    assert_eq!(listed(&api)["worlds"][1]["snapshots"], json!([]));
    assert_eq!(act(&[form, BASIC]).status, 303);
    assert_eq!(listed(&api)["worlds"][1]["snapshots"], json!(["kept"]));
}

/// What an app sent, or a receiver answered, is somebody else's word.
#[test]
fn the_dashboard_shows_html_as_text_and_is_framed_by_nobody() {
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let answering = evil.to_owned();
    let receiver = Receiver::answering(move |_, _| Reaction::Say(answering.clone()));
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    api.create("/_leapday/webhook-endpoints", &json!({ "url": receiver.url }));
    let product = json!({ "name": evil, "description": evil, "merchantId": "org_a" });
    api.create("/v0/products", &product);
    api.post("/v0/products", &json!({ "name": 7, evil: evil })).expect(400);
    api.customer("ada@example.com");
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    let delivery = api.get("/_leapday/deliveries")["deliveries"][0].clone();
    assert!(text(&delivery["attempts"][0]["response"], "body").contains(evil), "{delivery:#}");
    let (browser, site) = (api.browser(), format!("{}/_leapday", api.base));
    let world = format!("{site}/ui/paygentic/{}", api.key);
    let missing = format!("{site}/ui/paygentic/%3Cimg%20src=x%3E");
    let deliveries = format!("{world}/delivery/{}", text(&delivery, "id"));
    let pages = ["/request/0", "/request/1", "/event/0", "/rows/products", "/nothing", ""];
    let pages = pages.map(|below| format!("{world}{below}"));
    for address in pages.iter().chain([&missing, &deliveries, &format!("{site}/")]) {
        let page = browser.open(address);
        let scripts = page.texts("script:not([src])").len() + page.texts("img").len();
        assert_eq!(scripts, 0, "{address}\n{}", page.html);
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; "), "{address}: {policy}");
        assert!(policy.ends_with("; connect-src 'self'; frame-ancestors 'none'"), "{address}: {policy}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.header(name), Some(value), "{address}");
        }
    }
}

#[test]
fn a_snapshot_made_with_a_button_has_a_plain_name() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let at = format!("{}/_leapday/ui/paygentic/{}/snapshot", api.base, api.key);
    for (name, status) in [("", 422), ("../up", 422), ("a b", 422), ("<b>", 422), (".hidden", 422), ("v1.0-rc_2", 303)]
    {
        assert_eq!(api.browser().post(&at, &[("name", name)]).status, status, "{name:?}");
    }
    assert_eq!(api.get("/_leapday/world/snapshots")["snapshots"].as_array().unwrap().len(), 1);
}

#[test]
fn a_page_of_another_site_gets_nothing_that_a_browser_adds_by_itself() {
    let (_sandbox, api) = guarded();
    let open = Sandbox::builder().strict(true).start().unwrap();
    let free = Api::at(open.base_url(), "sk_test_other");
    free.product();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let act = |api: &Api, headers: &[(&str, &str)]| -> Answer {
        let path = "/_leapday/ui/paygentic/sk_test_other/snapshot";
        api.with_key("").raw("POST", path, &[headers, &[form]].concat(), b"name=kept")
    };
    let kept = |api: &Api| api.with_key("sk_test_other").get("/_leapday/world/snapshots")["snapshots"].clone();
    for foreign in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ] {
        assert_eq!(act(&api, &[foreign, BASIC]).status, 403, "{foreign:?}");
        assert_eq!(act(&free, &[foreign]).status, 403, "{foreign:?}");
        assert_eq!(free.raw("GET", "/_leapday/worlds", &[foreign], b"").status, 403, "{foreign:?}");
        // Who writes the token down, or has a key, may be anywhere.
        assert_eq!(api.raw("GET", "/_leapday/worlds", &[foreign, HEADER], b"").status, 200, "{foreign:?}");
        assert_eq!(api.raw("GET", "/_leapday/clock", &[foreign], b"").status, 200, "{foreign:?}");
    }
    assert_eq!((kept(&api), kept(&free)), (json!([]), json!([])));
    assert_eq!(act(&free, &[("sec-fetch-site", "same-origin"), ("origin", &free.base)]).status, 303);
    assert_eq!(act(&free, &[("origin", &free.base)]).status, 303);
}

#[test]
fn a_name_that_was_made_to_lead_here_is_none_of_this_machine() {
    let open = Sandbox::builder().strict(true).start().unwrap();
    let free = Api::at(open.base_url(), "sk_test_a");
    let ask = |host: &str| free.raw("GET", "/_leapday/worlds", &[("host", host)], b"");
    for ours in
        ["localhost:4010", "127.0.0.1", "[::1]:4010", "leapday:4010", "host.docker.internal:4010", "192.168.1.7"]
    {
        assert_eq!(ask(ours).status, 200, "{ours}");
    }
    for foreign in ["localhost.evil.example", "127.0.0.1.evil.example", "a.local.evil.example:4010", "notlocal.evil"] {
        assert_eq!(ask(foreign).status, 403, "{foreign}");
    }
    let refused = ask("evil.example:4010");
    assert_eq!(refused.status, 403);
    assert!(refused.told().contains("--public-url"), "{}", refused.told());
    assert_eq!(free.raw("GET", "/_leapday/", &[("host", "evil.example")], b"").status, 403);
    assert_eq!(free.raw("GET", "/_leapday/clock", &[("host", "evil.example")], b"").status, 200, "a key is a key");
    let named =
        |options: &mut leapday::sandbox::Options| options.public_url = Some("http://team.example:8080/r1".to_owned());
    let named = Sandbox::builder().options(named).start().unwrap();
    let named = Api::at(named.base_url(), "sk_test_a");
    let ask = |host: &str| named.raw("GET", "/_leapday/worlds", &[("host", host)], b"").status;
    assert_eq!((ask("team.example:8080"), ask("evilteam.example:8080"), ask("evil.team.example")), (200, 403, 403));
}

#[test]
fn a_sandbox_that_other_machines_reach_makes_a_token_and_says_it_once() {
    let folder = std::env::temp_dir().join(format!("leapday-admin-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("endpoints.json");
    let args = ["--host", "0.0.0.0", "-v", "--endpoints-file", file.to_str().unwrap()];
    let server = Server::start_with(&args, &[("LEAPDAY_PORT", "0")]);
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let token = text(&written, "admin_token").to_owned();
    assert_eq!(token.len(), 32);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(server.banner().iter().any(|line| line.contains(&token)), "{:?}", server.banner());
    let port = server.api().base.rsplit(':').next().unwrap().to_owned();
    let api = Api::at(&format!("http://127.0.0.1:{port}"), "sk_test_a");
    assert_eq!(api.raw("GET", "/_leapday/worlds", &[], b"").status, 401);
    assert_eq!(api.raw("GET", "/_leapday/worlds", &[("leapday-admin-token", &token)], b"").status, 200);
    let (code, _, log) = server.stop();
    assert_eq!(code, 0);
    assert!(log.contains("GET") && !log.contains(&token), "{log}");
    std::fs::remove_dir_all(&folder).unwrap();

    let quiet = Server::start_with(&["--host", "0.0.0.0", "--quiet"], &[("LEAPDAY_PORT", "0")]);
    assert!(quiet.banner()[0].trim_start().starts_with("admin token"), "{:?}", quiet.banner());
    let given = [("LEAPDAY_PORT", "0"), ("LEAPDAY_HOST", "0.0.0.0"), ("LEAPDAY_ADMIN_TOKEN", TOKEN)];
    let given = Server::start_with(&[], &given);
    assert!(given.banner().iter().all(|line| !line.contains(TOKEN)), "{:?}", given.banner());
    let open = [("LEAPDAY_PORT", "0"), ("LEAPDAY_HOST", "0.0.0.0"), ("LEAPDAY_OPEN_CONTROL", "1")];
    let open = Server::start_with(&[], &open);
    let port = open.api().base.rsplit(':').next().unwrap().to_owned();
    let api = Api::at(&format!("http://127.0.0.1:{port}"), "sk_test_a");
    assert_eq!(api.raw("GET", "/_leapday/worlds", &[], b"").status, 200);
}

#[test]
fn commands_and_stories_send_the_token_where_it_is_needed() {
    let (sandbox, _api) = guarded();
    let url = sandbox.base_url();
    let ask = |words: &[&str], env: &[(&str, &str)]| run(&[words, &["--url", url]].concat(), env);
    let (code, _, said) = ask(&["world", "list"], &[]);
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("needs the admin token") && said.contains("leapday-admin-token"), "{said}");
    assert!(ask(&["world", "list", "--admin-token", TOKEN], &[]).1.contains("sk_test_other"));
    assert!(ask(&["world", "list"], &[("LEAPDAY_ADMIN_TOKEN", TOKEN)]).1.contains("sk_test_other"));
    assert_eq!(ask(&["world", "show", "--key", "sk_test_mine"], &[]).0, 0);
    for command in [&["world", "--help"][..], &["story", "--help"], &["serve", "--help"]] {
        let (code, said, _) = run(command, &[("LEAPDAY_ADMIN_TOKEN", TOKEN)]);
        assert!(code == 0 && said.contains("LEAPDAY_ADMIN_TOKEN") && !said.contains(TOKEN), "{command:?}: {said}");
    }

    let folder = std::env::temp_dir().join(format!("leapday-told-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let story = |name: &str, steps: &str| {
        let path = folder.join(name);
        let start = "provider: paylera\nworld: starter\nstart: 2028-01-31T00:00:00Z\n";
        std::fs::write(&path, format!("story: {name}\n{start}steps:\n{steps}")).unwrap();
        path.display().to_string()
    };
    let plain = story("plain.yaml", "  - advance: P1M\n");
    let forks = story("forks.yaml", "  - fork: other\n    steps:\n      - advance: P1M\n");
    let tell = |file: &str, more: &[&str]| run(&[&["story", file, "--against", url], more].concat(), &[]);
    let (code, out, said) = tell(&plain, &[]);
    assert_eq!(code, 0, "{out} {said}");
    let (code, out, _) = tell(&forks, &[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("needs the admin token"), "{out}");
    let (code, out, said) = tell(&forks, &["--admin-token", TOKEN]);
    assert_eq!(code, 0, "{out} {said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
