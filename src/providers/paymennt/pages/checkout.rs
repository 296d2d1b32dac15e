//! The checkout page, by itself and embedded, and the links that lead there.
//!
//! Facts: paymennt §5 (page, terms, addresses, completion paths, return parameters). A card that is declined ends the
//! checkout, as shops expect it: they ask how it went and make another one (docs/fidelity.md).

use http::Method;
use rust_decimal::Decimal;

use super::{message, now};
use crate::api::{Page, Reply, Visit, anywhere, enter, show, submit};
use crate::billing::money::major;
use crate::pages::{Bill, CardForm, Checkout, Line, Message, Notice, is_test_card, test_cards};
use crate::providers::paymennt::checkouts::{self, Status, return_url};
use crate::providers::paymennt::payments::{self, Attempt, challenge_url};
use crate::providers::paymennt::state::State;
use crate::providers::paymennt::subscriptions;
use crate::providers::paymennt::{MERCHANT, World};
use crate::world::Id;

type Row = checkouts::Checkout;

/// Cards of the vendor's own documents, whose printed expiry has passed (§5).
pub const DOCUMENTED: [&str; 2] = ["4242424242424242", "4012888888881881"];

pub fn pages() -> Vec<Page<State>> {
    vec![
        show("/checkout/{token}", is_checkout, open),
        submit("/checkout/{token}", is_checkout, pay),
        submit("/checkout/{token}/cancel", is_checkout, cancel),
        show("/checkout/{token}/complete", is_checkout, complete),
        show("/{frame}/checkout/{token}", is_checkout, open),
        submit("/{frame}/checkout/{token}", is_checkout, pay),
        submit("/{frame}/checkout/{token}/cancel", is_checkout, cancel),
        show("/{frame}/checkout/{token}/complete", is_checkout, complete),
        anywhere(Method::GET, "/hosted/pay", hosted),
        enter("/link/{token}", is_link, link),
    ]
}

fn is_checkout(world: &World, token: &str) -> bool {
    world.state.checkouts_by_key.contains_key(token)
}

fn is_link(world: &World, token: &str) -> bool {
    world.state.links.contains_key(token)
}

/// The address that some shops make themselves.
fn hosted(visit: &Visit) -> Reply {
    Reply::redirect(&format!("{}/checkout/{}", visit.site, visit.query.text("checkoutKey")))
}

/// The link of a subscription: its checkout is made when it is first opened.
fn link(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let Some(payment) = world.state.links.get(&*visit.token).copied() else { return Err(lost(visit)) };
    let id = subscriptions::open(world, payment).map_err(|fault| message(visit, 409, "Not payable", fault.message))?;
    Ok(Reply::redirect(&checkouts::url(&world.state.checkouts[id], visit.site)))
}

fn lost(visit: &Visit) -> Reply {
    message(visit, 404, "This link leads nowhere", "There is no such checkout any more.")
}

fn of(world: &World, visit: &Visit) -> Result<Id<Row>, Reply> {
    let found = world.state.checkouts_by_key.get(&*visit.token).copied();
    found.filter(|_| matches!(visit.segment("frame"), "" | "embedded")).ok_or_else(|| lost(visit))
}

/// The checkout of the address, while it can be paid. What is over goes where its customer would be led.
fn pending(world: &World, visit: &Visit) -> Result<Id<Row>, Reply> {
    let id = of(world, visit)?;
    let row = &world.state.checkouts[id];
    let is_over = row.expires_at.is_some_and(|at| at <= now(world, visit));
    match row.status {
        Status::Pending if !is_over => Ok(id),
        _ => Err(Reply::redirect(&below(visit, "/complete/"))),
    }
}

/// The page's own address, and what is below it: an embedded one stays embedded.
fn below(visit: &Visit, rest: &str) -> String {
    let frame = if visit.segment("frame").is_empty() { "" } else { "/embedded" };
    format!("{}{frame}/checkout/{}{rest}", visit.site, visit.token)
}

fn open(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let mut page = page_of(world, id, visit);
    let card = visit.query.text("card");
    if is_test_card(card) {
        page.form = CardForm::filled(card, &page.cardholder, now(world, visit));
    }
    Ok(Reply::page(200, page.html()))
}

fn pay(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let mut form = CardForm::typed(&visit.form);
    let card = form.check_but(now(world, visit), &DOCUMENTED);
    let accepted = visit.form.has("terms");
    let (Some(card), true) = (card, accepted) else {
        let text = if accepted { "Check the marked fields." } else { "Accept the terms and conditions to go on." };
        let page = page_of(world, id, visit);
        let page = Checkout { form, terms: Some(accepted), notice: Some(Notice::bad(text)), ..page };
        return Err(Reply::page(422, page.html()));
    };
    let payment = payments::charge(world, id, &card, Attempt::Page);
    if world.state.payments[payment].status == payments::Status::Redirect {
        return Ok(Reply::redirect(&challenge_url(&world.state, payment, visit.site)));
    }
    Ok(Reply::redirect(&below(visit, "/complete/")))
}

fn cancel(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    // What is pending can be given up.
    let _ = checkouts::give_up(world, id);
    Ok(Reply::redirect(&below(visit, "/complete/")))
}

/// How it ended, and on to the shop.
fn complete(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = of(world, visit)?;
    let row = &world.state.checkouts[id];
    let is_over = row.expires_at.is_some_and(|at| at <= now(world, visit));
    let (title, text, good) = match row.status {
        Status::Pending if !is_over => return Err(Reply::redirect(&checkouts::url(row, visit.site))),
        Status::Pending | Status::Expired => ("This checkout has expired", "Ask the merchant for a new one.", false),
        Status::Paid | Status::Refunded | Status::PartiallyRefunded | Status::Chargeback => {
            ("Thank you", "Your payment was received.", true)
        }
        Status::Authorized | Status::PendingConfirmation => ("Thank you", "Your payment is being confirmed.", true),
        Status::Failed => ("Payment failed", "Your card was declined. Nothing was charged.", false),
        Status::Cancelled => ("Cancelled", "Nothing was charged.", false),
    };
    let url = return_url(&world.state, id);
    if visit.framed == Some(false)
        && let Some(url) = &url
    {
        return Ok(Reply::redirect(url));
    }
    let page = Message { good, ..Message::new(visit.leaving(url.as_deref()), title, text) };
    Ok(Reply::page(200, visit.onward(page, url.as_deref()).html()))
}

fn page_of(world: &World, id: Id<Row>, visit: &Visit) -> Checkout {
    let row = &world.state.checkouts[id];
    let bill = bill(row);
    Checkout {
        frame: visit.frame(),
        address: below(visit, ""),
        button: format!("Pay {}", bill.amount),
        bill,
        form: CardForm::empty(),
        save: None,
        terms: Some(false),
        codes: None,
        cancels: true,
        notice: None,
        test_cards: test_cards(now(world, visit)),
        cardholder: row.customer.as_ref().map(|seen| seen.details.name()).unwrap_or_default(),
    }
}

fn bill(row: &Row) -> Bill {
    let money = |amount: Decimal| format!("{} {}", row.currency, major(amount, &row.currency));
    let title = row.description.as_deref().map_or_else(|| format!("Order {}", row.order_id), str::to_owned);
    let line = |item: &crate::providers::paymennt::body::Item| Line {
        name: item.name.to_string(),
        detail: (item.quantity.0 != Decimal::ONE).then(|| format!("× {}", item.quantity)),
        amount: money(item.linetotal.0),
    };
    let mut sums: Vec<(String, String)> = Vec::new();
    if let Some(totals) = &row.totals {
        sums.extend(totals.sums().into_iter().map(|(label, amount)| (label.to_owned(), money(amount))));
    }
    let lines: Vec<Line> = row.items.iter().map(line).collect();
    if !lines.is_empty() {
        sums.push(("Total".to_owned(), money(row.amount)));
    }
    Bill { merchant: MERCHANT, title, detail: None, amount: money(row.amount), lines, sums }
}
