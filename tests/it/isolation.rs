//! Worlds do not meet, writers of one world lose nothing, readers see whole states, and the same is always the same.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, fresh_key, text};

const CLIENTS: usize = 64;
const WRITERS: usize = 16;
const WRITES: usize = 25;

/// Runs `work` on so many threads that start together.
fn together<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    let (start, work) = (&start, &work);
    std::thread::scope(|scope| {
        let spawn = |n| {
            scope.spawn(move || {
                start.wait();
                work(n)
            })
        };
        let threads: Vec<_> = (0..threads).map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that finishes")).collect()
    })
}

/// One client's year: the ids of all that it made and all that time made of it.
fn year(api: &Api, n: usize) -> BTreeSet<String> {
    let start = format!("2028-{:02}-{:02}T00:00:00Z", n % 12 + 1, n % 28 + 1);
    let product = api.product();
    let price = api.fee_price(&product, &format!("{}.50", n + 1), "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let customer = api.customer("same@example.com");
    api.save_card(&customer, "4242424242424242");
    let clock = api.clock(&start);
    let subscription = api.subscribe(&plan, &customer, &clock, &start, json!({ "autoCharge": true }));
    let subscription = text(&subscription, "id").to_owned();
    api.advance(&clock, "P1Y");
    let invoices = api.invoices(&subscription);
    let closed: Vec<&Value> = invoices.iter().filter(|invoice| invoice["status"] == "PAID").collect();
    assert_eq!(closed.len(), 13, "client {n}");
    assert!(closed.iter().all(|invoice| text(invoice, "periodStart")[8..10] == start[8..10]), "client {n}");
    let all = api.rows("/v2/invoices");
    assert_eq!(all.len(), invoices.len(), "client {n} sees invoices that are not its own");
    assert_eq!(api.rows("/v0/subscriptions").len(), 1, "client {n}");
    let mut ids: BTreeSet<String> = all.iter().map(|invoice| text(invoice, "id").to_owned()).collect();
    ids.extend([product, price, plan, customer, clock, subscription]);
    ids
}

#[test]
fn parallel_clients_see_exactly_their_own_objects() {
    let shared = api();
    let keys: Vec<String> = (0..CLIENTS).map(|_| fresh_key()).collect();
    let years = together(CLIENTS, |n| year(&shared.with_key(&keys[n]), n));
    let distinct: BTreeSet<&String> = years.iter().flatten().collect();
    assert_eq!(distinct.len(), years.iter().map(BTreeSet::len).sum::<usize>(), "two worlds share an id");
    for (n, key) in keys.iter().enumerate() {
        let api = shared.with_key(key);
        let other = &years[(n + 1) % CLIENTS];
        let path = |id: &str| match id.split('_').next() {
            Some("cus") => Some(format!("/v0/customers/{id}")),
            Some("sub") => Some(format!("/v0/subscriptions/{id}")),
            Some("inv") => Some(format!("/v2/invoices/{id}")),
            _ => None,
        };
        for path in other.iter().filter_map(|id| path(id)).take(4) {
            api.send("GET", &path, &Value::Null).expect(404);
        }
    }
}

#[test]
fn writers_of_one_world_lose_nothing() {
    let shared = api();
    let before = shared.rows("/v0/products").len();
    let made = together(WRITERS, |writer| {
        let api = Api::at(&shared.base, &shared.key);
        let product = |n| json!({ "name": format!("{writer}-{n}"), "description": "d", "merchantId": MERCHANT });
        (0..WRITES).map(|n| text(&api.create("/v0/products", &product(n)), "id").to_owned()).collect::<Vec<_>>()
    });
    let made: BTreeSet<String> = made.into_iter().flatten().collect();
    assert_eq!(made.len(), WRITERS * WRITES);
    let pages = (0..5).flat_map(|page| shared.rows(&format!("/v0/products?offset={}", page * 100)));
    let listed: BTreeSet<String> = pages.map(|row| text(&row, "id").to_owned()).collect();
    assert_eq!(listed.len(), before + WRITERS * WRITES);
    assert!(made.is_subset(&listed));
}

#[test]
fn of_concurrent_creations_of_one_customer_one_makes_it() {
    let shared = api();
    let consumer = json!({
        "name": "Jo", "email": "jo@example.com",
        "address": { "line1": "1 Main St", "city": "X", "state": "CA", "country": "US", "zipCode": "94105" },
    });
    let customer = json!({ "merchantId": MERCHANT, "consumer": consumer });
    let answers = together(WRITERS, |_| Api::at(&shared.base, &shared.key).post("/v0/customers", &customer));
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(
        (count(201), count(200)),
        (1, WRITERS - 1),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    let ids: BTreeSet<&str> = answers.iter().map(|answer| text(&answer.body, "customerId")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(shared.rows(&format!("/v0/customers?organizationId={MERCHANT}")).len(), 1);
}

#[test]
fn a_reader_neither_waits_for_a_long_advance_nor_sees_half_of_it() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "5", "P1D", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let start = "2028-01-31T00:00:00Z";
    let clock = api.clock(start);
    for n in 0..3 {
        let customer = api.customer(&format!("{n}@example.com"));
        api.save_card(&customer, "4242424242424242");
        api.subscribe(&plan, &customer, &clock, start, json!({ "autoCharge": true }));
    }
    let events = |api: &Api| api.get("/_leapday/events?limit=1")["total"].as_u64().unwrap();
    let before = events(&api);
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let reader = Api::at(&api.base, &api.key);
            let mut seen = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let total = events(&reader);
                seen.push((total, done.load(Ordering::SeqCst)));
            }
            seen
        });
        api.advance(&clock, "P2Y");
        done.store(true, Ordering::SeqCst);
        reader.join().expect("a reader that finishes")
    });
    let after = events(&api);
    assert!(after > before + 1_000, "{before} → {after}");
    assert!(seen.iter().all(|(total, _)| [before, after].contains(total)), "half an advance: {seen:?}");
    let during = seen.iter().filter(|(total, done)| *total == before && !done).count();
    assert!(during >= 2, "the reader waited for the writer: {seen:?}");
}

/// A year at a sandbox of this seed: every byte that came back.
fn story(seed: u64) -> (Vec<Vec<u8>>, String) {
    let sandbox = Sandbox::builder()
        .strict(true)
        .world("empty")
        .random_seed(seed)
        .options(|options| options.public_url = Some("http://sandbox.test".to_owned()))
        .start()
        .unwrap();
    let api = Api::at(sandbox.base_url(), "sk_test_same");
    api.post("/_leapday/clock", &json!({ "now": "2028-01-31T00:00:00Z" })).expect(200);
    let ids = year(&api, 30);
    let mut bytes: Vec<Vec<u8>> =
        ["/v0/products", "/v0/plans", "/v0/subscriptions", "/v2/invoices", "/v0/testClocks", "/v0/payments"]
            .map(|path| api.send("GET", &format!("{path}?limit=100"), &Value::Null).bytes)
            .into();
    bytes.push(api.send("GET", "/_leapday/events?limit=1000", &Value::Null).bytes);
    (bytes, ids.into_iter().collect())
}

#[test]
fn the_same_seed_and_requests_give_the_same_bytes_and_another_seed_other_ids() {
    let (one, ids) = story(7);
    let (again, _) = story(7);
    for (one, again) in one.iter().zip(&again) {
        assert_eq!(String::from_utf8_lossy(one), String::from_utf8_lossy(again));
    }
    let (_, others) = story(8);
    assert_ne!(ids, others);
}
