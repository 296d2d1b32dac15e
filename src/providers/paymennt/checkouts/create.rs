//! Making checkouts: what all five ways share, and what each has of its own.
//!
//! Facts: paymennt §2.1 (table), §2.0 (totals), §1.9 (`requestId`), §6 (bodies of real clients).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Checkout, Kind, Status, path, price, set_expiry, show, tell};
use crate::api::{Call, Fault, Reply};
use crate::contract::Violation;
use crate::providers::paymennt::World;
use crate::providers::paymennt::body::{Address, Amount, Item, KEY_WORDS, Totals, hex};
use crate::providers::paymennt::branches;
use crate::providers::paymennt::customers::{self, Details, Seen};
use crate::providers::paymennt::terminals;
use crate::time::Cadence;
use crate::world::{Channel, ClockId, Id, Message, Written, hash};

/// How long a checkout without `expiresIn` can be paid: what every example has (§2.1).
const LIFE_MINUTES: u32 = 1_440;

/// What every way of making one takes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    #[serde(alias = "requestID")]
    pub request_id: Arc<str>,
    #[serde(alias = "orderID")]
    pub order_id: Arc<str>,
    pub currency: Arc<str>,
    pub amount: Amount,
    pub totals: Option<Totals>,
    #[serde(default)]
    pub items: Vec<Item>,
    pub customer: Option<Details>,
    pub billing_address: Option<Address>,
    pub delivery_address: Option<Address>,
    pub branch_id: Option<u64>,
    pub description: Option<Arc<str>>,
    pub return_url: Option<Arc<str>>,
    pub expires_in: Option<u32>,
    pub device_reference: Option<Box<str>>,
    /// A customer who is known already.
    #[serde(skip)]
    pub seen: Option<Seen>,
}

pub fn web(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    answer(world, call, Kind::Web)
}

pub fn mobile(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    answer(world, call, Kind::Mobile)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    send_sms: bool,
    send_email: bool,
}

/// What is sent goes to whom the request names; without an address there is nowhere to send it.
pub fn link(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Sent { send_sms, send_email } = call.input()?;
    let id = make(world, call.input()?, Kind::Link(None), "")?;
    let row = Arc::clone(&world.state.checkouts[id]);
    let details = row.customer.as_ref().map(|seen| &*seen.details);
    let missing = |flag: &str, field: &str| {
        let message = format!("is true, and the request says no {field} to send it to");
        Fault::field(flag, "recipient", message)
    };
    let mut ways = Vec::new();
    if send_email {
        ways.push((
            Channel::Email,
            details.map(|details| &details.email).ok_or_else(|| missing("/sendEmail", "e-mail"))?,
        ));
    }
    if send_sms {
        let phone = details.and_then(|details| details.phone.as_ref());
        ways.push((Channel::Sms, phone.ok_or_else(|| missing("/sendSms", "phone"))?));
    }
    for (channel, to) in ways {
        let subject = format!("Payment request: {}", price(&row));
        let subject = row.description.as_ref().map(|text| format!("{subject} for {text}")).unwrap_or(subject);
        let letter = Written { to: Arc::from(&**to), subject, link: Some(path(&row)) };
        world.send(Message { at: row.created_at, channel, letter });
    }
    Ok(show(world, id, call.site))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    qr_size: u32,
}

pub fn qr(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Image { qr_size } = call.input()?;
    answer(world, call, Kind::Qr(qr_size))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    terminal_id: Box<str>,
}

pub fn terminal(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Device { terminal_id } = call.input()?;
    let refuse = |message: &'static str, advice: &'static str| {
        Fault::bad_request(message).with_violation(Violation::body("/terminalId", "reference", advice))
    };
    let found = world.state.terminals.find(&terminal_id);
    let id = found.ok_or_else(|| refuse(terminals::NOT_FOUND, "GET /terminals lists those that there are"))?;
    if !world.state.terminals[id].active {
        return Err(refuse("Terminal device is not active", "this device is switched off"));
    }
    answer(world, call, Kind::Terminal(id))
}

fn answer(world: &mut World, call: &Call, kind: Kind) -> Result<Reply, Fault> {
    let id = make(world, call.input()?, kind, "")?;
    Ok(show(world, id, call.site))
}

/// The checkout that comes with a card payment: its fields stand below `checkoutDetails`.
pub fn for_payment(world: &mut World, wanted: Wanted) -> Result<Id<Checkout>, Fault> {
    make(world, wanted, Kind::Web, "/checkoutDetails")
}

/// Makes one. `at` is where its fields stand in the body.
pub fn make(world: &mut World, wanted: Wanted, kind: Kind, at: &str) -> Result<Id<Checkout>, Fault> {
    if world.state.checkouts_by_request.contains_key(&wanted.request_id) {
        let message = format!("A checkout already exists for this merchant with request id '{}'", wanted.request_id);
        let advice = "was used before, whatever became of it: send another; orderId may stay the same";
        let violation = Violation::body(format!("{at}/requestId"), "unique", advice);
        return Err(Fault::bad_request(message).with_violation(violation));
    }
    let amount = wanted.amount.checked(&format!("{at}/amount"))?;
    let totals = wanted.totals.map(|totals| totals.check(amount, &format!("{at}/totals")).map(|()| Arc::new(totals)));
    let branch = branches::referred(&world.state, &format!("{at}/branchId"), wanted.branch_id)?;
    let totals = totals.transpose()?;
    let customer = wanted.seen.or_else(|| wanted.customer.map(|details| customers::resolve(world, details)));
    let now = world.now(ClockId::WORLD);
    let life = match kind {
        // The link of a subscription waits as long as its customer does.
        Kind::Link(Some(_)) => None,
        _ => Some(Cadence::seconds(60 * wanted.expires_in.unwrap_or(LIFE_MINUTES))),
    };
    let row = Checkout {
        kind,
        key: Arc::from(key(world)),
        request_id: wanted.request_id,
        order_id: wanted.order_id,
        currency: wanted.currency,
        amount,
        status: Status::Pending,
        refunded: Decimal::ZERO,
        used: None,
        customer,
        billing: wanted.billing_address.map(Arc::new),
        delivery: wanted.delivery_address.map(Arc::new),
        branch,
        description: wanted.description,
        device: wanted.device_reference,
        items: wanted.items.into(),
        totals,
        return_url: wanted.return_url,
        created_at: now,
        expires_at: life.and_then(|life| life.after(now, 1)),
        paid_at: None,
        payment: None,
    };
    Ok(insert(world, row))
}

/// Puts a new one into the table, starts its time and tells of it.
fn insert(world: &mut World, row: Checkout) -> Id<Checkout> {
    let (request_id, key) = (Arc::clone(&row.request_id), Arc::clone(&row.key));
    let id = world.state.checkouts.insert(row);
    world.state.checkouts_by_request.insert(request_id, id);
    world.state.checkouts_by_key.insert(key, id);
    set_expiry(world, id);
    tell(world, id);
    id
}

/// The key of the next one: 48 digits of sixteen that follow from the seed.
fn key(world: &World) -> String {
    let row = world.state.checkouts.next_id().number().to_le_bytes();
    let own = hash(hash(world.state.seed, b"checkout key"), &row);
    hex(own, KEY_WORDS)
}

impl Wanted {
    /// What somebody pays under a reference of its own, once all else is said.
    pub fn plain(request_id: &str, order_id: &str, currency: &Arc<str>, amount: Decimal) -> Self {
        Self {
            request_id: request_id.into(),
            order_id: order_id.into(),
            currency: Arc::clone(currency),
            amount: Amount(amount),
            totals: None,
            items: Vec::new(),
            customer: None,
            billing_address: None,
            delivery_address: None,
            branch_id: None,
            description: None,
            return_url: None,
            expires_in: None,
            device_reference: None,
            seen: None,
        }
    }
}
