//! Webhooks: how fast they go out to one receiver on the second core, and what that costs whoever asks meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::load::{Keeper, Shot, connect, read_answer};
use crate::machine::{Server, median, now, on_core};

const DELIVERIES: usize = 10_000;
const ROUNDS: usize = 7;
/// How long the probe of an idle server runs, and how often it asks.
const IDLE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_micros(500);
/// How often it is asked whether all have arrived.
const LOOK: Duration = Duration::from_millis(2);

/// Each round makes ten thousand payments expire at one instant and lets the clock arrive before anything is sent, so
/// that sending alone is measured. The times of all rounds are taken together.
pub fn measure() {
    let receiver = Server::receiver();
    let (mut rates, mut idle, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let server = Server::leapday();
        let mut keeper = Keeper::new(&server);
        keeper.send("POST", "/_leapday/clock", r#"{"now":"2028-01-31T00:00:00Z"}"#);
        let payment = r#"{"amount":"9.99","currency":"USD","merchantId":"org_bench","expiresIn":"P1D"}"#;
        for _ in 0..DELIVERIES {
            keeper.send("POST", "/paygentic/v0/payments", payment);
        }
        let endpoint = json!({ "url": format!("http://{}/hook", receiver.address) });
        keeper.send("POST", "/_leapday/webhook-endpoints", &endpoint.to_string());
        let shot = Shot::new(&server, "GET", "/paygentic/v0/products?limit=1", "");
        let probe = Probe::start(&shot);
        std::thread::sleep(IDLE);
        idle.extend(probe.stop());
        keeper.send("POST", "/_leapday/clock/advance?deliver=burst", r#"{"by":"P1D"}"#);
        let (begun, started) = (arrived(&receiver), now());
        let probe = Probe::start(&shot);
        while arrived(&receiver) < round * DELIVERIES {
            std::thread::sleep(LOOK);
        }
        rates.push((round * DELIVERIES - begun) as f64 / started.elapsed().as_secs_f64());
        busy.extend(probe.stop());
        keeper.send("POST", "/_leapday/clock/advance", r#"{"by":"PT1S"}"#);
        let log = keeper.send("GET", "/_leapday/deliveries?status=succeeded&limit=1", "");
        assert_eq!(log["total"], DELIVERIES, "every delivery arrives");
    }
    println!("webhooks to one endpoint   {:.0}/s (target 5000)", median(&rates));
    let (idle, busy) = (Times::of(idle), Times::of(busy));
    println!("a read meanwhile           {busy}; idle {idle}; p99 {:.1} times (target 2)", busy.p99 / idle.p99);
}

/// How many webhooks the receiver has got in all.
fn arrived(receiver: &Server) -> usize {
    let count = receiver.send("GET", "/count", "");
    usize::try_from(count.as_u64().expect("a number")).expect("a count")
}

/// Answers' times in microseconds.
struct Times {
    p50: f64,
    p99: f64,
    samples: usize,
}

impl Times {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[times.len() * percent / 100];
        Self { p50: at(50), p99: at(99), samples: times.len() }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.0} us, p99 {:.0} us of {}", self.p50, self.p99, self.samples)
    }
}

/// A client on the second core that asks, waits a little, and asks again until it is told to stop.
struct Probe(Child);

impl Probe {
    fn start(shot: &Shot) -> Self {
        let me = std::env::current_exe().expect("this program's path");
        let mut command = on_core(1, me.to_str().expect("a path in UTF-8"));
        command.args(["probe", &shot.address, &shot.bytes]);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the probe runs"))
    }

    /// What each answer took, in microseconds.
    fn stop(mut self) -> Vec<f64> {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().expect("the probe ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
    }
}

/// The probe process.
pub fn probe(words: &[String]) {
    let [address, bytes] = words else { panic!("probe ADDRESS REQUEST") };
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Relaxed);
    });
    let mut stream = connect(address);
    let mut buffer = vec![0; 64 * 1024];
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let started = now();
        stream.write_all(bytes.as_bytes()).expect("a request is taken");
        read_answer(&mut stream, &mut buffer, true);
        times.push((started.elapsed().as_secs_f64() * 1e6).to_string());
        std::thread::sleep(PAUSE);
    }
    // The first ones open the connection and warm what is cold.
    println!("{}", times.get(10..).unwrap_or_default().join(" "));
}

/// The receiver process: counts what is posted, says 200, and tells the count to whoever asks.
pub fn receive() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("listening on http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        let count = Arc::clone(&count);
        std::thread::spawn(move || answer_all(stream, &count));
    }
}

fn answer_all(stream: TcpStream, count: &AtomicUsize) {
    stream.set_nodelay(true).expect("no delay");
    let mut reader = BufReader::new(stream);
    let mut body = Vec::new();
    while let Some((posted, length)) = read_head(&mut reader) {
        body.resize(length, 0);
        let got = count.fetch_add(usize::from(posted), Ordering::Relaxed).to_string();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{got}", got.len());
        if reader.read_exact(&mut body).is_err() || reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Whether it is a POST, and how long its body is.
fn read_head(reader: &mut BufReader<TcpStream>) -> Option<(bool, usize)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (posted, mut length) = (line.starts_with("POST"), 0);
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim_end().parse().expect("a length");
        }
    }
    Some((posted, length))
}
