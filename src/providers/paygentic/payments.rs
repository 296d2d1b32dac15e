//! Payments: one-off charges behind a hosted page.
//!
//! Facts: paygentic-behaviour §2.9 (amounts, lifetimes, statuses), §1.3 (idempotency key), §5 (events). A payment is
//! as far as its session is; it lives on the world's own clock.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::body::list as envelope;
use super::customers::{self, Customer};
use super::notices::Notice;
use super::payment_sessions::{self, Opening, Purpose, Redirects, Session, Status as SessionStatus};
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};
use crate::billing::money;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// The least and the most that one payment may come to (§2.9).
const AMOUNT_LEAST: Decimal = Decimal::ONE;
const AMOUNT_MOST: Decimal = Decimal::from_parts(5_000, 0, 0, false, 0);
/// How long a page may wait, and how long it does if nobody says (§2.9).
const LIFE_MOST: Cadence = Cadence::days(31);
const LIFE: Cadence = Cadence::days(30);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createPayment", Method::POST, "/v0/payments", create),
        read("listPayments", "/v0/payments", list),
        read("getPayment", "/v0/payments/{id}", get),
    ];
    Noun { name: "payments", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Payment {
    pub merchant: Arc<str>,
    pub customer: Option<Id<Customer>>,
    pub amount: Decimal,
    pub currency: Arc<str>,
    pub reference: Option<Box<str>>,
    idempotency_key: Option<Arc<str>>,
    metadata: Option<Arc<Map<String, Value>>>,
    pub line_items: Option<Arc<[LineItem]>>,
    pub session: Id<Session>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

impl Row for Payment {
    const PREFIX: &'static str = "pay_";
    const NOUN: &'static str = "payment";
}

/// A line that the page shows. Its amount is as it was sent: lines need not add up to the payment.
#[derive(Debug, Serialize, Deserialize)]
pub struct LineItem {
    pub description: Box<str>,
    pub amount: Box<str>,
    #[serde(default = "one")]
    pub quantity: u64,
}

fn one() -> u64 {
    1
}

/// A session's status in the fewer words that payments have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Processing,
    Completed,
    Expired,
    Cancelled,
}

impl From<SessionStatus> for Status {
    fn from(session: SessionStatus) -> Self {
        match session {
            SessionStatus::Pending => Self::Pending,
            SessionStatus::Processing => Self::Processing,
            SessionStatus::Completed => Self::Completed,
            SessionStatus::Expired => Self::Expired,
            SessionStatus::Failed | SessionStatus::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    amount: String,
    currency: &'a str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_items: Option<&'a [LineItem]>,
    expires_at: Timestamp,
    created_at: Timestamp,
}

fn body<'a>(state: &'a State, id: Id<Payment>, site: Site<'_>) -> Body<'a> {
    let row = &state.payments[id];
    let session = &state.sessions[row.session];
    let status = Status::from(session.status);
    Body {
        object: "payment",
        id: state.payments.text(id),
        amount: money::major(row.amount, &row.currency),
        currency: &row.currency,
        status,
        payment_url: (status == Status::Pending).then(|| payment_sessions::url(state, row.session, site)),
        customer_id: row.customer.map(|id| state.customers.text(id)),
        idempotency_key: row.idempotency_key.as_deref(),
        reference: row.reference.as_deref(),
        metadata: row.metadata.as_deref(),
        line_items: row.line_items.as_deref(),
        expires_at: session.expires_at,
        created_at: row.created_at,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    amount: String,
    currency: Arc<str>,
    merchant_id: Option<Arc<str>>,
    customer_id: Option<String>,
    idempotency_key: Option<Arc<str>>,
    reference: Option<Box<str>>,
    metadata: Option<Map<String, Value>>,
    line_items: Option<Vec<LineItem>>,
    success_redirect_url: Option<Box<str>>,
    failure_redirect_url: Option<Box<str>>,
    #[serde(default)]
    save_payment_method: bool,
    expires_in: Option<Cadence>,
}

/// A repeated key answers the payment that it made, whatever else the second request says (§1.3).
fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    if let Some(existing) = wanted.idempotency_key.as_ref().and_then(|key| world.state.payment_keys.get(key)) {
        return Ok(Reply::ok(&body(&world.state, *existing, call.site)));
    }
    let amount = amount(&wanted.amount)?;
    check_lines(wanted.line_items.as_deref().unwrap_or_default())?;
    let customer = wanted.customer_id.as_deref();
    let customer = customer.map(|text| customers::referred(&world.state, "/customerId", text)).transpose()?;
    let created_at = world.now(ClockId::WORLD);
    let expires_at = expiry(created_at, wanted.expires_in.unwrap_or(LIFE))?;
    let merchant = match &wanted.merchant_id {
        Some(named) => world.state.merchant(named),
        None => world.state.default_merchant(),
    };
    let opening = Opening {
        purpose: Purpose::Payment(world.state.payments.next_id()),
        customer,
        amount,
        currency: Arc::clone(&wanted.currency),
        clock: ClockId::WORLD,
        expires_at,
        redirects: Some(Redirects { on_success: wanted.success_redirect_url, on_failure: wanted.failure_redirect_url }),
        save: wanted.save_payment_method,
        metadata: None,
    };
    let session = payment_sessions::open(world, opening);
    let id = world.state.payments.insert(Payment {
        merchant,
        customer,
        amount,
        currency: wanted.currency,
        reference: wanted.reference,
        idempotency_key: wanted.idempotency_key.clone(),
        metadata: wanted.metadata.map(Arc::new),
        line_items: wanted.line_items.map(Arc::from),
        session,
        created_at,
        completed_at: None,
    });
    if let Some(key) = wanted.idempotency_key {
        world.state.payment_keys.insert(key, id);
    }
    Ok(Reply::created(&body(&world.state, id, call.site)))
}

fn amount(text: &str) -> Result<Decimal, Fault> {
    let amount = money::parse(text).map_err(|error| Fault::field("/amount", "format", error.to_string()))?;
    let out_of_bounds = |rule| Fault::field("/amount", rule, format!("{text} is not between 1.00 and 5000.00"));
    if amount < AMOUNT_LEAST {
        return Err(out_of_bounds("minimum"));
    }
    if amount > AMOUNT_MOST {
        return Err(out_of_bounds("maximum"));
    }
    Ok(amount)
}

fn check_lines(lines: &[LineItem]) -> Result<(), Fault> {
    let wrong = |(number, line): (usize, &LineItem)| {
        let error = money::parse(&line.amount).err()?;
        Some(Violation::body(format!("/lineItems/{number}/amount"), "format", error.to_string()))
    };
    let violations: Vec<Violation> = lines.iter().enumerate().filter_map(wrong).collect();
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}

fn expiry(now: Timestamp, life: Cadence) -> Result<Timestamp, Fault> {
    let most = LIFE_MOST.after(now, 1).unwrap_or(Timestamp::MAX);
    match life.after(now, 1) {
        Some(at) if at <= now => Err(Fault::field("/expiresIn", "minimum", "must be longer than nothing: try P7D")),
        Some(at) if at <= most => Ok(at),
        _ => Err(Fault::field("/expiresIn", "maximum", format!("{life} is longer than P31D"))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    customer_id: Option<String>,
    status: Option<Status>,
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let customer = filter.customer_id.as_deref().map(|id| state.customers.find(id));
    let rows = state.payments.iter().filter(|(_, row)| {
        mine(filter.merchant_id.as_deref(), &row.merchant)
            && customer.is_none_or(|id| id.is_some() && id == row.customer)
            && filter.status.is_none_or(|status| status == Status::from(state.sessions[row.session].status))
    });
    Ok(Reply::ok(&envelope(call.paging(), rows).map(|(id, _)| body(state, id, call.site))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.payments)?;
    Ok(Reply::ok(&body(&world.state, id, call.site)))
}

/// Its session has been paid.
pub fn completed(world: &mut World, id: Id<Payment>) {
    let now = world.now(ClockId::WORLD);
    world.state.payments.update(id, |row| row.completed_at = Some(now));
    let row = Arc::clone(&world.state.payments[id]);
    world.emit(ClockId::WORLD, Notice::PaymentCompleted(id, row));
}

/// Its customer has given up.
pub fn failed(world: &mut World, id: Id<Payment>) {
    let row = Arc::clone(&world.state.payments[id]);
    world.emit(ClockId::WORLD, Notice::PaymentFailed(id, row));
}

/// Its session has expired.
pub fn expired(world: &mut World, id: Id<Payment>) {
    let row = Arc::clone(&world.state.payments[id]);
    world.emit(ClockId::WORLD, Notice::PaymentExpired(id, row));
}

/// What `payment.*.v0` events say.
pub fn event_data(state: &State, id: Id<Payment>, row: &Payment) -> Value {
    let mut data = json!({
        "paymentId": state.payments.text(id),
        "merchantId": row.merchant,
        "customerId": row.customer.map(|id| state.customers.text(id)),
        "amount": money::major(row.amount, &row.currency),
        "currency": row.currency,
        "reference": row.reference,
    });
    if let Some(at) = row.completed_at {
        data["completedAt"] = json!(at);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::cards::{Attempt, Card};
    use crate::providers::paygentic::testing::{Bench, fails};

    fn order() -> Value {
        json!({
            "merchantId": "org_acme", "amount": "49.99", "currency": "USD", "reference": "ORD-12345", "expiresIn": "P7D",
            "idempotencyKey": "order_12345", "lineItems": [{ "description": "Widget", "amount": "39.99" }],
        })
    }

    #[test]
    fn a_payment_is_as_far_as_its_session() {
        let mut bench = Bench::new();
        let (status, made) = bench.call("createPayment", "", order());
        assert_eq!((status, &made["status"], &made["lineItems"][0]["quantity"]), (201, &json!("pending"), &json!(1)));
        assert_eq!(bench.call("createPayment", "", order()), (200, made.clone()));
        let id = made["id"].as_str().expect("id");
        assert_eq!(bench.list("listPayments", json!({ "merchantId": "org_acme", "status": "pending" })), [id]);
        let url = made["paymentUrl"].as_str().expect("url");
        let session = url.rsplit('/').next().expect("id");
        payment_sessions::pay(&mut bench.world, session, &Attempt::Pay { card: Card::default(), save: None })
            .expect("paid");
        let (_, paid) = bench.call("getPayment", id, json!(null));
        assert_eq!((&paid["status"], paid.get("paymentUrl")), (&json!("completed"), None));
        let event = bench.last_event();
        assert_eq!((&event["eventType"], &event["data"]["paymentId"]), (&json!("payment.completed.v0"), &made["id"]));
        assert!(event["data"]["completedAt"].is_string());
    }

    #[test]
    fn a_payment_that_nobody_makes_expires() {
        let mut bench = Bench::new();
        let (_, made) = bench.call("createPayment", "", order());
        let expiry: Timestamp = made["expiresAt"].as_str().and_then(|at| at.parse().ok()).expect("instant");
        bench.world.advance(ClockId::WORLD, expiry);
        let (_, expired) = bench.call("getPayment", made["id"].as_str().expect("id"), json!(null));
        assert_eq!(expired["status"], "expired");
        assert_eq!(bench.last_event()["eventType"], "payment.expired.v0");
    }

    #[test]
    fn amounts_lifetimes_and_lines_have_bounds() {
        let mut bench = Bench::new();
        let wrong = [
            ("amount", json!("0.99"), "/amount minimum"),
            ("amount", json!("5000.01"), "/amount maximum"),
            ("expiresIn", json!("P32D"), "/expiresIn maximum"),
            ("expiresIn", json!("P0D"), "/expiresIn minimum"),
            ("lineItems", json!([{ "description": "Widget", "amount": "much" }]), "/lineItems/0/amount format"),
            ("customerId", json!("cus_nobody"), "/customerId reference"),
            ("savePaymentMethod", json!(true), "/customerId required"),
        ];
        for (field, value, expected) in wrong {
            let mut body = order();
            body[field] = value;
            fails(bench.attempt("createPayment", "", body), expected);
        }
    }
}
