//! Signing up behind an authorization link: who somebody is, for a merchant and perhaps a plan.
//!
//! Facts: guides "customers and subscriptions" and "customer lifecycle" (a consumer completes its own sign-up). The
//! fields are those of the API's consumer, and so are their rules. What is due at the start is paid in the checkout,
//! which leads on as the link says.

use askama::Template;
use serde_json::{Map, Value, json};

use super::terms::{self, Term};
use super::{message, minute, nowhere, today};
use crate::api::{Reply, Visit};
use crate::pages::{Field, Fields, Frame, Keyboard, Message, first_problem, html};
use crate::providers::paygentic::World;
use crate::providers::paygentic::customers::{self, Accepted, Authorization, ConsumerInput, is_country, read_input};
use crate::providers::paygentic::payment_sessions::{self, Session, Status};
use crate::providers::paygentic::state::{MERCHANT_NAME, State};
use crate::world::Id;

#[derive(Template)]
#[template(path = "paygentic/pages/authorize.html")]
struct Invitation {
    frame: Frame,
    merchant: &'static str,
    plan: Option<String>,
    terms: Vec<Term>,
    /// Where the form goes; declining is below it.
    address: String,
    form: SignUp,
    notice: Option<(String, bool)>,
}

impl Invitation {
    fn initial(&self) -> &str {
        self.merchant.get(..1).unwrap_or_default()
    }

    fn upfront(&self) -> bool {
        self.terms.iter().any(|term| term.upfront)
    }

    fn of(state: &State, link: &Authorization, visit: &Visit, form: SignUp) -> Self {
        Self {
            frame: visit.frame(),
            merchant: MERCHANT_NAME,
            plan: link.plan.map(|plan| state.plans[plan].name.to_string()),
            terms: link.plan.map(|plan| terms::of_plan(state, plan)).unwrap_or_default(),
            address: address(visit),
            form,
            notice: None,
        }
    }
}

fn address(visit: &Visit) -> String {
    format!("{}/authorize/{}", visit.site, visit.token)
}

/// The link in the address, while it can be used.
fn open<'w>(world: &'w World, visit: &Visit) -> Result<&'w Authorization, Reply> {
    let link = link(world, visit)?;
    if let Some(accepted) = link.accepted {
        // Whoever comes back before they have paid still can.
        if let Some(session) = waiting(&world.state, accepted) {
            return Err(Reply::redirect(&payment_sessions::url(&world.state, session, visit.site)));
        }
        let text = format!("Somebody has signed up with it. Ask {MERCHANT_NAME} for another one.");
        return Err(message(visit, 410, "This link has been used", text));
    }
    if link.expires_at <= today(world, visit) {
        let until = minute(link.expires_at);
        let text = format!("It could be used until {until}. Ask {MERCHANT_NAME} for a new one.");
        return Err(message(visit, 410, "This link has expired", text));
    }
    Ok(link)
}

fn link<'w>(world: &'w World, visit: &Visit) -> Result<&'w Authorization, Reply> {
    world.state.authorizations.get(&*visit.token).ok_or_else(|| nowhere(visit, "invitation"))
}

/// The payment that somebody who has signed up has not made yet.
fn waiting(state: &State, accepted: Accepted) -> Option<Id<Session>> {
    let session = state.subscriptions.get(accepted.subscription?)?.session?;
    (state.sessions[session].status == Status::Pending).then_some(session)
}

pub(super) fn show(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let link = open(world, visit)?;
    let mut page = Invitation::of(&world.state, link, visit, SignUp::invited(link));
    if visit.query.text("told") == "declined" {
        page.notice = Some(("You have not signed up. You can still do it here.".to_owned(), false));
    }
    Ok(Reply::page(200, html(&page)))
}

pub(super) fn sign_up(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let link = open(world, visit)?.clone();
    let mut form = SignUp::typed(&visit.form);
    let refuse = |world: &World, form, status, notice: String| {
        let page = Invitation { notice: Some((notice, true)), ..Invitation::of(&world.state, &link, visit, form) };
        Reply::page(status, html(&page))
    };
    let Some(consumer) = form.check() else {
        return Err(refuse(world, form, 422, "Check the marked fields.".to_owned()));
    };
    match customers::accept(world, &visit.token, consumer) {
        Ok(accepted) => Ok(Reply::redirect(&match waiting(&world.state, accepted) {
            Some(session) => payment_sessions::url(&world.state, session, visit.site),
            None => address(visit) + "/done",
        })),
        Err(fault) => {
            let notice = format!("Signing up did not work: {}.", fault.message);
            Err(refuse(world, form, 409, notice))
        }
    }
}

/// Signed up, with nothing to pay: on to the merchant. A page that frames this one is told nothing: the words that are
/// published are those of a payment.
pub(super) fn done(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let link = link(world, visit)?;
    let Some(accepted) = link.accepted else {
        return Err(Reply::redirect(&address(visit)));
    };
    let url = link.redirects.as_ref().and_then(|urls| urls.on_success.as_deref());
    if let (Some(url), Some(false)) = (url, visit.framed) {
        return Ok(Reply::redirect(url));
    }
    let text = match accepted.subscription.and_then(|id| world.state.subscriptions.get(id)) {
        Some(subscription) => format!("You are subscribed to {}.", subscription.name),
        None => format!("You are a customer of {MERCHANT_NAME} now."),
    };
    let page = Message { good: true, ..Message::new(visit.leaving(url), "Signed up", text) };
    Ok(Reply::page(200, visit.onward(page, url).html()))
}

/// Not now. The link can still be used.
pub(super) fn decline(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let link = open(world, visit)?;
    match (on_failure(link), visit.framed) {
        (Some(url), Some(false)) => Err(Reply::redirect(url)),
        (None, Some(false)) => Err(Reply::redirect(&(address(visit) + "?told=declined"))),
        _ => Err(Reply::redirect(&(address(visit) + "/declined"))),
    }
}

/// The same where the page is framed, or nobody knows whether it is.
pub(super) fn declined(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let url = on_failure(open(world, visit)?);
    let text = "You have not signed up. The link stays open until it expires.";
    let page = Message::new(visit.leaving(url), "Not now", text).with_link("Sign up after all", address(visit), false);
    Ok(Reply::page(200, visit.onward(page, url).html()))
}

fn on_failure(link: &Authorization) -> Option<&str> {
    link.redirects.as_ref().and_then(|urls| urls.on_failure.as_deref())
}

/// What a consumer says of themselves.
struct SignUp {
    name: Field,
    email: Field,
    line1: Field,
    city: Field,
    state: Field,
    zip: Field,
    country: Field,
}

impl SignUp {
    fn empty() -> Self {
        let part = |name, label, autocomplete| Field { optional: true, ..Field::new(name, label, autocomplete) };
        let half = |name, label, autocomplete| Field { half: true, ..part(name, label, autocomplete) };
        Self {
            name: Field::new("name", "Name", "name"),
            email: Field { keyboard: Keyboard::Email, ..Field::new("email", "E-mail address", "email") },
            line1: part("line1", "Address", "address-line1"),
            city: half("city", "City", "address-level2"),
            state: half("state", "State", "address-level1"),
            zip: Field { keyboard: Keyboard::Capitals, ..half("zip", "ZIP code", "postal-code") },
            country: Field { keyboard: Keyboard::Capitals, placeholder: "US", ..half("country", "Country", "country") },
        }
    }

    /// What the link knows already.
    fn invited(link: &Authorization) -> Self {
        let mut form = Self::empty();
        link.name.as_deref().unwrap_or_default().clone_into(&mut form.name.value);
        link.email.as_deref().unwrap_or_default().clone_into(&mut form.email.value);
        form
    }

    fn typed(fields: &Fields<'_>) -> Self {
        let mut form = Self::empty();
        for field in form.each() {
            fields.text(field.name).clone_into(&mut field.value);
        }
        form
    }

    fn each(&mut self) -> [&mut Field; 7] {
        let Self { name, email, line1, city, state, zip, country } = self;
        [name, email, line1, city, state, zip, country]
    }

    fn fields(&self) -> [&Field; 7] {
        [&self.name, &self.email, &self.line1, &self.city, &self.state, &self.zip, &self.country]
    }

    fn first_problem(&self) -> Option<&'static str> {
        first_problem(&self.fields())
    }

    /// The consumer, if the API would take it; what is wrong stands in its field then.
    fn check(&mut self) -> Option<ConsumerInput> {
        let read = read_input(&self.consumer());
        if let Err(violations) = &read {
            let wrong = |pointer: &str| violations.iter().any(|violation| violation.pointer == pointer);
            self.email.problem = wrong("/consumer/email").then_some("This is not an e-mail address: check it");
            self.name.problem = wrong("/consumer/name").then_some("Enter your name");
            self.country.problem = wrong("/consumer/address/country").then_some("Enter two letters, such as US or DE");
        }
        // The API takes an empty name and a country of two digits; a person cannot have meant them.
        if self.name.value.is_empty() {
            self.name.problem = Some("Enter your name");
        }
        if self.email.value.is_empty() {
            self.email.problem = Some("Enter your e-mail address");
        }
        if !self.country.value.is_empty() && !is_country(&self.country.value) {
            self.country.problem = Some("Enter two letters, such as US or DE");
        }
        read.ok().filter(|_| self.first_problem().is_none())
    }

    /// As a request of the API describes it; what is left empty is left out.
    fn consumer(&self) -> Value {
        let parts = [
            ("line1", &self.line1),
            ("city", &self.city),
            ("state", &self.state),
            ("zipCode", &self.zip),
            ("country", &self.country),
        ];
        let said = parts.into_iter().filter(|(_, field)| !field.value.is_empty());
        let mut address: Map<String, Value> = said.map(|(key, field)| (key.to_owned(), json!(field.value))).collect();
        if let Some(country) = address.get_mut("country") {
            *country = json!(self.country.value.to_uppercase());
        }
        json!({ "name": self.name.value, "email": self.email.value, "address": address })
    }
}
