//! Clients that mean harm, or seem to: whatever they send, they are refused or given up, and others are served.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use leapday::blocking::Sandbox;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use serde_json::{Value, json};

use crate::process::Server;
use crate::support::{Answer, Api, Wire, api, merchant, tenant};

/// How long the sandbox of these tests waits for a client.
const PATIENCE: Duration = Duration::from_millis(300);
/// Less than a handshake may take by itself.
const HANDSHAKE: Duration = Duration::from_secs(5);
const IDLE: usize = 2_000;
/// How many files a server may have that soon has no more: some that it starts with, and a few connections.
const FILES: u64 = 40;
/// What one server remembers and reads in passing, at most: far less than it is sent.
const KEPT_MOST: usize = 40 << 20;
/// What a connection may cost, in bytes.
const EACH_MOST: usize = 32 << 10;
const PRODUCTS: &str = "/paygentic/v0/products";
const JSON: (&str, &str) = ("content-type", "application/json");

fn impatient() -> Sandbox {
    Sandbox::builder().strict(true).options(|options| options.patience = PATIENCE).start().unwrap()
}

/// The server answers somebody else.
#[track_caller]
fn serves(base: &str) {
    assert_eq!(Api::at(base, "sk_test_good").raw("GET", PRODUCTS, &[], b"").status, 200);
}

fn product(name: &str) -> String {
    json!({ "name": name, "description": "a", "merchantId": "org_a" }).to_string()
}

/// The bytes of a request with a key, in the middle of the head.
fn head(method: &str, path: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk_test_a\r\ncontent-type: application/json\r\n"
    )
}

#[test]
fn clients_that_stop_in_the_middle_are_given_up() {
    let sandbox = impatient();
    let base = sandbox.base_url();
    let beginnings = [
        String::new(),
        "PRI * HTT".to_owned(),
        "PO".to_owned(),
        "GET / HTTP/1.1\r\nhost: x\r\nx-".to_owned(),
        format!("{}\r\n", head("GET", PRODUCTS).trim_end()),
    ];
    let mut stuck: Vec<Wire> = beginnings
        .iter()
        .map(|beginning| {
            let mut wire = Wire::open(base);
            wire.raw(beginning.as_bytes());
            wire
        })
        .collect();
    serves(base);
    for (wire, beginning) in stuck.iter_mut().zip(&beginnings) {
        assert!(wire.is_closed(), "{beginning:?}");
    }
    for half in [
        "content-length: 100\r\n\r\n{",
        "transfer-encoding: chunked\r\n\r\n5\r\n{",
        "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ] {
        let mut wire = Wire::open(base);
        wire.raw(format!("{}{half}", head("POST", PRODUCTS)).as_bytes());
        let refused = wire.read();
        assert_eq!((refused.status, &refused.body["error"]), (400, &json!("bad_request")), "{}", refused.body);
        assert!(refused.body["message"].as_str().is_some_and(|message| message.contains("0.3 s")), "{}", refused.body);
    }
    serves(base);
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    let folder = std::env::temp_dir().join(format!("leapday-slow-{}", std::process::id()));
    let tls = |options: &mut leapday::sandbox::Options| {
        options.patience = PATIENCE;
        options.tls_port = Some(0);
        options.ca_dir = Some(folder.clone());
    };
    let sandbox = Sandbox::builder().options(tls).start().unwrap();
    let mut streams = [b"".as_slice(), b"\x16\x03\x01\x02"].map(|beginning| {
        let mut stream = TcpStream::connect(("127.0.0.1", sandbox.tls_port().unwrap())).unwrap();
        stream.set_read_timeout(Some(HANDSHAKE)).unwrap();
        stream.write_all(beginning).unwrap();
        stream
    });
    for stream in &mut streams {
        let late = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(stream.read(&mut [0; 64]).map_or_else(|error| !late(error.kind()), |read| read == 0));
    }
    serves(sandbox.base_url());
    std::fs::remove_dir_all(folder).unwrap();
}

fn status_of(pid: u32, field: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

/// Resident memory in bytes.
fn memory(server: &Server) -> usize {
    status_of(server.pid, "VmRSS") * 1024
}

fn limit_of_files(pid: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("the limit");
    let mut words = line.split_whitespace().skip(3).map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn thousands_of_idle_connections_are_no_trouble() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let server = Server::with_few_files();
    let (soft, hard) = limit_of_files(server.pid);
    assert_eq!(soft, hard, "as many files as the system allows");
    serves(&server.url);
    let before = memory(&server);
    let idle: Vec<Wire> = (0..IDLE)
        .map(|number| {
            let mut wire = Wire::open(&server.url);
            if number % 2 == 0 {
                assert_eq!(wire.send("GET", "/health", None, None).status, 200);
            }
            wire
        })
        .collect();
    serves(&server.url);
    let each = memory(&server).saturating_sub(before) / IDLE;
    assert!(each < EACH_MOST, "{each} bytes a connection");
    drop(idle);
    serves(&server.url);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn a_server_without_files_goes_on_when_it_has_some_again() {
    let server = Server::start(&[]);
    let (pid, limit) = (server.pid, Rlimit { current: Some(FILES), maximum: Some(FILES) });
    prlimit(Pid::from_raw(i32::try_from(pid).unwrap()), Resource::Nofile, limit).unwrap();
    let waiting: Vec<Wire> = (0..2 * FILES).map(|_| Wire::open(&server.url)).collect();
    let files = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
    while files() < FILES {
        std::thread::yield_now();
    }
    drop(waiting);
    serves(&server.url);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn floods_of_headers_and_endless_lines_are_refused() {
    let sandbox = impatient();
    let base = sandbox.base_url();
    let mut many = head("GET", PRODUCTS);
    (0..200).for_each(|number| write!(many, "x-{number}: y\r\n").unwrap());
    let large = format!("{}x: {}\r\n", head("GET", PRODUCTS), "y".repeat(2 << 20));
    let line = head("GET", &format!("{PRODUCTS}?{}", "a".repeat(100_000)));
    for (request, status) in [(many, "431"), (large, "431"), (line, "414")] {
        // What is refused before all of it is read ends with a reset, which may overtake the answer.
        let unread = request.len() > 1 << 20;
        let said = talk(base, &format!("{request}\r\n"));
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")) || (unread && said.is_empty()), "{said}");
    }
    serves(base);
}

/// What each vendor says of the same body, in its own shape (the shared sandbox is strict).
fn everybody(body: &[u8]) -> [Answer; 3] {
    let (tenant, merchant) = (tenant(), merchant());
    let pair = [("x-paymennt-api-key", merchant.pair.0.as_str()), ("x-paymennt-api-secret", merchant.pair.1.as_str())];
    [
        api().raw("POST", PRODUCTS, &[JSON], body),
        tenant.0.raw("POST", "/paylera/v1/products", &[JSON, ("idempotency-key", "1")], body),
        merchant.api.raw("POST", "/paymennt/mer/v2.0/checkout/link", &[&pair[..], &[JSON]].concat(), body),
    ]
}

#[test]
fn json_at_its_ends_is_refused_in_the_vendors_shape() {
    let nested = |levels: usize| format!(r#"{{"metadata":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let digits = "9".repeat(100_000);
    let bodies: [Vec<u8>; 11] = [
        nested(33).into_bytes(),
        nested(127).into_bytes(),
        nested(129).into_bytes(),
        b"[".repeat(500_000),
        br#"{"a":"#.repeat(100_000),
        format!(r#"{{"name": {digits}}}"#).into_bytes(),
        format!(r#"{{"name": 1e{digits}}}"#).into_bytes(),
        b"{\"name\": \"\xff\xfe\"}".to_vec(),
        br#"{"name": "\ud800"}"#.to_vec(),
        br#"{"name": "a"} {"name": "b"}"#.to_vec(),
        b"\xef\xbb\xbf{\"name\": \"a\"}".to_vec(),
    ];
    for body in bodies {
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        for answer in everybody(&body) {
            assert!((400..500).contains(&answer.status), "{} to {start}: {}", answer.status, answer.body);
            assert!(answer.body.is_object(), "{start}: {}", answer.body);
        }
    }
}

/// A world may nest deeper than the bodies that it is made of, and no deeper than that.
#[test]
fn a_world_that_nests_without_end_is_refused_as_such() {
    let nested = |levels: usize| format!(r#"{{"world":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    for (levels, why) in [(119, "/world"), (120, "body depth: nests deeper than 120 levels"), (129, "body json: ")] {
        let answer = api().raw("POST", "/_leapday/world/import", &[JSON], nested(levels).as_bytes());
        assert!(
            answer.status == 400 && answer.told().starts_with(why),
            "{levels}: {} {}",
            answer.status,
            answer.told()
        );
    }
}

/// As most parsers have it: what comes later counts.
#[test]
fn of_two_fields_of_one_name_the_last_counts() {
    let api = api();
    let twice = br#"{"name": "first", "description": "a", "merchantId": "org_a", "name": "last"}"#;
    assert_eq!(api.raw("POST", PRODUCTS, &[JSON], twice).expect(201)["name"], "last");
    let nul = r#"{"name": "a\u0000b", "description": "a", "merchantId": "org_a"}"#;
    assert_eq!(api.raw("POST", PRODUCTS, &[JSON], nul.as_bytes()).expect(201)["name"], "a\u{0}b");
}

#[test]
fn compressed_bodies_are_refused_before_anything_is_unpacked() {
    let api = api();
    let digest = || api.get("/_leapday/world")["digest"].clone();
    let before = digest();
    for path in [PRODUCTS, "/_leapday/world/import"] {
        for coding in ["gzip", "deflate", "br", "gzip, gzip"] {
            let answer = api.raw("POST", path, &[JSON, ("content-encoding", coding)], b"\x1f\x8b\x08\0\0\0\0\0");
            assert_eq!(answer.status, 415, "{coding} {path}: {}", answer.body);
        }
    }
    assert_eq!(digest(), before);
    let plain = [JSON, ("content-encoding", "identity")];
    assert_eq!(api.raw("POST", PRODUCTS, &plain, product("A").as_bytes()).status, 201);
}

/// Sends bytes and reads all that comes back until the server closes.
fn talk(base: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may be refused before all of it is sent.
    let _ = stream.write_all(bytes.as_bytes());
    let mut said = Vec::new();
    // A reset, where the server does not read what is left, is an end too.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// What one server takes for a body and another for the next request.
#[test]
fn no_request_is_smuggled_in_another() {
    let sandbox = impatient();
    let base = sandbox.base_url();
    let body = product("A");
    let length = body.len();
    let inner = format!("{}content-length: {length}\r\n\r\n{body}", head("POST", PRODUCTS));
    let both = "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let heads = [
        both.to_owned(),
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n".to_owned(),
        "content-length: 5\r\ncontent-length: 6\r\n\r\n{}   ".to_owned(),
        "content-length: +5\r\n\r\n{}   ".to_owned(),
        "content-length: 5, 5\r\n\r\n{}   ".to_owned(),
        "content-length: -1\r\n\r\n".to_owned(),
        "content-length: 99999999999999999999\r\n\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\n-1\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_owned(),
        "transfer-encoding: chunked\r\n\r\n2\r\n{}X\r\n0\r\n\r\n".to_owned(),
        " folded: line\r\n\r\n".to_owned(),
        "x: a\rb\r\n\r\n".to_owned(),
        "x: \u{0}\r\n\r\n".to_owned(),
    ];
    for head_and_body in heads {
        let said = talk(base, &format!("{}{head_and_body}{inner}", head("POST", PRODUCTS)));
        assert!(!said.contains("HTTP/1.1 2"), "{head_and_body:?} let a second request in: {said}");
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{head_and_body:?}: {said}");
    }
    assert_eq!(Api::at(base, "sk_test_a").rows("/v0/products").len(), 1, "nothing was made");
    serves(base);
}

#[test]
fn bodies_that_are_too_large_are_refused_whether_they_say_so_or_not() {
    let sandbox = Sandbox::builder().strict(true).options(|options| options.max_body = 1_000).start().unwrap();
    let base = sandbox.base_url();
    let large = " ".repeat(100_000);
    let mut wire = Wire::open(base);
    for request in [
        format!("content-length: {}\r\n\r\n{large}", large.len()),
        format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len()),
    ] {
        wire.raw(format!("{}{request}", head("POST", PRODUCTS)).as_bytes());
        assert_eq!(wire.read().status, 413);
        // The connection is as good as before.
        assert_eq!(wire.send("GET", PRODUCTS, Some("sk_test_a"), None).status, 200);
    }
}

#[test]
fn a_body_without_end_is_read_for_a_while_and_not_kept() {
    let server = Server::start(&["--max-body", "1000"]);
    serves(&server.url);
    let before = status_of(server.pid, "VmHWM") * 1024;
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(format!("{}transfer-encoding: chunked\r\n\r\n", head("POST", PRODUCTS)).as_bytes()).unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    // 64 MB are dropped, so that whoever sends less reads the refusal.
    let taken = (0..200).find(|_| stream.write_all(chunk.as_bytes()).is_err());
    assert!(taken.is_some_and(|taken| taken >= 64), "{taken:?} MB were read");
    let grown = (status_of(server.pid, "VmHWM") * 1024).saturating_sub(before);
    assert!(grown < KEPT_MOST, "{} MB were kept", grown >> 20);
    serves(&server.url);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn a_journal_of_large_bodies_keeps_little_of_them() {
    let server = Server::start(&[]);
    let api = server.api();
    let body = vec![b' '; 1 << 20];
    api.raw("POST", PRODUCTS, &[JSON], &body).expect(400);
    let before = memory(&server);
    for _ in 0..150 {
        api.raw("POST", PRODUCTS, &[JSON], &body).expect(400);
    }
    let kept = api.get("/_leapday/journal?limit=1000")["requests"].as_array().unwrap().clone();
    assert_eq!(kept.len(), 151);
    assert!(kept.iter().all(|request| request["body"].as_str().is_some_and(|body| body.len() == 16 << 10)));
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < KEPT_MOST, "{} MB more than before", grown >> 20);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn floods_of_connect_are_refused_one_by_one() {
    let sandbox = impatient();
    for number in 0..300 {
        let said = talk(
            sandbox.base_url(),
            &format!("CONNECT evil{number}.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        );
        assert!(said.starts_with("HTTP/1.1 403"), "{said}");
    }
    let host = "a".repeat(60_000);
    let said =
        talk(sandbox.base_url(), &format!("CONNECT {host}:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    assert!(said.starts_with("HTTP/1.1 403") && said.len() < 2_000, "{} letters", said.len());
    serves(sandbox.base_url());
}

/// Whole worlds are large, and come in where no other body may be. What is none is refused, and forgotten.
#[test]
fn worlds_that_are_none_are_refused_and_leave_nothing() {
    let server = Server::start(&["--strict"]);
    let api = Api::at(&server.url, "sk_test_import");
    api.freeze("2028-01-31T00:00:00Z");
    let good = api.get("/_leapday/world/export");
    let with = |pointer: &str, value: Value| {
        let mut world = good.clone();
        *world.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        world
    };
    let rows = |row: Value| json!(vec![row; 100_000]);
    let none = [
        json!({ "world": vec![1; 1_000_000] }),
        with("/world/clocks", json!([])),
        with("/world/clocks", rows(json!({ "at": "2028-01-31T00:00:00Z", "ahead_ms": "x" }))),
        with("/world/events", rows(json!({}))),
        with(
            "/world/timers/queue",
            json!([[{ "clock": 7, "due": "2028-01-31T00:00:00Z", "sequence": 0 }, { "attempt": 0 }]]),
        ),
        with("/world/outbox/ready", json!([[0, 0]])),
        with("/world/outbox/held", json!([3])),
        with("/world/outbox/over", json!([4_294_967_295_u32])),
        with("/world/outbox/seed", json!("not hexadecimal")),
        json!({ "provider": "paylera", "world": good["world"] }),
    ];
    let before = memory(&server);
    for world in &none {
        let answer = api.refuses("POST", "/_leapday/world/import", world, 400);
        assert!(answer.body["message"].is_string());
    }
    // A million clocks that nobody uses are odd, and a world.
    let clocks = with("/world/clocks", rows(json!({ "at": "2028-01-31T00:00:00Z", "ahead_ms": null })));
    assert_eq!(api.post("/_leapday/world/import", &clocks).expect(200)["now"], "2028-01-31T00:00:00Z");
    api.post("/_leapday/world/import", &good).expect(200);
    assert_eq!(api.get("/_leapday/world")["digest"], good["digest"]);
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 300 << 20, "{} MB more than before", grown >> 20);
    assert_eq!(server.stop().0, 0);
}
