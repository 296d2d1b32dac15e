//! What a customer does in the portal: the same as through the API, for their own data only.

use super::view::{NewMethod, address_form, labelled, others, page, tax_form};
use super::{Guest, guest, home};
use crate::api::{Reply, Visit};
use crate::pages::CardForm;
use crate::providers::paylera::World;
use crate::providers::paylera::body::Address;
use crate::providers::paylera::collection;
use crate::providers::paylera::customers;
use crate::providers::paylera::pages::{message, now};
use crate::providers::paylera::payment_methods::{self, PaymentMethod};
use crate::providers::paylera::payments::{self, ReturnUrl, Status as PaymentStatus, challenge_url};
use crate::providers::paylera::portal_sessions;
use crate::providers::paylera::subscriptions::{self, Proration, Quantities, Subscription};
use crate::world::{Id, Row, Table};

/// Longer ones are nobody's tax number, street or town.
const MOST_LETTERS: usize = 255;

/// A module that is hidden cannot be used either.
pub(super) fn allowed(visit: &Visit, is_shown: bool) -> Result<(), Reply> {
    if is_shown {
        return Ok(());
    }
    Err(message(visit, 403, "Not here", "This portal does not offer that. Ask whoever sent you here.").unframed())
}

/// Back to the portal, with a word on what was done.
fn told(world: &mut World, visit: &Visit, guest: Guest, action: &'static str, word: &str) -> Reply {
    portal_sessions::did(world, guest.session, action);
    Reply::redirect(&format!("{}?told={word}", home(visit)))
}

fn refused(visit: &Visit) -> Reply {
    Reply::redirect(&format!("{}?told=refused", home(visit)))
}

/// The row of a segment, if it is this customer's: another's is like none.
fn own<T: Row>(table: &Table<T>, visit: &Visit, segment: &str, is_own: impl Fn(&T) -> bool) -> Result<Id<T>, Reply> {
    let found = table.find(visit.segment(segment)).filter(|id| is_own(&table[*id]));
    found.ok_or_else(|| {
        message(visit, 404, "This link leads nowhere", format!("There is no such {}.", T::NOUN)).unframed()
    })
}

fn own_method(world: &World, visit: &Visit, guest: Guest) -> Result<Id<PaymentMethod>, Reply> {
    let text = visit.segment("method");
    payment_methods::owned(&world.state, guest.customer, text)
        .ok_or_else(|| message(visit, 404, "This link leads nowhere", "There is no such payment method.").unframed())
}

fn own_subscription(world: &World, visit: &Visit, guest: Guest) -> Result<Id<Subscription>, Reply> {
    own(&world.state.subscriptions, visit, "subscription", |row| row.customer == guest.customer)
}

pub(super) fn add_method(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.payment_methods)?;
    let mut form = labelled(CardForm::typed(&visit.form), guest.words);
    let Some(card) = form.check(now(world, visit)) else {
        let mut page = NewMethod::of(world, visit, guest);
        page.form = form;
        page.notice = Some(guest.words.check_fields);
        return Err(page.reply(422));
    };
    payment_methods::add_card(world, guest.customer, &card);
    Ok(told(world, visit, guest, "payment_method_attached", "method"))
}

pub(super) fn remove_method(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.payment_methods)?;
    let id = own_method(world, visit, guest)?;
    payment_methods::take(world, id);
    Ok(told(world, visit, guest, "payment_method_detached", "method"))
}

pub(super) fn prefer_method(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.payment_methods)?;
    let id = own_method(world, visit, guest)?;
    if customers::set_default_method(world, guest.customer, Some(id)) {
        customers::updated(world, guest.customer);
    }
    Ok(told(world, visit, guest, "default_payment_method_changed", "method"))
}

pub(super) fn change_plan(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.subscription_update)?;
    let id = own_subscription(world, visit, guest)?;
    let code = visit.form.text("plan");
    let offered = others(&world.state, guest.words, guest.modules, &world.state.subscriptions[id]);
    allowed(visit, offered.iter().any(|(known, _)| known == code))?;
    subscriptions::change_plan_now(world, id, code, None, Proration::default()).map_err(|_| refused(visit))?;
    Ok(told(world, visit, guest, "subscription_updated", "plan"))
}

pub(super) fn change_quantity(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.subscription_update)?;
    let id = own_subscription(world, visit, guest)?;
    let row = &world.state.subscriptions[id];
    let plan = world.state.plans[row.plan].code.to_string();
    let meters = row.quantities.keys().cloned().chain(subscriptions::meters(&world.state, row.plan));
    let read = |meter: std::sync::Arc<str>| {
        let text = visit.form.text(&meter);
        let units: Option<u64> = text.parse().ok().filter(|units| *units <= subscriptions::MOST_UNITS);
        (!text.is_empty()).then(|| units.map(|units| (meter, units)).ok_or_else(|| refused(visit)))
    };
    let asked: Quantities = meters.filter_map(read).collect::<Result<_, _>>()?;
    subscriptions::change_plan_now(world, id, &plan, Some(asked), Proration::default()).map_err(|_| refused(visit))?;
    Ok(told(world, visit, guest, "subscription_updated", "quantity"))
}

/// What is paid for is kept: it ends with its period.
pub(super) fn cancel(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.subscription_cancel)?;
    let id = own_subscription(world, visit, guest)?;
    subscriptions::schedule_cancel(world, id, None).map_err(|_| refused(visit))?;
    Ok(told(world, visit, guest, "subscription_canceled", "canceled"))
}

pub(super) fn reactivate(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.subscription_cancel)?;
    let id = own_subscription(world, visit, guest)?;
    subscriptions::reactivate_now(world, id).map_err(|_| refused(visit))?;
    Ok(told(world, visit, guest, "subscription_reactivated", "reactivated"))
}

/// Tries an open invoice once more, with the method that it would be charged to.
pub(super) fn pay(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.invoices)?;
    let id = own(&world.state.invoices, visit, "invoice", |row| row.customer == guest.customer)?;
    let row = &world.state.invoices[id];
    let method = collection::method(&world.state, guest.customer, row.subscription);
    let (true, Some(method)) = (row.status.is_payable(), method) else { return Err(refused(visit)) };
    payments::abandon(world, id);
    let payment = payments::charge(world, id, method, Some(ReturnUrl::to(&home(visit))));
    Ok(match world.state.payments[payment].status {
        PaymentStatus::Succeeded => told(world, visit, guest, "invoice_paid", "paid"),
        PaymentStatus::RequiresAction => {
            portal_sessions::did(world, guest.session, "invoice_payment_started");
            Reply::redirect(&challenge_url(&world.state, payment, visit.site))
        }
        _ => told(world, visit, guest, "invoice_payment_failed", "declined"),
    })
}

pub(super) fn add_tax_id(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.tax_ids)?;
    let (kind, value) = (visit.form.text("tax-type"), visit.form.text("tax-value"));
    let is_kind = kind.split_once('_').is_some_and(|(region, name)| {
        let small = |text: &str| {
            text.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_')
        };
        region.len() == 2 && small(region) && !name.is_empty() && small(name) && kind.len() <= 32
    });
    if !is_kind || value.is_empty() || value.len() > 64 {
        let mut page = page(world, visit, guest);
        page.tax_form = tax_form(guest.words, kind, value);
        let place = usize::from(is_kind);
        page.tax_form.fields[place].problem = Some(guest.words.bad_tax_id);
        return Err(page.wrong());
    }
    customers::tax_ids::give(world, guest.customer, kind.into(), value.into());
    Ok(told(world, visit, guest, "tax_id_added", "tax"))
}

pub(super) fn remove_tax_id(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.tax_ids)?;
    let known = customers::tax_ids::of(&world.state, guest.customer).map(|(id, ..)| id);
    let wanted = world.state.tax_ids.find(visit.segment("tax_id"));
    let id = known.into_iter().find(|id| Some(*id) == wanted);
    let Some(id) = id else {
        return Err(message(visit, 404, "This link leads nowhere", "There is no such tax id.").unframed());
    };
    customers::tax_ids::take(world, guest.customer, id);
    Ok(told(world, visit, guest, "tax_id_removed", "tax"))
}

pub(super) fn change_address(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    allowed(visit, guest.modules.billing_address)?;
    let read = |name: &str| -> Option<Box<str>> {
        let text: String = visit.form.text(name).chars().take(MOST_LETTERS).collect();
        (!text.is_empty()).then(|| text.into())
    };
    let address = Address {
        line1: read("line1"),
        line2: read("line2"),
        city: read("city"),
        region: read("region"),
        country: read("country"),
        postal_code: read("postal_code"),
    };
    let is_code = |code: &str| code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
    if address.country.as_deref().is_some_and(|code| !is_code(code)) {
        let mut page = page(world, visit, guest);
        page.address_form = address_form(guest.words, &address);
        if let Some(field) = page.address_form.fields.last_mut() {
            field.problem = Some(guest.words.bad_country);
        }
        return Err(page.wrong());
    }
    customers::move_to(world, guest.customer, address);
    Ok(told(world, visit, guest, "billing_address_updated", "address"))
}

/// Back to the app: the session is over.
pub(super) fn leave(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    portal_sessions::complete(world, guest.session);
    Ok(Reply::redirect(&world.state.portal_sessions[guest.session].return_url))
}
