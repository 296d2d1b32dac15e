//! Getting an invoice paid: recorded, by link, by a new attempt.
//!
//! Facts: paygentic-behaviour §2.8 (settle, retry), §2.9 (link life, older checkout).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Body, Invoice, Status, body};
use crate::api::{Call, Fault, Kind, Reply};
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::letters;
use crate::providers::paygentic::payment_sessions::{self, Charge, Opening, Purpose, Redirects, Session};
use crate::time::{Cadence, Timestamp};
use crate::world::Id;

/// How long a payment link of an invoice lives.
pub const LINK_LIFE: Cadence = Cadence::days(30);
/// How often an invoice may be tried again.
const RETRY_EVERY: Cadence = Cadence::seconds(60);

#[derive(Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
enum Record {
    OutOfBand,
    HostedLink,
}

#[derive(Serialize)]
#[serde(tag = "method", rename_all = "snake_case")]
enum Recorded<'a> {
    OutOfBand {
        invoice: Body<'a>,
    },
    #[serde(rename_all = "camelCase")]
    HostedLink {
        provider: &'static str,
        payment_session_id: String,
        payment_url: String,
        invoice: Body<'a>,
    },
}

pub(super) fn record(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    match call.input()? {
        Record::OutOfBand => out_of_band(world, id)?,
        Record::HostedLink => return hosted_link(world, id, call),
    }
    let invoice = body(world, id, &world.state.invoices[id], call.site);
    Ok(Reply::ok(&Recorded::OutOfBand { invoice }))
}

fn out_of_band(world: &mut World, id: Id<Invoice>) -> Result<(), Fault> {
    match world.state.invoices[id].status {
        Status::Issued | Status::PaymentFailed => {}
        Status::Paid => return Err(Fault::conflict("The invoice is paid already")),
        status => {
            let message = format!("A payment can be recorded for an invoice that is issued; this one is {status:?}");
            return Err(Fault::bad_request(message));
        }
    }
    cycle::settle(world, id);
    Ok(())
}

fn hosted_link(world: &mut World, id: Id<Invoice>, call: &Call) -> Result<Reply, Fault> {
    let row = &world.state.invoices[id];
    if !row.is_owed() {
        let message =
            format!("A link needs an invoice that is issued or whose payment failed; this one is {:?}", row.status);
        return Err(Fault::unprocessable(message).with_code("INVOICE_NOT_LINKABLE_STATUS"));
    }
    let session = link(world, id, None, false)?;
    letters::link(world, id, session);
    let payment_url = payment_sessions::url(&world.state, session, call.site);
    let invoice = body(world, id, &world.state.invoices[id], call.site);
    let payment_session_id = world.state.sessions.text(session).to_string();
    Ok(Reply::ok(&Recorded::HostedLink { provider: "stripe", payment_session_id, payment_url, invoice }))
}

/// A new page for an invoice, in place of an older one.
pub fn link(
    world: &mut World,
    id: Id<Invoice>,
    redirects: Option<Redirects>,
    save: bool,
) -> Result<Id<Session>, Fault> {
    let (_, now) = cycle::clock_of(world, world.state.invoices[id].subscription);
    let expires_at =
        LINK_LIFE.after(now, 1).ok_or_else(|| Fault::internal("the link would expire beyond the calendar"))?;
    Ok(open_page(world, id, Page { expires_at, redirects, save }))
}

/// How a page of an invoice waits for its customer.
pub struct Page {
    pub expires_at: Timestamp,
    pub redirects: Option<Redirects>,
    pub save: bool,
}

/// Opens a page that waits for the payment of an invoice, in place of an older one.
pub fn open_page(world: &mut World, id: Id<Invoice>, page: Page) -> Id<Session> {
    payment_sessions::withdraw_of(world, id);
    let row = &world.state.invoices[id];
    let subscription = &world.state.subscriptions[row.subscription];
    let opening = Opening {
        purpose: Purpose::Invoice(id),
        customer: Some(subscription.customer),
        amount: row.totals.gross(),
        currency: world.state.plans[subscription.plan].currency.clone(),
        clock: subscription.clock,
        expires_at: page.expires_at,
        redirects: page.redirects,
        save: page.save,
        metadata: None,
    };
    let session = payment_sessions::open(world, opening);
    world.state.invoices.update(id, |row| row.session = Some(session));
    session
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkout {
    redirect_urls: Option<Redirects>,
    #[serde(default)]
    save_payment_method: bool,
}

/// The older way to a page (guide "customer lifecycle").
pub(super) fn checkout(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let Checkout { redirect_urls, save_payment_method } = call.input()?;
    let row = &world.state.invoices[id];
    if !row.is_owed() {
        let message =
            format!("A checkout needs an invoice that is issued or whose payment failed; this one is {:?}", row.status);
        return Err(Fault::bad_request(message));
    }
    let session = link(world, id, redirect_urls, save_payment_method)?;
    let payment_url = payment_sessions::url(&world.state, session, call.site);
    let payment_session_id = world.state.sessions.text(session);
    Ok(Reply::created(&json!({ "paymentUrl": payment_url, "paymentSessionId": payment_session_id })))
}

/// Charges the stored card again. A decline is an answer, not a refusal: it has been tried.
pub(super) fn retry(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let row = &world.state.invoices[id];
    let subscription = &world.state.subscriptions[row.subscription];
    let now = world.now(subscription.clock);
    if row.status == Status::Paid {
        return Ok(retried(world, id, 200, None));
    }
    if !row.is_owed() {
        let message = format!("Only an issued invoice can be collected again; this one is {:?}", row.status);
        return Err(Fault::bad_request(message));
    }
    if !subscription.auto_charge {
        return Err(Fault::bad_request("The subscription is not charged automatically: send a payment link instead"));
    }
    if row.retried_at.and_then(|at| RETRY_EVERY.after(at, 1)).is_some_and(|next| now < next) {
        return Err(Fault::new(Kind::TooManyRequests, "An invoice can be retried once a minute"));
    }
    let has_method = !world.state.customers[subscription.customer].payment_methods.is_empty();
    if !has_method {
        let error = ("no_payment_method", "The customer has no stored payment method");
        return Ok(retried(world, id, 422, Some(error)));
    }
    let Some(session) = row.session else {
        return Err(Fault::bad_request("The invoice was never tried: there is no payment session to retry"));
    };
    if payment_sessions::is_expired(&world.state, session) {
        let error = ("PAYMENT_SESSION_EXPIRED", "The link of the invoice has expired: make a new one");
        return Ok(retried(world, id, 409, Some(error)));
    }
    world.state.invoices.update(id, |row| row.retried_at = Some(now));
    match payment_sessions::charge_off_session(world, id) {
        Charge::Declined(code) => Ok(retried(world, id, 402, Some((code, "The card was declined")))),
        Charge::Paid | Charge::NoMethod => Ok(retried(world, id, 200, None)),
    }
}

fn retried(world: &World, id: Id<Invoice>, status: u16, error: Option<(&str, &str)>) -> Reply {
    let row = &world.state.invoices[id];
    let mut body = json!({
        "object": "retry_payment_result",
        "success": error.is_none(),
        "invoiceId": world.state.invoices.text(id),
    });
    if let Some(session) = row.session {
        body["paymentIntentId"] = json!(payment_sessions::provider_reference(&world.state, session));
    }
    if let Some((code, message)) = error {
        body["error"] = json!({ "message": message, "type": "invalid_request_error", "code": code });
        if status == 402 {
            body["error"]["type"] = json!("card_error");
            body["error"]["declineCode"] = json!(code);
        }
    }
    Reply::json(status, &body)
}
