//! Worlds as values: what a preview, a snapshot and a fork cost where there is much to copy.

use serde_json::{Value, json};

use crate::load::Keeper;
use crate::machine::{Server, median, now};
use crate::monthly_plan;

const SUBSCRIPTIONS: usize = 1_000;
const START: &str = "2028-01-31T00:00:00Z";
const ROUNDS: usize = 51;

pub fn measure() {
    let server = Server::leapday();
    let mut shots = Keeper::new(&server);
    shots.send("POST", "/_leapday/clock", &json!({ "now": START }).to_string());
    let plan = monthly_plan(&server);
    for n in 0..SUBSCRIPTIONS {
        let subscription = json!({
            "name": "Seat", "planId": plan, "startedAt": START,
            "customer": { "name": format!("Customer {n}"), "email": format!("c{n}@example.com"),
                          "address": { "country": "US", "state": "CA", "zipCode": "94105" } },
        });
        let made = shots.send("POST", "/paygentic/v0/subscriptions", &subscription.to_string());
        let invoice = made["payment"]["invoiceId"].as_str().expect("an invoice");
        shots.send("POST", &format!("/paygentic/v2/invoices/{invoice}/payment"), r#"{"method":"out_of_band"}"#);
    }
    let mut timed = |rounds: usize, what: &mut dyn FnMut(usize) -> (String, Value)| {
        let times: Vec<f64> = (0..rounds)
            .map(|round| {
                let (path, body) = what(round);
                let started = now();
                shots.send("POST", &path, &body.to_string());
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        median(&times)
    };
    let preview = || ("/_leapday/clock/advance?limit=1".to_owned(), json!({ "by": "P12M", "dry_run": true }));
    let took = timed(7, &mut |_| preview());
    println!("preview of 12 months       {took:.0} ms for 1,000 subscriptions (median of 7; target 300)");
    timed(1, &mut |_| ("/_leapday/clock/advance?limit=1".to_owned(), json!({ "by": "P60M" })));
    let snapshot =
        timed(ROUNDS, &mut |round| ("/_leapday/world/snapshots".to_owned(), json!({ "name": format!("s{round}") })));
    let fork = timed(ROUNDS, &mut |round| {
        ("/_leapday/world/fork".to_owned(), json!({ "key": format!("sk_test_fork{round}") }))
    });
    let invoices = shots.send("GET", "/paygentic/v2/invoices?limit=1", "")["pagination"]["total"].as_u64();
    let invoices = invoices.expect("a total");
    assert!(invoices * 2 > 100_000, "each invoice has a line");
    println!(
        "snapshot                   {snapshot:.2} ms, fork {fork:.2} ms with {invoices} invoices and as many lines \
         (medians of {ROUNDS}; target 1)"
    );
}
