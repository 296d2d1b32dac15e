//! The checkout: a bill, a card form, and the magic cards.

use super::bill::Bill;
use super::{below, done, now, pending};
use crate::api::{Reply, Visit};
use crate::pages::{CardForm, Checkout, Notice, decline, is_test_card, test_cards};
use crate::providers::paygentic::World;
use crate::providers::paygentic::payment_sessions::{self, Challenge, Purpose, Session, Status, keeps};
use crate::world::Id;

/// Who holds a card that is filled in, where there is no customer.
const NOBODY: &str = "Jo Doe";

pub(super) fn show(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let paid = super::session(world, visit)?;
    if world.state.sessions[paid].status == Status::Completed {
        return Ok(done::paid_already(world, paid, visit));
    }
    let id = pending(world, visit)?;
    let mut page = page_of(world, id, visit);
    let card = visit.query.text("card");
    if is_test_card(card) {
        page.form = CardForm::filled(card, &page.cardholder, now(world, id, visit));
    }
    page.notice = match visit.query.text("told") {
        "cancelled" => Some(Notice::plain("Cancelled: nothing was charged. You can still pay here.")),
        "abandoned" => Some(Notice::plain("The confirmation was left unfinished: nothing was charged.")),
        "authentication_failed" => {
            page.frame.post = super::word(visit, done::FAILED);
            Some(Notice::bad(decline("authentication_failed")))
        }
        _ => None,
    };
    Ok(Reply::page(200, page.html()))
}

pub(super) fn pay(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let mut form = CardForm::typed(&visit.form);
    let Some(card) = form.check(now(world, id, visit)) else {
        let notice = Notice::bad("Check the marked fields.");
        return Err(Reply::page(422, again(world, id, visit, form, notice).html()));
    };
    let row = &world.state.sessions[id];
    let save = row.customer.map(|_| visit.form.has("save"));
    if payment_sessions::asks(world, id, &card) {
        payment_sessions::ask(world, id, Challenge { card, save });
        return Ok(Reply::redirect(&below(&world.state, id, visit, "/challenge")));
    }
    match payment_sessions::charge(world, id, &card, save) {
        Ok(()) => Ok(Reply::redirect(&below(&world.state, id, visit, "/done"))),
        // The session remembers the decline, so this page is not a refusal: something has happened.
        Err(code) => {
            let mut page = again(world, id, visit, form, Notice::bad(decline(code)));
            page.frame.post = super::word(visit, done::FAILED);
            Ok(Reply::page(402, page.html()))
        }
    }
}

/// The customer does not want to pay now. The session waits on, in case they come back.
pub(super) fn cancel(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    payment_sessions::put_off(world, id);
    if visit.framed == Some(false) {
        return Ok(done::leave(world, id, visit));
    }
    Ok(Reply::redirect(&below(&world.state, id, visit, "/done?outcome=cancelled")))
}

/// The page as the customer left it, with what is wrong.
fn again(world: &World, id: Id<Session>, visit: &Visit, form: CardForm, notice: Notice) -> Checkout {
    let page = page_of(world, id, visit);
    let save = page.save.map(|_| visit.form.has("save"));
    Checkout { form, save, notice: Some(notice), ..page }
}

fn page_of(world: &World, id: Id<Session>, visit: &Visit) -> Checkout {
    let state = &world.state;
    let row = &state.sessions[id];
    let setup = matches!(row.purpose, Purpose::Setup(_));
    let bill = Bill::of(state, row);
    let consumer = row.customer.map(|customer| state.customers[customer].consumer);
    Checkout {
        frame: visit.frame(),
        address: below(state, id, visit, ""),
        button: if setup { "Save card".to_owned() } else { format!("Pay {}", bill.amount) },
        bill,
        form: CardForm::empty(),
        save: row.customer.filter(|_| !setup).map(|_| keeps(state, row, None)),
        terms: None,
        codes: None,
        cancels: true,
        notice: None,
        test_cards: test_cards(now(world, id, visit)),
        cardholder: consumer.map_or(NOBODY, |consumer| &*state.consumers[consumer].name).to_owned(),
    }
}
