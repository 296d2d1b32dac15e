//! The checkout page.
//!
//! Facts: paylera §6.2. A card that is declined changes nothing: what was done on the way is dropped with the world that
//! it was done in.

use rust_decimal::Decimal;

use super::{message, minute, now};
use crate::api::{Page, Reply, Visit, show, submit};
use crate::billing::money::major;
use crate::pages::{Bank, Bill, CardForm, Checkout, Codes, Line, Message, Notice, is_test_card, test_cards};
use crate::providers::paylera::World;
use crate::providers::paylera::checkout_sessions::{self, Mode, Session, Status, success_url, url};
use crate::providers::paylera::coupons;
use crate::providers::paylera::customers;
use crate::providers::paylera::payments::Decline;
use crate::providers::paylera::state::{MERCHANT, State};
use crate::world::Id;

pub fn pages() -> Vec<Page<State>> {
    vec![
        show("/checkout/c/{token}", is_session, open),
        submit("/checkout/c/{token}", is_session, pay),
        submit("/checkout/c/{token}/codes", is_session, codes),
        submit("/checkout/c/{token}/cancel", is_session, cancel),
        show("/checkout/c/{token}/challenge", is_session, ask),
        submit("/checkout/c/{token}/challenge", is_session, answer),
        show("/checkout/c/{token}/done", is_session, done),
    ]
}

fn is_session(world: &World, token: &str) -> bool {
    world.state.checkout_sessions.find(token).is_some()
}

/// The session of the address, while it can be paid.
fn pending(world: &World, visit: &Visit) -> Result<Id<Session>, Reply> {
    let Some(id) = world.state.checkout_sessions.find(&visit.token) else {
        return Err(message(visit, 404, "This link leads nowhere", "There is no such checkout any more."));
    };
    let row = &world.state.checkout_sessions[id];
    match row.status {
        Status::Open if row.expires_at > now(world, visit) && customers::is_live(&world.state, row.customer) => Ok(id),
        Status::Complete => Err(Reply::redirect(&below(&world.state, id, visit, "/done"))),
        Status::Open | Status::Expired => {
            let text = format!("It could be used until {}. Ask {MERCHANT} for a new one.", minute(row.expires_at));
            Err(message(visit, 410, "This checkout has expired", text))
        }
    }
}

fn below(state: &State, id: Id<Session>, visit: &Visit, rest: &str) -> String {
    url(state, id, visit.site) + rest
}

fn open(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let found = world.state.checkout_sessions.find(&visit.token);
    if let Some(id) = found.filter(|id| world.state.checkout_sessions[*id].status == Status::Complete) {
        let page = Message::new(visit.frame(), "This checkout is complete", "Nothing is left to do here.");
        let page = Message { good: true, ..page }.with_link("Continue", success_url(&world.state, id), true);
        return Err(Reply::page(410, page.html()));
    }
    let id = pending(world, visit)?;
    let mut page = page_of(world, id, visit);
    let card = visit.query.text("card");
    if is_test_card(card) {
        page.form = CardForm::filled(card, &page.cardholder, now(world, visit));
    }
    page.notice = match visit.query.text("told") {
        "abandoned" => Some(Notice::plain("The confirmation was left unfinished: nothing was charged.")),
        "authentication_failed" => Some(Notice::bad(Decline::NotAuthenticated.message())),
        "cancelled" => Some(Notice::plain("Cancelled: nothing was charged. You can still pay here.")),
        _ => None,
    };
    Ok(Reply::page(200, page.html()))
}

fn pay(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let mut form = CardForm::typed(&visit.form);
    let Some(card) = form.check(now(world, visit)) else {
        let page =
            Checkout { form, notice: Some(Notice::bad("Check the marked fields.")), ..page_of(world, id, visit) };
        return Err(Reply::page(422, page.html()));
    };
    if checkout_sessions::asks(world, id, &card) {
        checkout_sessions::set(world, id, |row| row.challenge = Some(card));
        return Ok(Reply::redirect(&below(&world.state, id, visit, "/challenge")));
    }
    let page = page_of(world, id, visit);
    match checkout_sessions::complete(world, id, &card) {
        Ok(()) => Ok(Reply::redirect(&below(&world.state, id, visit, "/done"))),
        Err(why) => {
            let page = Checkout { form, notice: Some(Notice::bad(why.message())), ..page };
            // A decline may have been scripted, and is spent then.
            Ok(Reply::page(402, page.html()))
        }
    }
}

fn codes(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let home = below(&world.state, id, visit, "");
    if !world.state.checkout_sessions[id].takes_codes {
        return Err(message(visit, 403, "No codes here", "This checkout takes no promotion codes."));
    }
    if visit.form.has("remove") {
        checkout_sessions::remove_code(world, id, visit.form.text("remove"));
        return Ok(Reply::redirect(&home));
    }
    let typed = visit.form.text("code").to_owned();
    match checkout_sessions::add_code(world, id, &typed) {
        Ok(()) => Ok(Reply::redirect(&home)),
        Err(fault) => {
            let why = fault.violations.first().map_or(&fault.message, |violation| &violation.message);
            let mut letters = why.chars();
            let why = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
            let mut page = page_of(world, id, visit);
            page.codes = page.codes.map(|codes| Codes { typed, problem: Some(why), ..codes });
            Err(Reply::page(422, page.html()))
        }
    }
}

/// The session waits on, in case they come back.
fn cancel(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let url = world.state.checkout_sessions[id].cancel_url.as_deref();
    Ok(match url {
        Some(url) => Reply::redirect(url),
        None => Reply::redirect(&below(&world.state, id, visit, "?told=cancelled")),
    })
}

/// What the bank asks.
fn ask(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let Some(card) = &world.state.checkout_sessions[id].challenge else {
        return Err(Reply::redirect(&below(&world.state, id, visit, "")));
    };
    let bank = Bank {
        frame: visit.frame(),
        merchant: MERCHANT,
        amount: bill(world, id).amount,
        last4: card.last4(),
        address: below(&world.state, id, visit, "/challenge"),
    };
    Ok(Reply::page(200, bank.html()))
}

fn answer(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let to = |world: &World, rest: &str| Reply::redirect(&below(&world.state, id, visit, rest));
    let Some(card) = world.state.checkout_sessions[id].challenge.clone() else { return Err(to(world, "")) };
    match visit.form.text("answer") {
        "approve" => match checkout_sessions::complete(world, id, &card) {
            Ok(()) => Ok(to(world, "/done")),
            Err(_) => Err(to(world, "?told=authentication_failed")),
        },
        "fail" | "abandon" => {
            checkout_sessions::set(world, id, |row| row.challenge = None);
            let told = if visit.form.text("answer") == "fail" { "authentication_failed" } else { "abandoned" };
            Ok(to(world, &format!("?told={told}")))
        }
        _ => Err(to(world, "/challenge")),
    }
}

/// Paid: on to the merchant.
fn done(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let found = world.state.checkout_sessions.find(&visit.token);
    if let Some(id) = found.filter(|id| world.state.checkout_sessions[*id].status == Status::Complete) {
        let url = success_url(&world.state, id);
        if visit.framed == Some(false) {
            return Ok(Reply::redirect(&url));
        }
        let text = format!("{MERCHANT} has been told.");
        let page = Message { good: true, ..Message::new(visit.leaving(Some(&url)), "Done", text) };
        Ok(Reply::page(200, visit.onward(page, Some(&url)).html()))
    } else {
        let id = pending(world, visit)?;
        Err(Reply::redirect(&below(&world.state, id, visit, "")))
    }
}

fn page_of(world: &World, id: Id<Session>, visit: &Visit) -> Checkout {
    let state = &world.state;
    let row = &state.checkout_sessions[id];
    let bill = bill(world, id);
    let button = match row.mode {
        Mode::Setup => "Save card".to_owned(),
        Mode::Subscription if bill.lines.is_empty() => "Start".to_owned(),
        Mode::Subscription | Mode::Payment => format!("Pay {}", bill.amount),
    };
    let applied = row.coupons.iter().map(|coupon| coupons::code(state, *coupon).to_owned()).collect();
    Checkout {
        frame: visit.frame(),
        address: below(state, id, visit, ""),
        button,
        bill,
        form: CardForm::empty(),
        save: None,
        terms: None,
        codes: row.takes_codes.then(|| Codes { applied, ..Codes::default() }),
        cancels: row.cancel_url.is_some(),
        notice: None,
        test_cards: test_cards(now(world, visit)),
        cardholder: customers::name(state, row.customer).to_owned(),
    }
}

fn bill(world: &World, id: Id<Session>) -> Bill {
    let row = &world.state.checkout_sessions[id];
    let plan = row.plan.map(|plan| super::plan_name(&world.state, plan));
    let title = match (row.mode, plan) {
        (Mode::Setup, _) => "Save a payment method".to_owned(),
        (Mode::Subscription, Some(plan)) => format!("Subscribe to {plan}"),
        (_, _) => row.description.as_deref().unwrap_or("Payment").to_owned(),
    };
    let mut bill = Bill {
        merchant: MERCHANT,
        title,
        detail: None,
        amount: "No charge today".to_owned(),
        lines: Vec::new(),
        sums: Vec::new(),
    };
    let Some(quote) = checkout_sessions::quote(world, id) else {
        bill.detail = Some(format!("{MERCHANT} charges it when a payment falls due."));
        return bill;
    };
    let money = |value: Decimal| format!("{} {}", quote.currency, major(value, &quote.currency));
    if let Some(end) = quote.trial_end {
        bill.detail = Some(format!("Free until {}, then charged to this card.", crate::documents::date(end)));
    } else {
        bill.amount = money(quote.total.max(Decimal::ZERO));
    }
    let line = |(name, amount): &(String, Decimal)| Line { name: name.clone(), detail: None, amount: money(*amount) };
    bill.lines = quote.lines.iter().map(line).collect();
    for (label, value) in [("Discount", -quote.discount), ("Tax 8%", quote.tax)] {
        if !value.is_zero() {
            bill.sums.push((label.to_owned(), money(value)));
        }
    }
    if !bill.lines.is_empty() {
        bill.sums.push(("Total due".to_owned(), bill.amount.clone()));
    }
    bill
}
