//! The figures of `docs/performance.md` that are about Leapday alone, measured side by side in one run.
//!
//! `cargo bench` runs it. The servers (Leapday's own binary and a bare hyper server, which is this
//! program once more) run on the first core, the load on the second. The bare server does what nobody can
//! leave out: parse, validate with the same schema, keep the body's bytes in a `DashMap`, serialise. Rounds
//! alternate between the two, and the medians of the rounds are compared, because small machines are noisy.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on fails, and it prints what it measured"
)]

mod bare;
mod hooks;
mod load;
mod machine;
mod worlds;

use std::time::Duration;

use load::Shot;
use machine::{Server, median, pss_kib, rss_kib};
use serde_json::{Value, json};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(1500);
const CONNECTIONS: usize = 16;
/// Runs of a turn of the clock.
const BILLED: usize = 5;
const KEY: &str = "sk_test_bench";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("bare-server") => return bare::serve(words.get(2).map_or("0", String::as_str)),
        Some("receiver") => return hooks::receive(),
        Some("probe") => return hooks::probe(&words[2..]),
        Some("load") => return load::main(&words[2..]),
        _ => {}
    }
    machine::require_two_cores();
    // `cargo bench -- serving` measures one group only; cargo itself adds `--bench`.
    let wanted = |group: &str| words[1..].iter().all(|word| word.starts_with("--") || word == group);
    if wanted("start") {
        start_and_idle();
    }
    if wanted("serving") {
        serving();
    }
    if wanted("webhooks") {
        hooks::measure();
    }
    if wanted("worlds") {
        worlds::measure();
    }
    if wanted("billing") {
        billing();
    }
}

fn start_and_idle() {
    let times: Vec<f64> = (0..11)
        .map(|_| {
            let server = Server::leapday();
            let first = server.first_answer("GET", "/paygentic/v0/products", "");
            first.as_secs_f64() * 1e3
        })
        .collect();
    println!("start to first answer      {:.1} ms (median of {}; target 10)", median(&times), times.len());
    let server = Server::leapday();
    let _ = server.first_answer("GET", "/paygentic/v0/products", "");
    let (rss, pss) = (rss_kib(server.pid()) as f64 / 1024.0, pss_kib(server.pid()) as f64 / 1024.0);
    println!("idle memory                {rss:.1} MB RSS, {pss:.1} MB PSS (target 15)");
}

/// One kind of request at both servers.
struct Duel {
    name: &'static str,
    target: Option<f64>,
    leapday: Shot,
    bare: Shot,
}

fn serving() {
    let leapday = Server::leapday();
    let bare = Server::bare();
    let body = json!({
        "name": "Large Language Model Service",
        "description": "Access to language models for natural language tasks",
        "merchantId": "org_f9g0h1i2j3k4l5m6",
        "metadata": { "category": "ai_services", "tier": "enterprise" },
    })
    .to_string();
    let made: Value = leapday.send("POST", "/paygentic/v0/products", &body);
    let id = made["id"].as_str().expect("an id").to_owned();
    let kept: Value = bare.send("POST", "/products", &body);
    let kept = kept["id"].as_str().expect("an id").to_owned();
    let duels = [
        Duel {
            name: "read one",
            target: Some(0.85),
            leapday: Shot::new(&leapday, "GET", &format!("/paygentic/v0/products/{id}"), ""),
            bare: Shot::new(&bare, "GET", &format!("/products/{kept}"), ""),
        },
        // The hardest comparison there is: a server that only hands out bytes it was given.
        Duel {
            name: "read one, kept bytes",
            target: None,
            leapday: Shot::new(&leapday, "GET", &format!("/paygentic/v0/products/{id}"), ""),
            bare: Shot::new(&bare, "GET", &format!("/bytes/{kept}"), ""),
        },
        Duel {
            name: "create, validated",
            target: Some(0.8),
            leapday: Shot::new(&leapday, "POST", "/paygentic/v0/products", &body),
            bare: Shot::new(&bare, "POST", "/products", &body),
        },
    ];
    for duel in duels {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            theirs.push(load::run(&duel.bare, ROUND, CONNECTIONS));
            ours.push(load::run(&duel.leapday, ROUND, CONNECTIONS));
        }
        let (ours, theirs) = (median(&ours), median(&theirs));
        let target = duel.target.map(|target| format!("; target {target}")).unwrap_or_default();
        let ratio = ours / theirs;
        println!("{:<26} {ratio:.2} of bare hyper ({ours:.0}/s against {theirs:.0}/s{target})", duel.name);
    }
}

/// A test clock turned far, with many subscriptions on it.
struct Turn {
    subscriptions: usize,
    months: usize,
    /// Invoices a second.
    target: Option<f64>,
}

fn billing() {
    let turns = [
        Turn { subscriptions: 10_000, months: 24, target: None },
        Turn { subscriptions: 100_000, months: 12, target: Some(300_000.0) },
    ];
    for turn in turns {
        bill(&turn);
    }
}

/// Says the median of some runs, each with a server of its own.
fn bill(turn: &Turn) {
    let Turn { subscriptions, months, target } = *turn;
    let (seconds, bytes): (Vec<f64>, Vec<f64>) = (0..BILLED).map(|_| billed(turn)).unzip();
    let (took, each) = (median(&seconds), median(&bytes));
    let rate = |seconds: f64| (subscriptions * months) as f64 / seconds;
    let (rate, best) = (rate(took), seconds.iter().copied().map(rate).fold(0.0, f64::max));
    let target = target.map(|target| format!("{target:.0}/s, ")).unwrap_or_default();
    let what = format!("{subscriptions} subs x {months} months");
    println!(
        "{what:<26} {took:.2} s, {rate:.0} invoices/s (best {best:.0}), {each:.0} bytes each (medians of {BILLED}; targets {target}700)"
    );
}

/// Seconds that a turn of the clock took, and bytes that it left for each invoice.
fn billed(turn: &Turn) -> (f64, f64) {
    let Turn { subscriptions, months, .. } = *turn;
    let server = Server::leapday();
    let clock = server.send("POST", "/paygentic/v0/testClocks", r#"{"currentTime":"2028-01-31T00:00:00Z"}"#);
    let clock = clock["id"].as_str().expect("a clock").to_owned();
    let plan = monthly_plan(&server);
    let mut shots = load::Keeper::new(&server);
    for n in 0..subscriptions {
        let subscription = json!({
            "name": "Seat", "planId": plan, "startedAt": "2028-01-31T00:00:00Z", "testClockId": clock,
            "customer": { "name": format!("Customer {n}"), "email": format!("c{n}@example.com"),
                          "address": { "country": "US", "state": "CA", "zipCode": "94105" } },
        });
        let made = shots.send("POST", "/paygentic/v0/subscriptions", &subscription.to_string());
        let invoice = made["payment"]["invoiceId"].as_str().expect("an invoice");
        let pay = format!("/paygentic/v2/invoices/{invoice}/payment");
        shots.send("POST", &pay, r#"{"method":"out_of_band"}"#);
    }
    let before = rss_kib(server.pid());
    let started = machine::now();
    let by = format!(r#"{{"advanceBy":"P{months}M"}}"#);
    shots.send("PATCH", &format!("/paygentic/v0/testClocks/{clock}"), &by);
    let took = started.elapsed().as_secs_f64();
    let grown = rss_kib(server.pid()).saturating_sub(before);
    let issued = shots.send("GET", "/paygentic/v2/invoices?status=ISSUED&limit=1", "");
    let invoices = issued["pagination"]["total"].as_u64().expect("a total");
    assert_eq!(invoices, (subscriptions * months) as u64, "every subscription has a renewal a month");
    (took, grown as f64 * 1024.0 / invoices as f64)
}

fn monthly_plan(server: &Server) -> String {
    let make = |path: &str, body: Value| {
        let made = server.send("POST", &format!("/paygentic/v0/{path}"), &body.to_string());
        made["id"].as_str().unwrap_or_else(|| panic!("{path}: {made}")).to_owned()
    };
    let merchant = "org_bench";
    let product = make("products", json!({ "name": "P", "description": "p", "merchantId": merchant }));
    let fee = make("fees", json!({ "name": "F", "description": "f", "merchantId": merchant, "productId": product }));
    let price = make(
        "prices",
        json!({ "invoiceDisplayName": "Platform", "paymentTerm": "in_advance", "feeId": fee,
                "billingCadence": "P1M", "properties": { "unitPrice": "49.90" } }),
    );
    make(
        "plans",
        json!({ "name": "Monthly", "currency": "USD", "merchantId": merchant, "productId": product,
                "prices": [price], "defaultTaxRate": 8.5 }),
    )
}
