//! Over seeded random plans: the windows of every charge tile the life of its subscription, each billed once,
//! and what invoices say of themselves adds up.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{Api, api, text};

const CADENCES: [&str; 7] = ["P1M", "P3M", "P1Y", "P1W", "P10D", "P1M", "PT36H"];
const ANCHORS: [&str; 4] =
    ["2024-01-31T00:00:00Z", "2023-05-15T13:00:00Z", "2024-02-29T23:59:59Z", "2025-12-01T00:00:00Z"];

/// A linear congruence: chance that is the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn after(start: Timestamp, seconds: u64) -> Timestamp {
    start + SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

/// A charge as the plan has it.
struct Price {
    id: String,
    in_advance: bool,
    obligation: bool,
}

struct Life {
    api: Api,
    subscription: String,
    prices: Vec<Price>,
    anchored: bool,
    start: Timestamp,
    end: Timestamp,
}

/// A subscription from its start to its end, with ends that are set and moved on the way.
fn life(seed: u64) -> Life {
    let mut chance = Chance(seed);
    let api = api();
    let product = api.product();
    let prices: Vec<Price> = (0..2 + chance.below(4)).map(|n| price(&api, &product, &mut chance, n)).collect();
    let anchored = chance.below(2) == 0;
    let more =
        if anchored { json!({ "billingAnchor": chance.of(&ANCHORS), "defaultTaxRate": 8.875 }) } else { json!({}) };
    let ids: Vec<&str> = prices.iter().map(|price| &*price.id).collect();
    let plan = api.plan(&product, &ids, more);
    let start = after(at("2028-01-31T00:00:00Z"), chance.below(90) * 86_400 + chance.below(2) * 45_296);
    let clock = api.clock(&start.to_string());
    let customer = api.customer("jo@example.com");
    let subscription = api.subscribe(&plan, &customer, &clock, &start.to_string(), json!({}));
    if subscription["status"] == "pending_payment" {
        api.advance(&clock, &format!("PT{}M", 1 + chance.below(200)));
        api.pay(&subscription);
    }
    let id = text(&subscription, "id").to_owned();
    let path = format!("/v0/subscriptions/{id}");
    let mut now = after(start, 86_400);
    for _ in 0..4 {
        now = after(now, chance.below(40 * 86_400) + 1);
        api.advance_to(&clock, &now.to_string());
        let end = after(now, 86_400 * (40 + chance.below(200)) + chance.below(86_400));
        api.patch(&path, &json!({ "endingAt": end.to_string() })).expect(200);
    }
    let mut end = at(text(&api.get(&path), "endingAt"));
    if chance.below(2) == 0 {
        let projected = projection(&api, &id);
        api.advance_to(&clock, &end.to_string());
        compare(&projected, &invoices(&api, &id));
    } else {
        end = after(now, chance.below(35 * 86_400) + 1);
        api.advance_to(&clock, &end.to_string());
        api.post(&format!("{path}/termination"), &json!({ "reason": "done" })).expect(200);
    }
    api.advance(&clock, "P2Y");
    Life { api, subscription: id, prices, anchored, start, end }
}

fn price(api: &Api, product: &str, chance: &mut Chance, n: u64) -> Price {
    let cadence = chance.of(&CADENCES);
    if chance.below(4) == 0 {
        let metric = format!("calls{n}");
        let (_, id) = api.usage_price(product, &metric, "COUNT", json!({ "unitPrice": "1" }));
        return Price { id, in_advance: false, obligation: false };
    }
    let (in_advance, obligation) = (chance.below(2) == 0, chance.below(4) == 0);
    let term = if in_advance { "in_advance" } else { "in_arrears" };
    let amount = format!("{}.{:03}", 1 + chance.below(90), chance.below(1000));
    let id = api.fee_price(product, &amount, cadence, term, json!({ "isObligation": obligation }));
    Price { id, in_advance, obligation }
}

/// A list of more than one page.
fn all(api: &Api, path: &str) -> Vec<Value> {
    let pages = (0..10).map(|page| api.rows(&format!("{path}&offset={}", page * 100)));
    pages.take_while(|page| !page.is_empty()).flatten().collect()
}

fn invoices(api: &Api, subscription: &str) -> Vec<Value> {
    let mut rows = all(api, &format!("/v2/invoices?subscriptionId={subscription}"));
    rows.sort_by_key(|row| row["sequenceNumber"].as_u64());
    rows
}

/// What the projection of the year ahead says of each invoice.
fn projection(api: &Api, subscription: &str) -> Vec<Value> {
    let sub = api.get(&format!("/v0/subscriptions/{subscription}"));
    let to = after(at(text(&sub, "endingAt")), 1);
    all(api, &format!("/v2/invoices/projected?subscriptionId={subscription}&to={to}"))
}

fn compare(projected: &[Value], real: &[Value]) {
    for row in projected {
        let real = real.iter().find(|real| real["sequenceNumber"] == row["sequenceNumber"]);
        let real = real.unwrap_or_else(|| panic!("projected, never opened: {row:#}"));
        for field in ["subtotal", "totalTax", "grandTotal"] {
            assert_eq!(row[field], real[field], "{field} of {row:#}\n{real:#}");
        }
    }
}

#[test]
fn the_windows_of_every_charge_tile_the_life_of_its_subscription() {
    for seed in 0..40 {
        let life = life(seed);
        let path = format!("/v2/invoices/lineItems?subscriptionId={}&limit=1000", life.subscription);
        let lines = life.api.get(&path)["data"].as_array().cloned().unwrap();
        for price in &life.prices {
            let mut windows: Vec<(Timestamp, Timestamp)> = lines
                .iter()
                .filter(|line| line["priceId"] == *price.id)
                .map(|line| (at(text(line, "periodStart")), at(text(line, "periodEnd"))))
                .collect();
            windows.sort_unstable();
            let Some((first, last)) = windows.first().copied().zip(windows.last().copied()) else {
                assert!(price.obligation && life.anchored, "{seed}: {} was never billed", price.id);
                continue;
            };
            for pair in windows.windows(2) {
                assert_eq!(pair[0].1, pair[1].0, "{seed}: a hole or a double in {windows:?}");
            }
            let skips_stub = price.obligation && life.anchored;
            assert!(
                first.0 == life.start || skips_stub && first.0 > life.start,
                "{seed}: {first:?} from {}",
                life.start
            );
            if price.in_advance || price.obligation {
                assert!(last.0 < life.end && life.end <= last.1, "{seed}: {last:?} to {}", life.end);
            } else {
                assert_eq!(last.1, life.end, "{seed}: {windows:?}");
            }
        }
        adds_up(&life, seed);
    }
}

fn adds_up(life: &Life, seed: u64) {
    let invoices = invoices(&life.api, &life.subscription);
    let mut numbers = Vec::new();
    let mut issued_before = String::new();
    let first = invoices[0]["sequenceNumber"].as_u64().unwrap();
    for (n, invoice) in invoices.iter().enumerate() {
        assert_eq!(invoice["sequenceNumber"].as_u64(), Some(first + n as u64), "{seed}");
        if invoice["status"] == "CANCELLED" {
            assert_eq!(life.api.lines(invoice).len(), 0, "{seed}");
            continue;
        }
        numbers.push(text(invoice, "invoiceNumber").to_owned());
        let issued = text(invoice, "issuedAt").to_owned();
        assert!(issued_before <= issued || life.prices.iter().any(|price| !price.in_advance), "{seed}");
        issued_before = issued;
        let (mut net, mut tax) = (0.0, 0.0);
        for line in life.api.lines(invoice) {
            net += text(&line, "totalPrice").parse::<f64>().unwrap();
            tax += text(&line, "totalTax").parse::<f64>().unwrap();
        }
        for (field, sum) in [("subtotal", net), ("totalTax", tax)] {
            let shown: f64 = text(invoice, field).parse().unwrap();
            assert!((shown - sum).abs() < 0.005_000_1, "{seed}: {field} {shown} of lines {sum}");
        }
    }
    let all = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "{seed}: {numbers:?}");
}
