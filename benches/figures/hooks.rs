//! Webhooks: how fast they go out to one receiver on the second core, and what that costs whoever asks meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::load::{Keeper, Shot};
use crate::machine::{Server, median, now, on_core};

const DELIVERIES: usize = 10_000;
const ROUNDS: usize = 5;
/// How long the probe of an idle server runs, and how often it asks.
const IDLE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

pub fn measure() {
    let receiver = Server::receiver();
    let (mut rates, mut idle, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
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
        idle.push(probe.stop());
        let probe = Probe::start(&shot);
        let started = now();
        // It settles: the answer comes when the last delivery has been answered.
        keeper.send("POST", "/_leapday/clock/advance", r#"{"by":"P1D"}"#);
        rates.push(DELIVERIES as f64 / started.elapsed().as_secs_f64());
        busy.push(probe.stop());
        let log = keeper.send("GET", "/_leapday/deliveries?status=succeeded&limit=1", "");
        assert_eq!(log["total"], DELIVERIES, "every delivery arrives");
    }
    println!("webhooks to one endpoint   {:.0}/s (target 5000)", median(&rates));
    let of = |times: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| median(&times.iter().map(pick).collect::<Vec<_>>());
    println!(
        "a read meanwhile           p50 {:.0} us, p99 {:.0} us; idle {:.0} and {:.0}; p99 {:.1} times (target 2)",
        of(&busy, |times| times.0),
        of(&busy, |times| times.1),
        of(&idle, |times| times.0),
        of(&idle, |times| times.1),
        of(&busy, |times| times.1) / of(&idle, |times| times.1),
    );
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

    /// Median and 99th percentile in microseconds.
    fn stop(mut self) -> (f64, f64) {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().expect("the probe ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = text.split_whitespace().map(|word| word.parse().expect("a number"));
        (numbers.next().expect("a median"), numbers.next().expect("a percentile"))
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
    let mut stream = crate::load::connect(address);
    let mut buffer = vec![0; 64 * 1024];
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let started = now();
        stream.write_all(bytes.as_bytes()).expect("a request is taken");
        crate::load::read_answer(&mut stream, &mut buffer, true);
        times.push(started.elapsed().as_secs_f64() * 1e6);
        std::thread::sleep(PAUSE);
    }
    times.sort_by(f64::total_cmp);
    println!("{} {}", times[times.len() / 2], times[times.len() * 99 / 100]);
}

/// The receiver process: reads a request, says 200.
pub fn receive() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("listening on http://{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer_all(stream));
    }
}

fn answer_all(stream: TcpStream) {
    stream.set_nodelay(true).expect("no delay");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut body = Vec::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim_end().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        body.resize(length, 0);
        if reader.read_exact(&mut body).is_err()
            || reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err()
        {
            return;
        }
    }
}
