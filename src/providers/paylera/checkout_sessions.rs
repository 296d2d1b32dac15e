//! Hosted checkout: a page that sells a subscription, saves a payment method, or takes one payment.
//!
//! Facts: paylera §6.2 (body); reply, life and statuses are ours. The id is the address of the page, so whoever has it
//! may pay. What a checkout comes to is found by doing it in a copy of the world: so the page shows what will happen.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{Metadata, amount};
use super::coupons::{self, Coupon};
use super::customers::{self, Customer};
use super::invoices::Invoice;
use super::listing::list;
use super::notices::Notice;
use super::payment_methods::{self, PaymentMethod};
use super::payments::{self, Decline, Payment};
use super::plans::{self, Plan, Pricing};
use super::state::{Due, State};
use super::subscriptions::create::{Start, check_quantities, start};
use super::subscriptions::{Quantities, Subscription};
use super::{Operation, World, charges, collection};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};
use crate::billing::cards::Card;
use crate::billing::money;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// How long a session can be paid; the vendor does not say.
const LIFE: Cadence = Cadence::days(1);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listCheckoutSessions", "/v1/checkout/sessions", list_all),
        write("createCheckoutSession", Method::POST, "/v1/checkout/sessions", create),
        read("getCheckoutSession", "/v1/checkout/sessions/{id}", get),
        write("expireCheckoutSession", Method::POST, "/v1/checkout/sessions/{id}/expire", expire),
    ];
    Noun { name: "checkout_sessions", operations }
}

#[derive(Clone)]
pub struct Session {
    pub mode: Mode,
    pub status: Status,
    pub customer: Id<Customer>,
    pub plan: Option<Id<Plan>>,
    item: Option<LineItem>,
    quantities: Quantities,
    amount: Option<Decimal>,
    currency: Option<Arc<str>>,
    pub description: Option<Box<str>>,
    success_url: Box<str>,
    pub cancel_url: Option<Box<str>>,
    pub takes_codes: bool,
    pub coupons: Vec<Id<Coupon>>,
    trial_days: Option<u32>,
    subscription: Option<Id<Subscription>>,
    invoice: Option<Id<Invoice>>,
    payment: Option<Id<Payment>>,
    method: Option<Id<PaymentMethod>>,
    /// The card that the bank is asked about.
    pub challenge: Option<Card>,
    metadata: Metadata,
    pub expires_at: Timestamp,
    completed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Session {
    const PREFIX: &'static str = "cs_";
    const NOUN: &'static str = "checkout session";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Subscription,
    Setup,
    Payment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    Complete,
    Expired,
}

/// A plan at a price of this session's own.
#[derive(Debug, Clone, Deserialize)]
struct LineItem {
    plan_code: Box<str>,
    unit_amount: Option<Decimal>,
    quantity: Option<u64>,
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    mode: Mode,
    status: Status,
    url: String,
    customer_id: IdText,
    plan_code: Option<&'a str>,
    line_items: Vec<LineBody<'a>>,
    quantities: &'a Quantities,
    amount: Option<String>,
    currency: Option<&'a str>,
    description: Option<&'a str>,
    success_url: &'a str,
    cancel_url: Option<&'a str>,
    allow_promotion_codes: bool,
    coupons: Vec<&'a str>,
    trial_days: Option<u32>,
    subscription_id: Option<IdText>,
    invoice_id: Option<IdText>,
    payment_id: Option<IdText>,
    payment_method_id: Option<IdText>,
    metadata: &'a Metadata,
    expires_at: Timestamp,
    completed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct LineBody<'a> {
    plan_code: &'a str,
    unit_amount: Option<String>,
    quantity: u64,
}

pub fn body<'a>(state: &'a State, id: Id<Session>, row: &'a Session, site: Site<'_>) -> Body<'a> {
    let plan = row.plan.map(|plan| &state.plans[plan]);
    let currency = row.currency.as_deref();
    let line = |item: &'a LineItem| LineBody {
        plan_code: &item.plan_code,
        unit_amount: item.unit_amount.map(|unit| amount(unit, currency.unwrap_or_default())),
        quantity: item.quantity.unwrap_or(1),
    };
    Body {
        id: state.checkout_sessions.text(id),
        object: "checkout_session",
        mode: row.mode,
        status: row.status,
        url: url(state, id, site),
        customer_id: state.customers.text(row.customer),
        plan_code: plan.map(|plan| &*plan.code),
        line_items: row.item.iter().map(line).collect(),
        quantities: &row.quantities,
        amount: row.amount.map(|value| amount(value, currency.unwrap_or_default())),
        currency,
        description: row.description.as_deref(),
        success_url: &row.success_url,
        cancel_url: row.cancel_url.as_deref(),
        allow_promotion_codes: row.takes_codes,
        coupons: row.coupons.iter().map(|coupon| coupons::code(state, *coupon)).collect(),
        trial_days: row.trial_days,
        subscription_id: row.subscription.map(|id| state.subscriptions.text(id)),
        invoice_id: row.invoice.map(|id| state.invoices.text(id)),
        payment_id: row.payment.map(|id| state.payments.text(id)),
        payment_method_id: row.method.map(|id| state.payment_methods.text(id)),
        metadata: &row.metadata,
        expires_at: row.expires_at,
        completed_at: row.completed_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Where it is paid.
pub fn url(state: &State, id: Id<Session>, site: Site<'_>) -> String {
    format!("{site}/checkout/c/{}", state.checkout_sessions.text(id))
}

/// Where the browser goes once it is paid: `{CHECKOUT_SESSION_ID}` stands for the session (§6.2).
pub fn success_url(state: &State, id: Id<Session>) -> String {
    let own = state.checkout_sessions.text(id);
    state.checkout_sessions[id].success_url.replace("{CHECKOUT_SESSION_ID}", own.as_str())
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.checkout_sessions.iter().map(|(id, row)| (id.number(), json!(body(state, id, row, call.site)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, call, call.id(&world.state.checkout_sessions)?))
}

fn show(world: &World, call: &Call, id: Id<Session>) -> Reply {
    Reply::ok(&body(&world.state, id, &world.state.checkout_sessions[id], call.site))
}

#[derive(Deserialize)]
struct Create {
    mode: Mode,
    customer_id: Box<str>,
    plan_code: Option<Box<str>>,
    #[serde(default)]
    line_items: Vec<LineItem>,
    #[serde(default)]
    quantities: Quantities,
    amount: Option<Decimal>,
    currency: Option<Arc<str>>,
    description: Option<Box<str>>,
    success_url: Box<str>,
    cancel_url: Option<Box<str>>,
    #[serde(default)]
    allow_promotion_codes: bool,
    #[serde(default)]
    coupons: Vec<Box<str>>,
    trial_days: Option<u32>,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let state = &world.state;
    let now = world.now(ClockId::WORLD);
    let customer = customers::referred(state, &wanted.customer_id)?;
    let metadata = wanted.metadata.checked()?;
    let mut quantities = wanted.quantities;
    let mut item = None;
    let mut plan = None;
    let mut currency = wanted.currency;
    match wanted.mode {
        Mode::Subscription => {
            item = only_item(wanted.line_items, wanted.plan_code.as_deref())?;
            let (pointer, code) = match (&item, &wanted.plan_code) {
                (Some(item), _) => ("/line_items/0/plan_code", &*item.plan_code),
                (None, code) => ("/plan_code", code.as_deref().unwrap_or_default()),
            };
            let chosen = plans::offered(state, pointer, code)?;
            if let Some(item) = &item {
                priced(state, chosen, item, &mut quantities)?;
            }
            check_quantities(state, chosen, &quantities)?;
            currency = Some(Arc::clone(&state.plans[chosen].currency));
            plan = Some(chosen);
        }
        Mode::Payment => {
            let code = currency.as_deref().unwrap_or_default();
            if !money::is_currency(code) {
                return Err(Fault::field("/currency", "enum", format!("{code:?} is no ISO 4217 currency")));
            }
            let sum = wanted.amount.unwrap_or_default();
            if sum.is_zero() || money::round_minor(sum, code) != sum {
                let message = format!("is more than 0 and a whole number of the smallest unit of {code}");
                return Err(Fault::field("/amount", "multipleOf", message));
            }
        }
        Mode::Setup => {}
    }
    let coupons = coupons::redeemable(state, &wanted.coupons, currency.as_deref().unwrap_or_default(), now)?;
    let id = open(
        world,
        Session {
            plan,
            item,
            quantities,
            amount: wanted.amount.filter(|_| wanted.mode == Mode::Payment),
            currency: currency.filter(|_| wanted.mode != Mode::Setup),
            description: wanted.description,
            cancel_url: wanted.cancel_url,
            takes_codes: wanted.allow_promotion_codes,
            coupons,
            trial_days: wanted.trial_days,
            metadata,
            ..Session::new(wanted.mode, customer, wanted.success_url, now)
        },
    );
    Ok(Reply { status: 201, ..show(world, call, id) })
}

impl Session {
    /// One that sells nothing yet.
    fn new(mode: Mode, customer: Id<Customer>, success_url: Box<str>, now: Timestamp) -> Self {
        Self {
            mode,
            status: Status::Open,
            customer,
            plan: None,
            item: None,
            quantities: Quantities::new(),
            amount: None,
            currency: None,
            description: None,
            success_url,
            cancel_url: None,
            takes_codes: false,
            coupons: Vec::new(),
            trial_days: None,
            subscription: None,
            invoice: None,
            payment: None,
            method: None,
            challenge: None,
            metadata: Metadata::default(),
            expires_at: LIFE.after(now, 1).unwrap_or(Timestamp::MAX),
            completed_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

fn open(world: &mut World, session: Session) -> Id<Session> {
    let expires_at = session.expires_at;
    let id = world.state.checkout_sessions.insert(session);
    world.set_timer(ClockId::WORLD, expires_at, Due::CheckoutExpired(id));
    id
}

/// A session sells one plan.
fn only_item(mut items: Vec<LineItem>, plan_code: Option<&str>) -> Result<Option<LineItem>, Fault> {
    if items.len() > 1 {
        return Err(Fault::field(
            "/line_items/1",
            "maxItems",
            "a subscription has one plan, so a session has one line",
        ));
    }
    match (items.pop(), plan_code) {
        (Some(item), Some(code)) if *item.plan_code != *code => {
            Err(Fault::field("/line_items/0/plan_code", "const", format!("is another plan than plan_code, {code:?}")))
        }
        (item, _) => Ok(item),
    }
}

/// What a line's price and quantity mean: those of the plan's one component that is paid in advance.
fn priced(state: &State, plan: Id<Plan>, item: &LineItem, quantities: &mut Quantities) -> Result<(), Fault> {
    let fixed: Vec<&Pricing> = charges::components(state, plan)
        .map(|(_, component)| &component.pricing)
        .filter(|pricing| !pricing.is_usage())
        .collect();
    let [Pricing::Flat { .. } | Pricing::PerUnit { .. }] = fixed[..] else {
        let message = "a price of its own needs a plan with one flat or per-unit component paid in advance";
        return Err(Fault::field("/line_items/0", "plan", message));
    };
    match (fixed[0].meter(), item.quantity) {
        (Some(meter), quantity) => drop(quantities.insert(Arc::clone(meter), quantity.unwrap_or(1))),
        (None, Some(quantity)) if quantity > 1 => {
            let message = "the plan has a flat price, of which there is one";
            return Err(Fault::field("/line_items/0/quantity", "maximum", message));
        }
        (None, _) => {}
    }
    Ok(())
}

fn expire(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.checkout_sessions)?;
    if world.state.checkout_sessions[id].status != Status::Open {
        let message = format!("The checkout session {} is over already", call.segment("id"));
        return Err(Fault::unprocessable(message).with_code("checkout_session.invalid_transition"));
    }
    expired(world, id);
    Ok(show(world, call, id))
}

/// Nobody has paid in time.
pub fn expired(world: &mut World, id: Id<Session>) {
    if world.state.checkout_sessions[id].status == Status::Open {
        set(world, id, |row| {
            row.status = Status::Expired;
            row.challenge = None;
        });
        tell(world, id, "checkout.session.expired");
    }
}

pub fn set(world: &mut World, id: Id<Session>, change: impl FnOnce(&mut Session)) {
    let now = world.now(ClockId::WORLD);
    world.state.checkout_sessions.update(id, |row| {
        row.updated_at = now;
        change(row);
    });
}

fn tell(world: &mut World, id: Id<Session>, event: &'static str) {
    let row = Arc::clone(&world.state.checkout_sessions[id]);
    world.emit(ClockId::WORLD, Notice::CheckoutSession(event, id, row));
}

/// Takes or gives back a promotion code.
///
/// # Errors
/// Why it does not count.
pub fn add_code(world: &mut World, id: Id<Session>, code: &str) -> Result<(), Fault> {
    let row = &world.state.checkout_sessions[id];
    let currency = row.currency.as_deref().unwrap_or_default();
    let coupon = coupons::redeemable_at(&world.state, 0, code, currency, world.now(ClockId::WORLD))?;
    if row.coupons.contains(&coupon) {
        return Err(Fault::violations(vec![Violation::body("/code", "unique", "This code counts already")]));
    }
    set(world, id, |row| row.coupons.push(coupon));
    Ok(())
}

pub fn remove_code(world: &mut World, id: Id<Session>, code: &str) {
    let Some(coupon) = world.state.coupons_by_code.get(code).copied() else { return };
    set(world, id, |row| row.coupons.retain(|held| *held != coupon));
}

/// Completes a session with a card that the bank has no more questions about.
///
/// # Errors
/// Why the card was declined. Whoever is told so drops the world that this was done in: nothing has happened.
pub fn complete(world: &mut World, id: Id<Session>, card: &Card) -> Result<(), Decline> {
    let row = Session::clone(&world.state.checkout_sessions[id]);
    let now = world.now(ClockId::WORLD);
    let method = payment_methods::add_card(world, row.customer, card);
    // On a page the cardholder has been asked already.
    payment_methods::use_once(&mut world.state, method);
    match row.mode {
        Mode::Setup => {}
        Mode::Payment => {
            let (sum, currency) = (row.amount.unwrap_or_default(), row.currency.clone().unwrap_or_default());
            let payment = payments::charge_amount(world, row.customer, method, sum, currency);
            if let Some(why) = world.state.payments[payment].error() {
                return Err(why);
            }
            set(world, id, |row| row.payment = Some(payment));
        }
        Mode::Subscription => {
            let Some(plan) = row.plan else { return Err(Decline::NotAuthenticated) };
            let subscription = start(world, of(&row, plan, method));
            let invoice = world.state.subscriptions[subscription].latest_invoice;
            let payment = invoice.and_then(|invoice| world.state.invoices[invoice].payments.last().copied());
            if let Some(why) = payment.and_then(|payment| world.state.payments[payment].error()) {
                return Err(why);
            }
            set(world, id, |row| {
                row.subscription = Some(subscription);
                row.invoice = invoice;
                row.payment = payment;
            });
        }
    }
    set(world, id, |row| {
        row.status = Status::Complete;
        row.completed_at = Some(now);
        row.method = Some(method);
        row.challenge = None;
    });
    tell(world, id, "checkout.session.completed");
    Ok(())
}

fn of(row: &Session, plan: Id<Plan>, method: Id<PaymentMethod>) -> Start {
    Start {
        customer: row.customer,
        plan,
        method: Some(method),
        trial_days: row.trial_days,
        anchor: None,
        quantities: row.quantities.clone(),
        coupons: row.coupons.clone(),
        commitment: None,
        own_price: row.item.as_ref().and_then(|item| item.unit_amount),
        metadata: row.metadata.clone(),
    }
}

/// What is paid today, and what for.
pub struct Quote {
    pub currency: Arc<str>,
    /// Name and amount.
    pub lines: Vec<(String, Decimal)>,
    pub discount: Decimal,
    pub tax: Decimal,
    pub total: Decimal,
    pub trial_end: Option<Timestamp>,
}

/// Does it in a copy of the world, with a card that works.
pub fn quote(world: &World, id: Id<Session>) -> Option<Quote> {
    let row = &world.state.checkout_sessions[id];
    let currency = row.currency.clone()?;
    if row.mode == Mode::Payment {
        let total = row.amount.unwrap_or_default();
        let name = row.description.as_deref().unwrap_or("Payment").to_owned();
        let (discount, tax) = (Decimal::ZERO, Decimal::ZERO);
        return Some(Quote { currency, lines: vec![(name, total)], discount, tax, total, trial_end: None });
    }
    let mut copy = World::clone(world);
    complete(&mut copy, id, &Card::default()).ok()?;
    let subscription = copy.state.checkout_sessions[id].subscription?;
    let trial_end = copy.state.subscriptions[subscription].trial.map(|trial| trial.end);
    let mut quote = Quote {
        currency,
        lines: Vec::new(),
        discount: Decimal::ZERO,
        tax: Decimal::ZERO,
        total: Decimal::ZERO,
        trial_end,
    };
    if let Some(invoice) = copy.state.subscriptions[subscription].latest_invoice {
        let invoice = &copy.state.invoices[invoice];
        quote.lines = invoice.lines.iter().map(|line| (line.item.description.to_string(), line.item.amount)).collect();
        quote.discount = invoice.totals.discount;
        quote.tax = invoice.totals.tax;
        quote.total = invoice.totals.total;
    }
    Some(quote)
}

/// What `attach` asks for: a plan for a customer, by the method on file or on a page (§10).
#[derive(Deserialize)]
struct Attach {
    customer_id: Box<str>,
    plan_id: Box<str>,
    success_url: Box<str>,
    cancel_url: Option<Box<str>>,
    #[serde(default)]
    quantities: Quantities,
    #[serde(default)]
    metadata: Metadata,
}

/// Starts a subscription if there is something to charge, else makes a checkout for it.
pub fn attach(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Attach = call.input()?;
    let state = &world.state;
    let now = world.now(ClockId::WORLD);
    let customer = customers::referred(state, &wanted.customer_id)?;
    let plan = plans::offered(state, "/plan_id", &wanted.plan_id)?;
    check_quantities(state, plan, &wanted.quantities)?;
    let metadata = wanted.metadata.checked()?;
    let draft = Session {
        plan: Some(plan),
        quantities: wanted.quantities,
        currency: Some(Arc::clone(&state.plans[plan].currency)),
        cancel_url: wanted.cancel_url,
        metadata,
        ..Session::new(Mode::Subscription, customer, wanted.success_url, now)
    };
    let (session, subscription) = match collection::method(state, customer, None) {
        Some(method) => (None, Some(start(world, of(&draft, plan, method)))),
        None => (Some(open(world, draft)), None),
    };
    let state = &world.state;
    Ok(Reply::ok(&json!({
        "object": "attachment",
        "customer_id": state.customers.text(customer),
        "plan_code": state.plans[plan].code,
        "checkout_session_id": session.map(|id| state.checkout_sessions.text(id)),
        "checkout_url": session.map(|id| url(state, id, call.site)),
        "subscription_id": subscription.map(|id| state.subscriptions.text(id)),
    })))
}
