//! What a session may sell, and `attach`, which needs none where something can be charged.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::complete::of;
use super::{LIFE, LineItem, Mode, Session, Status, show, url};
use crate::api::{Call, Fault, Reply};
use crate::billing::money;
use crate::providers::paylera::body::Metadata;
use crate::providers::paylera::customers::{self, Customer};
use crate::providers::paylera::plans::{self, Plan, Pricing};
use crate::providers::paylera::state::{Due, State};
use crate::providers::paylera::subscriptions::Quantities;
use crate::providers::paylera::subscriptions::create::{check_quantities, start};
use crate::providers::paylera::{World, charges, collection, coupons};
use crate::time::Timestamp;
use crate::world::{ClockId, Id};

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

pub fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
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
