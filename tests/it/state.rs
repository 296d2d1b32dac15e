//! The state file when things go wrong: what a process that is killed leaves, and what it does not lose.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use leapday::time::Stopwatch;
use serde_json::{Value, json};

use crate::process::{Server, scratch};
use crate::support::{Api, Wire, api, text};

const KEY: &str = "sk_test_kept";
const CUSTOMERS: &str = "/v0/customers?organizationId=org_shop";
/// How long a save may be waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the process is killed, and how many customers it takes before that, at most.
const KILLS: usize = 20;
const TAKEN_MOST: usize = 40;

/// A folder with nothing but the state file, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(scratch(name).with_file_name("worlds.json"))
    }

    fn serve(&self, every: &str) -> Server {
        Server::start(&["--state", self.0.to_str().unwrap(), "--state-every", every])
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.parent().unwrap()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn kept(server: &Server) -> Api {
    Api::at(&server.url, KEY)
}

fn emails(customers: &[Value]) -> Vec<&str> {
    customers.iter().map(|row| row["organization"]["billingEmails"][0].as_str().expect("an address")).collect()
}

/// Reads the file until it holds something; every reading finds a whole one.
fn wait_for(file: &Path, text: &str) {
    let watch = Stopwatch::start();
    loop {
        if let Ok(held) = std::fs::read_to_string(file) {
            assert!(serde_json::from_str::<Value>(&held).is_ok(), "half a file");
            if held.contains(text) {
                return;
            }
        }
        assert!(watch.elapsed() < PATIENCE, "{text} was not saved");
        std::thread::yield_now();
    }
}

#[test]
fn what_has_changed_is_saved_in_between_for_its_owner_alone() {
    let folder = Folder::new("in-between");
    let server = folder.serve("100ms");
    kept(&server).customer("ada@example.com");
    wait_for(&folder.0, "ada@example.com");
    kept(&server).create("/_leapday/world/snapshots", &json!({ "name": "only-a-snapshot" }));
    wait_for(&folder.0, "only-a-snapshot");
    assert_eq!(std::fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777, 0o600);
    server.signal("KILL");
    server.end();
    let server = folder.serve("100ms");
    assert_eq!(emails(&kept(&server).rows(CUSTOMERS)), ["ada@example.com"]);
    kept(&server).get("/_leapday/world/snapshots");
    assert_eq!(server.stop().0, 0);
}

#[test]
fn nothing_is_written_where_nothing_has_changed_nor_before_the_stop_where_nobody_wants_it() {
    let folder = Folder::new("unchanged");
    let server = folder.serve("10ms");
    kept(&server).customer("ada@example.com");
    wait_for(&folder.0, "ada@example.com");
    let saved = || std::fs::metadata(&folder.0).unwrap().modified().unwrap();
    let before = saved();
    // Reads are no change. That many take longer than some saves would.
    for _ in 0..200 {
        kept(&server).rows(CUSTOMERS);
    }
    assert_eq!(saved(), before);
    assert_eq!(server.stop().0, 0);
    let folder = Folder::new("at-the-stop");
    let server = folder.serve("0");
    kept(&server).customer("ada@example.com");
    assert!(!folder.0.exists());
    assert_eq!(server.stop().0, 0);
    assert!(folder.0.exists());
}

#[test]
fn what_a_killed_process_left_half_written_is_removed_and_nothing_else() {
    let folder = Folder::new("leftovers");
    for name in ["worlds.json.1.tmp", "worlds.json.4194304.tmp", "worlds.json.bak", "worlds.json.x.tmp", "other.1.tmp"]
    {
        std::fs::write(folder.0.with_file_name(name), "{").unwrap();
    }
    let server = folder.serve("0");
    assert_eq!(folder.names(), ["other.1.tmp", "worlds.json.bak", "worlds.json.x.tmp"]);
    assert_eq!(server.stop().0, 0);
    assert_eq!(folder.names(), ["other.1.tmp", "worlds.json", "worlds.json.bak", "worlds.json.x.tmp"]);
}

#[test]
fn a_save_that_fails_leaves_nothing_and_is_tried_again() {
    let folder = Folder::new("failing");
    let server = folder.serve("5ms");
    // Nothing can be moved to where a folder stands.
    std::fs::create_dir(&folder.0).unwrap();
    kept(&server).customer("ada@example.com");
    // That many take longer than some saves would.
    for _ in 0..200 {
        kept(&server).rows(CUSTOMERS);
    }
    std::fs::remove_dir(&folder.0).unwrap();
    wait_for(&folder.0, "ada@example.com");
    std::fs::remove_file(&folder.0).unwrap();
    std::fs::create_dir(&folder.0).unwrap();
    let (code, _, log) = server.stop();
    assert!(code == 1 && log.contains("state not saved"), "{code} {log}");
    assert_eq!(folder.names(), ["worlds.json"]);
}

#[test]
fn what_has_the_name_of_a_save_is_not_written_through() {
    let folder = Folder::new("linked");
    let server = folder.serve("0");
    let others = folder.0.with_file_name("others");
    std::fs::write(&others, "theirs").unwrap();
    let beside = folder.0.with_file_name(format!("worlds.json.{}.tmp", server.pid));
    std::os::unix::fs::symlink(&others, beside).unwrap();
    kept(&server).customer("ada@example.com");
    assert_eq!(server.stop().0, 0);
    assert_eq!(std::fs::read_to_string(&others).unwrap(), "theirs");
    assert_eq!(folder.names(), ["others", "worlds.json"]);
}

/// The addresses of customers, by their numbers.
fn email(number: usize) -> String {
    format!("c{number}@example.com")
}

/// Kills the process while it writes and saves, after as many customers as a counter says. What is there afterwards is
/// one moment of what was: the first so many customers, and never fewer than before.
#[test]
fn a_process_that_is_killed_at_any_moment_leaves_a_completed_save() {
    let folder = Folder::new("killed");
    let mut least = 0;
    for round in 0..KILLS {
        let server = folder.serve("5ms");
        let rows: Vec<Value> = (0..)
            .map(|page| kept(&server).rows(&format!("{CUSTOMERS}&offset={}", page * 100)))
            .take_while(|rows| !rows.is_empty())
            .flatten()
            .collect();
        let mut numbers: Vec<usize> =
            emails(&rows).iter().map(|email| email[1..email.find('@').unwrap()].parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "round {round}");
        assert!(numbers.len() >= least, "round {round}: {} of {least}", numbers.len());
        least = numbers.len();
        let own = format!("worlds.json.{}.tmp", server.pid);
        assert!(folder.names().iter().all(|name| *name == own || name == "worlds.json"), "{:?}", folder.names());
        let mut wire = Wire::open(&server.url);
        // Another number each round, over all of the range.
        for number in least..=least + (round * 17 + 5) % TAKEN_MOST {
            let body = json!({ "merchantId": "org_shop", "consumer": { "name": "C", "email": email(number) } });
            let body = body.to_string();
            let made = wire.send("POST", "/paygentic/v0/customers", Some(KEY), Some(body.as_bytes()));
            assert_eq!(made.status, 201, "{}", made.body);
        }
        server.signal("KILL");
        server.end();
    }
    assert!(least > 0, "nothing was ever saved");
}

/// The customer of a subscription that begins when the world stands still.
fn subscribed(api: &Api) -> String {
    api.freeze("2028-01-31T00:00:00Z");
    let customer = api.customer("ada@example.com");
    api.save_card(&customer, "4242424242424242");
    let wanted = json!({
        "name": "S", "planId": "plan_starterMonthly", "customerId": customer, "startedAt": "2028-01-31T00:00:00Z",
        "autoCharge": true,
    });
    api.create("/v0/subscriptions", &wanted);
    customer
}

/// A world as it was written down, without the first row of a table.
fn without(api: &Api, table: &str) -> Value {
    let mut world = api.get("/_leapday/world/export");
    world["world"]["state"][table]["rows"][0] = Value::Null;
    world
}

/// A state file with a world in which something is missing that time wants: every request to it fails.
fn break_one(file: &Path, api: &Api) {
    let customer = subscribed(api);
    let mut broken = without(api, "subscriptions");
    // Its clock flows, a century ahead: much is due.
    broken["world"]["clocks"][0]["ahead_ms"] = json!(3_155_760_000_000_i64);
    let imported = api.post("/_leapday/world/import", &broken);
    assert_eq!(imported.status, 500, "{}", imported.body);
    assert_eq!(api.get("/v0/subscriptions?limit=1")["data"][0]["customerId"], customer, "it is still the old one");
    let sound = Api::at(&api.base, KEY);
    sound.customer("ada@example.com");
    let state = json!({ "worlds": [broken, sound.get("/_leapday/world/export")] });
    std::fs::write(file, state.to_string()).unwrap();
}

fn broken_key(file: &Path) -> String {
    let state: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    text(&state["worlds"][0], "key").to_owned()
}

#[test]
fn a_world_that_time_breaks_costs_no_other_anything() {
    let folder = Folder::new("broken");
    break_one(&folder.0, &api());
    let server = folder.serve("0");
    let api = Api::at(&server.url, &broken_key(&folder.0));
    assert_eq!(api.send("GET", "/v0/products", &Value::Null).status, 500);
    let listed = api.with_key("").get("/_leapday/worlds");
    assert_eq!(listed["worlds"].as_array().map(Vec::len), Some(2), "{listed:#}");
    assert_eq!(server.stop().0, 0);
    // Both are kept, and the broken one can be started anew.
    let server = folder.serve("0");
    assert_eq!(emails(&kept(&server).rows(CUSTOMERS)), ["ada@example.com"]);
    let api = Api::at(&server.url, &api.key);
    assert_eq!(api.send("GET", "/v0/products", &Value::Null).status, 500);
    api.post("/_leapday/world/reset", &json!({})).expect(200);
    assert_eq!(api.rows("/v0/products").len(), 1);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn what_breaks_on_the_way_of_an_advance_is_a_refusal_and_nothing_has_moved() {
    let api = api();
    subscribed(&api);
    api.post("/_leapday/world/import", &without(&api, "subscriptions")).expect(200);
    let refused = api.refuses("POST", "/_leapday/clock/advance", &json!({ "by": "P1M" }), 500);
    assert!(text(&refused.body, "message").contains("nothing was changed"), "{}", refused.body);
    // Nor does the next writer find its turn taken.
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
}

#[test]
fn a_page_that_breaks_is_a_page_that_says_so() {
    let api = api();
    let payment = json!({
        "merchantId": "org_shop", "customerId": api.customer("ada@example.com"), "amount": "5.00", "currency": "USD",
    });
    let payment = api.create("/v0/payments", &payment);
    api.post("/_leapday/world/import", &without(&api, "payments")).expect(200);
    let broken = api.browser().open(text(&payment, "paymentUrl")).expect(500);
    assert!(broken.text("message").contains("nothing was changed"), "{}", broken.html);
}
