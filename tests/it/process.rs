//! The binary itself: what it prints, how it starts, refuses to start, and ends.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

use crate::support::{Api, Wire, text};

/// How long a process may take over anything before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
const PRODUCTS: &str = "/paygentic/v0/products";

/// The command, in an environment that says nothing about ports or flags.
fn leapday(args: &[&str], env: &[(&str, &str)]) -> Command {
    command(env!("CARGO_BIN_EXE_leapday"), args, env)
}

fn command(program: &str, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LEAPDAY_") || name == "PORT") {
        command.env_remove(name);
    }
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command that ends by itself leaves: exit code, standard output, standard error.
pub fn run(args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let child = leapday(args, env).spawn().expect("the binary starts");
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let output = ended.recv_timeout(PATIENCE).expect("a command that ends").expect("its output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A running server.
pub struct Server {
    child: Option<Child>,
    /// Read as it comes: a pipe that nobody empties would stop the server.
    log: Option<JoinHandle<String>>,
    pub pid: u32,
    out: BufReader<ChildStdout>,
    pub banner: Vec<String>,
    pub url: String,
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[("LEAPDAY_PORT", "0")])
    }

    pub fn start_with(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::running(leapday(args, env))
    }

    /// One that may open few files, unless it asks for more.
    pub fn with_few_files() -> Self {
        let few = "ulimit -Sn 256 && exec \"$0\"";
        Self::running(command("sh", &["-c", few, env!("CARGO_BIN_EXE_leapday")], &[("LEAPDAY_PORT", "0")]))
    }

    fn running(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut errors = child.stderr.take().expect("its errors");
        let log = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = errors.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let mut banner = Vec::new();
        let url = loop {
            let mut line = String::new();
            let read = out.read_line(&mut line).expect("a line");
            assert!(read > 0, "{command:?} did not start: {}", log.join().expect("its errors"));
            let line = line.trim_end().to_owned();
            banner.push(line.clone());
            if let Some(url) = line.strip_prefix("listening on ") {
                break url.to_owned();
            }
        };
        Self { pid: child.id(), child: Some(child), log: Some(log), out, banner, url }
    }

    pub fn api(&self) -> Api {
        Api::at(&self.url, "sk_test_process")
    }

    pub fn banner(&self) -> &[String] {
        &self.banner
    }

    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid);
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Waits for the end: exit code, what was printed behind the banner, and the log.
    pub fn end(mut self) -> (i32, String, String) {
        let mut child = self.child.take().expect("runs");
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || done.send(child.wait()));
        let status = ended.recv_timeout(PATIENCE).expect("the server ends").expect("its status");
        let log = self.log.take().expect("runs").join().expect("its log");
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("what is left");
        (status.code().unwrap_or(-1), rest, log)
    }

    pub fn stop(self) -> (i32, String, String) {
        self.signal("TERM");
        self.end()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A path for a file that this test alone writes.
pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("leapday-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("endpoints.json")
}

#[test]
fn the_banner_ends_with_the_url_and_nothing_follows() {
    let server = Server::start(&[]);
    let port = server.url.strip_prefix("http://127.0.0.1:").expect("a URL on this machine");
    assert!(port.parse::<u16>().is_ok_and(|port| port > 0), "{port}");
    assert!(server.banner[0].starts_with("leapday "), "{:?}", server.banner);
    assert!(server.banner.iter().any(|line| line.contains("/_leapday")), "{:?}", server.banner);
    server.api().get("/v0/products");
    let (code, rest, log) = server.stop();
    assert_eq!((code, rest.as_str()), (0, ""), "{log}");
}

#[test]
fn the_endpoints_file_is_whole_once_it_is_there() {
    let path = scratch("endpoints");
    let flag = path.to_str().unwrap();
    let place = path.clone();
    let (stop, stopped) = mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        while stopped.try_recv().is_err() {
            if let Ok(text) = std::fs::read_to_string(&place) {
                assert!(serde_json::from_str::<Value>(&text).is_ok(), "half a file: {text:?}");
            }
            std::thread::yield_now();
        }
    });
    for _ in 0..3 {
        let server = Server::start(&["--port", "0", "--endpoints-file", flag]);
        let file: Value = serde_json::from_slice(&std::fs::read(&path).expect("there before the banner")).unwrap();
        assert_eq!(file["pid"], server.pid);
        assert_eq!(file["base_url"], server.url);
        assert_eq!(file["control"], format!("{}/_leapday", server.url));
        assert_eq!(file["providers"]["paygentic"], format!("{}/paygentic", server.url));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        assert_eq!(server.stop().0, 0);
    }
    stop.send(()).unwrap();
    watcher.join().expect("only whole files");
    let (code, _, said) = run(&["--port", "0", "--endpoints-file", "/nowhere/at/all.json"], &[]);
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("--endpoints-file"), "{said}");
}

#[test]
fn health_tells_by_its_exit_code() {
    let server = Server::start(&[]);
    let (code, out, _) = run(&["health", "--url", &server.url], &[]);
    assert_eq!(code, 0);
    assert!(out.starts_with("ok"), "{out}");
    let port = server.url.rsplit(':').next().unwrap();
    assert_eq!(run(&["health", "--wait", "--port", port], &[]).0, 0);
    assert_eq!(run(&["health"], &[("LEAPDAY_URL", &server.url)]).0, 0);
    assert_eq!(run(&["health"], &[("PORT", port)]).0, 0, "where the platform says the port, the probe heeds it too");
    assert_eq!(run(&["health"], &[("LEAPDAY_PORT", port), ("PORT", "1")]).0, 0);
    let url = server.url.clone();
    assert_eq!(run(&["health", "--url", &format!("{url}/")], &[]).0, 0);
    assert_eq!(server.stop().0, 0);
    for args in [&["health", "--url", &url][..], &["health", "--url", &url, "--wait", "--timeout", "1"]] {
        let (code, _, said) = run(args, &[]);
        assert_eq!((code, said.lines().count()), (1, 1), "{args:?}: {said}");
        assert!(said.contains(&url), "{said}");
    }
}

#[test]
fn either_signal_ends_it_at_once_whatever_connections_idle() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&["--shutdown-timeout", "60"]);
        let mut idle = Wire::open(&server.url);
        assert_eq!(idle.send("GET", "/health", None, None).status, 200);
        // One that never says anything, and one that is known to be accepted since a later one is served.
        let _silent = Wire::open(&server.url);
        assert_eq!(Wire::open(&server.url).send("GET", "/health", None, None).status, 200);
        server.signal(signal);
        let (code, _, log) = server.end();
        assert_eq!(code, 0, "{signal} {log}");
        assert!(idle.is_closed());
    }
}

/// Sends the head of a request and waits until the server asks for its body.
fn begin(server: &Server, length: usize) -> Wire {
    let mut wire = Wire::open(&server.url);
    let head = format!(
        "POST {PRODUCTS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk_test_a\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    );
    wire.raw(head.as_bytes());
    assert_eq!(wire.line().trim_end(), "HTTP/1.1 100 Continue");
    assert_eq!(wire.line().trim_end(), "");
    wire
}

#[test]
fn a_request_in_flight_is_finished_before_the_end() {
    let server = Server::start(&["--shutdown-timeout", "60"]);
    let body = json!({ "name": "A", "description": "a", "merchantId": "org_a" }).to_string();
    let mut wire = begin(&server, body.len());
    server.signal("TERM");
    // From then on nobody else is let in.
    let authority = server.url.strip_prefix("http://").unwrap();
    while std::net::TcpStream::connect(authority).is_ok() {
        std::thread::yield_now();
    }
    wire.raw(body.as_bytes());
    let answer = wire.line();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.end().0, 0);
}

#[test]
fn a_request_that_never_ends_does_not_hold_it_back() {
    let server = Server::start(&["--shutdown-timeout", "1"]);
    let mut wire = begin(&server, 100);
    wire.raw(b"{");
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
}

/// Arguments, variables, and a word of what would be right.
type Wrong<'a> = (Vec<&'a str>, Vec<(&'a str, &'a str)>, &'a str);

#[test]
fn wrong_values_stop_the_start_with_one_line_that_says_what_is_right() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port().to_string();
    let file = scratch("worlds");
    std::fs::write(&file, "{").unwrap();
    let torn = file.to_str().unwrap().to_owned();
    let refused = file.with_file_name("refused.json");
    std::fs::write(&refused, r#"{"paygentic":[{"call":"createProduct","body":{}}]}"#).unwrap();
    let refused = refused.to_str().unwrap().to_owned();
    let cases: Vec<Wrong<'_>> = vec![
        (vec!["--port", "abc"], vec![], "0 to 65535"),
        (vec!["--port", "65536"], vec![], "0 to 65535"),
        (vec!["serve", "--port=-1"], vec![], "0 to 65535"),
        (vec![], vec![("LEAPDAY_PORT", "abc")], "0 to 65535"),
        (vec![], vec![("PORT", "99999")], "0 to 65535"),
        (vec!["health"], vec![("PORT", "99999")], "0 to 65535"),
        (vec!["--port", &taken], vec![], "--port 0"),
        (vec!["--world", "strater"], vec![], "starter"),
        (vec!["--world", &torn], vec![], "JSON"),
        (vec!["--world", &refused], vec![], "Step 1"),
        (vec!["--public-url", "foo"], vec![], "http://"),
        (vec!["--webhook-url", "localhost:3000"], vec![], "http://127.0.0.1:3000/webhooks"),
        (vec!["--webhook-url", "http://localhost", "--webhook-secret", "hunter2"], vec![], "whsec_"),
        (vec!["--webhook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], vec![], "--webhook-url"),
        (vec!["--log-format", "xml"], vec![], "json"),
        (vec!["--random-seed", "x"], vec![], "--random-seed"),
        (vec!["--max-body=-5"], vec![], "max-body"),
        (vec!["--state", &torn, "--state-every", "soon"], vec![], "30s"),
        (vec!["--state-every", "5s"], vec![], "--state"),
        (vec!["--state", "/nowhere/at/all.json"], vec![], "cannot be written"),
        (vec!["--host", ""], vec![], "--host"),
        (vec!["--host", "nowhere.invalid"], vec![], "nowhere.invalid"),
        (vec!["--prot", "1"], vec![], "--port"),
        (vec!["sevre"], vec![], "serve"),
        (vec!["-q", "-v"], vec![], "--verbose"),
        (vec![], vec![("LEAPDAY_STRICT", "maybe")], "true"),
        (vec!["--max-rows", "many"], vec![], "--max-rows"),
        (vec!["--idle-expiry", "soon"], vec![], "12h"),
        (vec!["--idle-expiry", "0s"], vec![], "12h"),
        (vec!["--admin-token", "short"], vec![], "8 to 200"),
        (vec!["--admin-token", "correct-horse", "--open-control"], vec![], "contradict"),
        (vec!["health", "--url", "https://localhost"], vec![], "http://"),
        (vec!["clock", "advance", "soon"], vec![], "P1M"),
        (vec!["completions", "cmd"], vec![], "bash"),
    ];
    for (args, env, right) in cases {
        let mut env = env;
        if !args.contains(&"--port") && !env.iter().any(|(name, _)| name.ends_with("PORT")) {
            env.push(("LEAPDAY_PORT", "0"));
        }
        let (code, out, said) = run(&args, &env);
        assert_ne!(code, 0, "{args:?} {env:?}");
        assert_eq!(said.lines().count(), 1, "{args:?} {env:?}: {said}");
        assert!(said.starts_with("leapday: ") && said.contains(right), "{args:?} {env:?}: {said}");
        assert!(!out.contains("listening"), "{args:?} {env:?}: {out}");
    }
}

#[test]
fn every_flag_is_an_environment_variable_and_the_flag_wins() {
    let path = scratch("env");
    let file = path.to_str().unwrap();
    let state = path.with_file_name("state.json").display().to_string();
    let server = Server::start_with(
        &["--random-seed", "9"],
        &[
            ("LEAPDAY_PORT", "0"),
            ("PORT", "1"),
            ("LEAPDAY_HOST", "localhost"),
            ("LEAPDAY_ENDPOINTS_FILE", file),
            ("LEAPDAY_PUBLIC_URL", "https://pay.example/"),
            ("LEAPDAY_WORLD", "empty"),
            ("LEAPDAY_RANDOM_SEED", "7"),
            ("LEAPDAY_STRICT", "1"),
            ("LEAPDAY_EXPLAIN", "true"),
            ("LEAPDAY_ALLOW_LIVE_KEYS", "yes"),
            ("LEAPDAY_LOG_FORMAT", "json"),
            ("LEAPDAY_VERBOSE", "1"),
            ("LEAPDAY_MAX_BODY", "1000"),
            ("LEAPDAY_MAX_WORLDS", "2"),
            ("LEAPDAY_MAX_ROWS", "1000"),
            ("LEAPDAY_MAX_EVENTS", "1000"),
            ("LEAPDAY_IDLE_EXPIRY", "PT12H"),
            ("LEAPDAY_ADMIN_TOKEN", "correct-horse"),
            ("LEAPDAY_OPEN_CONTROL", "0"),
            ("LEAPDAY_TIMERS_PER_ADVANCE", "10"),
            ("LEAPDAY_SHUTDOWN_TIMEOUT", "1"),
            ("LEAPDAY_STATE", &state),
            ("LEAPDAY_STATE_EVERY", "0"),
            ("LEAPDAY_STANDALONE_PAGES", "1"),
            ("LEAPDAY_RATE_LIMITS", "1"),
            ("LEAPDAY_WEBHOOK_URL", "http://127.0.0.1:1/hook"),
            ("LEAPDAY_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ],
    );
    let hooks = "http://127.0.0.1:1/hook   secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert!(server.banner.iter().any(|line| line.ends_with(hooks)), "{:?}", server.banner);
    assert!(
        server.banner.iter().any(|line| line.contains("LEAPDAY_*") && line.ends_with("random seed 9")),
        "{:?}",
        server.banner
    );
    assert!(path.exists());
    let api = Api::at(&server.url, "sk_live_real");
    assert!(api.rows("/v0/products").is_empty(), "the world is empty");
    assert!(api.post("/v0/products", &json!({})).expect(400)["leapday"]["violations"].is_array());
    assert_eq!(api.get("/_leapday/clock")["provider"], "paygentic");
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"][0]["url"], "http://127.0.0.1:1/hook");
    let large = json!({ "name": "x".repeat(2000), "description": "d", "merchantId": "org_a" });
    api.post("/v0/products", &large).expect(413);
    api.with_key("sk_test_b").get("/v0/products");
    api.with_key("sk_test_c").send("GET", "/v0/products", &Value::Null).expect(503);
    let (code, _, log) = server.stop();
    assert_eq!(code, 0);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a log of JSON")).collect();
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"), "{log}");
}

#[test]
fn switches_are_off_where_the_environment_says_so_and_quiet_is_quiet() {
    let off = [
        ("LEAPDAY_PORT", "0"),
        ("LEAPDAY_QUIET", "1"),
        ("LEAPDAY_EXPLAIN", "0"),
        ("LEAPDAY_ALLOW_LIVE_KEYS", "false"),
        ("LEAPDAY_STRICT", ""),
    ];
    let server = Server::start_with(&[], &off);
    assert_eq!(server.banner.len(), 1, "{:?}", server.banner);
    assert!(server.api().post("/v0/products", &json!({})).expect(400).get("leapday").is_none());
    Api::at(&server.url, "sk_live_a").send("GET", "/v0/products", &Value::Null).expect(401);
    let (code, _, log) = server.stop();
    assert_eq!((code, log.as_str()), (0, ""));
    let loud = Server::start_with(&["-v"], &[("LEAPDAY_PORT", "0"), ("LEAPDAY_QUIET", "0")]);
    assert!(loud.banner.len() > 1, "{:?}", loud.banner);
}

#[test]
fn the_other_commands_print_what_they_promise() {
    let (code, out, _) = run(&["operations", "--json"], &[]);
    assert_eq!(code, 0);
    let table: Value = serde_json::from_str(&out).unwrap();
    let paygentic = table["paygentic"].as_array().expect("its operations");
    let told = |row: &Value| row["id"].is_string() && row["built"].is_boolean() && row["contract"].is_string();
    assert!(paygentic.iter().all(told));
    assert_eq!(paygentic[0]["decisions"], "docs/fidelity.md#paygentic-products");
    let built = paygentic.iter().filter(|row| row["built"] == true).count();
    let (code, out, _) = run(&["operations"], &[]);
    assert_eq!(code, 0);
    assert!(out.contains(&format!("paygentic: {} operations, {built} built", paygentic.len())), "{out}");
    assert_eq!(run(&["check"], &[]).0, 0);
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell], &[]);
        assert!(code == 0 && out.contains("leapday"), "{shell}");
    }
    let (code, out, _) = run(&["--version"], &[]);
    assert_eq!((code, out.trim_end()), (0, concat!("leapday ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(run(&["--help"], &[]).0, 0);
}

#[test]
fn the_clock_command_turns_the_clock_of_a_key() {
    let server = Server::start(&[]);
    let at = ["--key", "sk_test_clock", "--url", server.url.as_str()];
    let clock = |words: &[&str]| run(&[&["clock"], words, &at].concat(), &[]);
    let (code, out, said) = clock(&["set", "2099-01-31T00:00:00Z"]);
    assert_eq!((code, out.trim_end()), (0, "2099-01-31T00:00:00Z (frozen)"), "{said}");
    let (code, out, _) = clock(&["advance", "P1M"]);
    assert!(code == 0 && out.starts_with("2099-01-31T00:00:00Z -> 2099-02-28T00:00:00Z"), "{out}");
    let (code, out, _) = clock(&["show", "--json"]);
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, text(&shown, "now")), (0, "2099-02-28T00:00:00Z"));
    assert_eq!(Api::at(&server.url, "sk_test_clock").get("/_leapday/clock")["now"], "2099-02-28T00:00:00Z");
    let (code, _, said) = clock(&["advance", "2098-01-01T00:00:00Z"]);
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("only moves forward"), "{said}");
    let (code, out, _) = clock(&["flow"]);
    assert!(code == 0 && out.contains("(flowing)"), "{out}");
}

/// A pair of key and secret is one key to the command line, and what went out on the way is listed.
#[test]
fn the_clock_command_takes_a_pair() {
    let server = Server::start(&[]);
    let at = ["--provider", "paymennt", "--key", "k:s", "--url", server.url.as_str()];
    let clock = |words: &[&str]| run(&[&["clock"], words, &at].concat(), &[]);
    assert_eq!(clock(&["set", "2028-01-31T09:00:00Z"]).0, 0);
    let body = json!({
        "description": "Cookies", "currency": "AED", "amount": 100, "startDate": "2028-01-31", "sendOnHour": 10,
        "customer": { "firstName": "A", "lastName": "B", "email": "a@example.com" }, "sendEvery": "DAY",
    });
    let headers = [("x-paymennt-api-key", "k"), ("x-paymennt-api-secret", "s"), ("content-type", "application/json")];
    let made =
        Api::at(&server.url, "").raw("POST", "/paymennt/mer/v2.0/subscription", &headers, body.to_string().as_bytes());
    assert_eq!(made.status, 200);
    let (code, out, said) = clock(&["advance", "P1D"]);
    assert!(
        code == 0 && out.contains("2028-01-31T10:00:00Z  subscription.payment_sent") && out.contains("100.00 AED"),
        "{out}{said}"
    );
    let (code, _, said) = run(&["clock", "show", "--provider", "paylara", "--url", &server.url], &[]);
    assert!(code == 2 && said.contains("paylera, paymennt"), "{said}");
}

#[test]
fn the_authority_of_certificates_is_printed_and_kept() {
    let folder = scratch("ca");
    let ca = |words: &[&str]| run(&[&["ca", "--ca-dir", folder.to_str().unwrap()], words].concat(), &[]);
    let (code, pem, said) = ca(&[]);
    assert!(code == 0 && pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("KEY"), "{said}");
    assert_eq!(ca(&[]).1, pem);
    let (_, path, _) = ca(&["--path"]);
    assert_eq!(std::fs::read_to_string(path.trim_end()).unwrap().trim_end(), pem.trim_end());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn http_2_with_prior_knowledge_is_spoken() {
    let server = Server::start(&[]);
    let authority = server.url.strip_prefix("http://").unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..3 {
            let request = http::Request::get(format!("http://{authority}{PRODUCTS}"))
                .header("authorization", "Bearer sk_test_h2");
            let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
            let body: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
            assert!(body["data"].is_array());
        }
    });
    assert_eq!(server.stop().0, 0);
}

#[test]
fn one_connection_serves_many_requests_and_pipelines_them() {
    let server = Server::start(&[]);
    let mut wire = Wire::open(&server.url);
    for _ in 0..20 {
        wire.write("GET", PRODUCTS, Some("sk_test_a"), None);
    }
    for _ in 0..20 {
        let answer = wire.read();
        assert_eq!(answer.status, 200);
        assert!(!answer.head.to_ascii_lowercase().contains("connection: close"), "{}", answer.head);
    }
    // A refusal does not cost the connection either.
    assert_eq!(wire.send("POST", PRODUCTS, Some("sk_test_a"), Some(b"{")).status, 400);
    assert_eq!(wire.send("GET", PRODUCTS, Some("sk_test_a"), None).status, 200);
}

#[test]
fn the_public_url_stands_in_answers() {
    let server = Server::start(&["--public-url", "https://pay.example/sandbox/"]);
    let api = server.api();
    let payment = json!({
        "merchantId": "org_leapday", "customerId": api.customer("a@example.com"), "amount": "5.00", "currency": "USD",
    });
    let payment = api.create("/v0/payments", &payment);
    assert!(text(&payment, "paymentUrl").starts_with("https://pay.example/sandbox/paygentic/"), "{payment:#}");
    let wanted = json!({
        "name": "S", "planId": "plan_starterMonthly", "customerId": api.customer("b@example.com"),
        "startedAt": "2028-01-31T00:00:00Z", "testClockId": api.clock("2028-01-31T00:00:00Z"),
    });
    let subscription = api.create("/v0/subscriptions", &wanted);
    let url = text(&subscription["payment"], "checkoutUrl");
    assert!(url.starts_with("https://pay.example/sandbox/paygentic/"), "{url}");
    assert_eq!(api.raw("GET", "/", &[], b"").body["providers"]["paygentic"], "https://pay.example/sandbox/paygentic");
}

#[test]
fn bounds_are_told_where_they_are_met() {
    let server = Server::start(&["--max-body", "500", "--max-worlds", "2", "--timers-per-advance", "10"]);
    let api = server.api();
    let large = json!({ "name": "x".repeat(1000), "description": "d", "merchantId": "org_a" });
    assert!(text(&api.post("/v0/products", &large).expect(413), "message").contains("--max-body"));
    let customer = api.customer("a@example.com");
    api.with_key("sk_test_second").get("/v0/products");
    let third = api.with_key("sk_test_third").send("GET", "/v0/products", &Value::Null).expect(503);
    assert!(text(&third, "message").contains("--max-worlds"), "{third:#}");
    api.save_card(&customer, "4242424242424242");
    let start = "2028-01-31T00:00:00Z";
    let clock = api.clock(start);
    api.subscribe("plan_starterMonthly", &customer, &clock, start, json!({ "autoCharge": true }));
    let before = api.events().len();
    let refused = api.patch(&format!("/v0/testClocks/{clock}"), &json!({ "advanceBy": "P5Y" })).expect(400);
    assert!(text(&refused, "message").contains("--timers-per-advance"), "{refused:#}");
    assert_eq!(api.get(&format!("/v0/testClocks/{clock}"))["currentTime"], start);
    assert_eq!(api.events().len(), before);
    let stopped = api.post("/_leapday/clock/advance", &json!({ "by": "P5Y", "clock": clock })).expect(200);
    assert_eq!(stopped["fired"], 10);
    assert!(text(&stopped["stopped"], "before") > text(&stopped, "now"), "{stopped:#}");
    assert!(text(&stopped["stopped"], "reason").contains("--timers-per-advance"), "{stopped:#}");
    assert_eq!(api.get(&format!("/v0/testClocks/{clock}"))["currentTime"], stopped["now"]);
    // Advancing again goes on from there.
    let again = api.post("/_leapday/clock/advance", &json!({ "by": "P5Y", "clock": clock })).expect(200);
    assert_eq!(again["from"], stopped["now"]);
    // The world's own clock has no answer that could say where it stopped: it refuses, and nothing moves.
    let other = api.customer("b@example.com");
    api.save_card(&other, "4242424242424242");
    api.post("/_leapday/clock", &json!({ "now": "2099-01-31T00:00:00Z" })).expect(200);
    let wanted = json!({
        "name": "S", "planId": "plan_starterMonthly", "customerId": other, "startedAt": "2099-01-31T00:00:00Z", "autoCharge": true,
    });
    api.create("/v0/subscriptions", &wanted);
    let refused = api.post("/_leapday/clock", &json!({ "now": "2109-01-31T00:00:00Z" })).expect(409);
    assert!(text(&refused, "message").contains("--timers-per-advance"), "{refused:#}");
    assert_eq!(api.get("/_leapday/clock")["now"], "2099-01-31T00:00:00Z");
}

#[test]
fn worlds_outlive_the_server_in_a_state_file() {
    let path = std::env::temp_dir().join(format!("leapday-state-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let file = path.display().to_string();
    let serve = ["serve", "--state", &file];
    let server = Server::start(&serve);
    let api = Api::at(&server.url, "sk_test_kept");
    api.freeze("2028-01-31T00:00:00Z");
    api.customer("ada@example.com");
    api.create("/_leapday/world/snapshots", &json!({ "name": "one-customer" }));
    api.customer("bob@example.com");
    let world = api.get("/_leapday/world");
    assert_eq!(server.stop().0, 0);
    let server = Server::start(&serve);
    let again = Api::at(&server.url, "sk_test_kept");
    assert_eq!(again.get("/_leapday/world"), world);
    let restored = again.post("/_leapday/world/snapshots/one-customer/restore", &Value::Null).expect(200);
    assert_eq!(restored["name"], "one-customer");
    assert_eq!(again.rows("/v0/customers?organizationId=org_shop").len(), 1);
    assert_eq!(server.stop().0, 0);
    // A file that is damaged stops the start, and is left as it is.
    let whole = std::fs::read_to_string(&path).unwrap();
    for (text, hint) in [
        (&whole[..whole.len() / 2], "not whole"),
        ("{}", "no list of worlds"),
        (r#"{"worlds": [{"provider": "nobody"}]}"#, "no provider"),
        (r#"{"worlds": [{"provider": "paygentic", "key": "sk_test_x", "world": {}}]}"#, "is no world"),
    ] {
        std::fs::write(&path, text).unwrap();
        let (code, _, complaint) = run(&["serve", "--port", "0", "--state", &file], &[]);
        assert!(code == 2 && complaint.contains(hint) && complaint.contains("--state"), "{code} {complaint}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::remove_file(&path).unwrap();
}
