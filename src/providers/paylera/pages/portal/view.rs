//! What the portal shows.

use askama::Template;
use rust_decimal::Decimal;

use super::words::Words;
use super::{Guest, guest, home};
use crate::api::{Reply, Visit};
use crate::billing::period::Window;
use crate::documents::date;
use crate::pages::{CardForm, Field, Frame, Group, Keyboard, first_problem, html, is_test_card, test_cards};
use crate::providers::paylera::body::Address;
use crate::providers::paylera::charges::{self, Span};
use crate::providers::paylera::customers;
use crate::providers::paylera::invoices;
use crate::providers::paylera::pages::{money, now, product_name};
use crate::providers::paylera::payment_methods;
use crate::providers::paylera::plans::{self, Plan};
use crate::providers::paylera::portal_sessions::Modules;
use crate::providers::paylera::state::State;
use crate::providers::paylera::subscriptions::{Status, Subscription};
use crate::providers::paylera::{World, plans::Interval};
use crate::time::Timestamp;
use crate::world::Id;

/// How many invoices are listed: the newest.
const INVOICES: usize = 24;

#[derive(Template)]
#[template(path = "paylera/pages/portal/portal.html")]
pub struct Portal {
    frame: Frame,
    w: &'static Words,
    address: String,
    merchant: String,
    logo: Option<String>,
    notice: Option<&'static str>,
    bad: bool,
    modules: Modules,
    subscriptions: Vec<Row>,
    methods: Vec<Method>,
    invoices: Vec<Bill>,
    tax_ids: Vec<(String, String, String)>,
    pub tax_form: Form,
    pub address_form: Form,
}

/// Fields and what is wrong with them.
#[derive(Clone)]
pub struct Form {
    pub fields: Vec<Field>,
}

impl Form {
    fn fields(&self) -> Vec<&Field> {
        self.fields.iter().collect()
    }

    fn first_problem(&self) -> Option<&'static str> {
        first_problem(&self.fields())
    }
}

struct Row {
    address: String,
    name: String,
    status: &'static str,
    mark: &'static str,
    facts: Vec<(&'static str, String)>,
    /// Code and name of what it can change to.
    plans: Vec<(String, String)>,
    /// Meter and how many units there are of it.
    quantities: Vec<(String, u64)>,
    can_cancel: bool,
    can_reactivate: bool,
}

struct Method {
    address: String,
    name: String,
    is_default: bool,
}

struct Bill {
    number: String,
    date: String,
    total: String,
    status: &'static str,
    mark: &'static str,
    pdf: String,
    pay: Option<String>,
}

pub(super) fn show(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    let mut page = page(world, visit, guest);
    let told = visit.query.text("told");
    page.notice = if told == "declined" { Some(guest.words.declined) } else { guest.words.said(told) };
    page.bad = matches!(told, "declined" | "refused");
    Ok(page.reply(200))
}

impl Portal {
    /// What stands for the merchant's logo.
    fn initial(&self) -> String {
        self.merchant.chars().take(1).collect()
    }

    pub(super) fn reply(&self, status: u16) -> Reply {
        Reply::page(status, html(self)).unframed()
    }

    pub(super) fn wrong(mut self) -> Reply {
        self.notice = Some(self.w.check_fields);
        self.bad = true;
        self.reply(422)
    }
}

/// The accent colour of the tenant, as a sheet of its own: pages hold no styles.
pub(super) fn brand(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    guest(world, visit)?;
    let colour = world.state.portal_settings.branding.accent_color.as_deref();
    let sheet = colour.map(|colour| format!(":root{{--accent:{colour};--accent-strong:{colour};--on-accent:#fff}}\n"));
    Ok(Reply::other("text/css; charset=utf-8", sheet.unwrap_or_default()).with_header("cache-control", "no-store"))
}

pub(super) fn page(world: &World, visit: &Visit, guest: Guest) -> Portal {
    let state = &world.state;
    let home = home(visit);
    let branding = &state.portal_settings.branding;
    let w = guest.words;
    let own = state.subscriptions.iter().rev().filter(|(_, row)| row.customer == guest.customer);
    let (running, over): (Vec<_>, Vec<_>) = own.partition(|(_, row)| !row.status.is_terminal());
    // What is over is shown while there is nothing else to show.
    let shown = if running.is_empty() { over.into_iter().take(1).collect() } else { running };
    let methods = payment_methods::of_customer(state, guest.customer).map(|(id, name, is_default)| Method {
        address: format!("{home}/methods/{}", state.payment_methods.text(id)),
        name,
        is_default,
    });
    let tax_ids = customers::tax_ids::of(state, guest.customer).map(|(id, kind, value)| {
        (format!("{home}/tax-ids/{}", state.tax_ids.text(id)), kind.to_owned(), value.to_owned())
    });
    Portal {
        frame: visit.frame(),
        w,
        merchant: branding.name.to_string(),
        logo: branding.logo_url.as_deref().map(str::to_owned),
        notice: None,
        bad: false,
        modules: guest.modules,
        subscriptions: shown.into_iter().map(|(id, row)| subscription(world, visit, guest, id, row)).collect(),
        methods: methods.collect(),
        invoices: bills(world, visit, guest),
        tax_ids: tax_ids.collect(),
        tax_form: tax_form(w, "", ""),
        address_form: address_form(w, &customers::billing_address(state, guest.customer)),
        address: home,
    }
}

fn subscription(world: &World, visit: &Visit, guest: Guest, id: Id<Subscription>, row: &Subscription) -> Row {
    let (state, w) = (&world.state, guest.words);
    let mut facts = vec![(w.plan, named(state, w, row.plan))];
    let label = if row.status == Status::Trialing { w.trial_ends } else { w.renews };
    let end = if row.status == Status::Trialing { row.trial } else { row.period }.map(|period| period.end);
    match (row.cancel_at, end) {
        (Some(at), _) if !row.status.is_terminal() => facts.push((w.ends, date(at))),
        (None, Some(at)) if !row.status.is_terminal() => facts.push((label, date(at))),
        _ => {}
    }
    let changeable =
        matches!(row.status, Status::Trialing | Status::Active | Status::PastDue) && guest.modules.subscription_update;
    let meters = charges::components(state, row.plan)
        .map(|(_, component)| &component.pricing)
        .filter(|pricing| changeable && !pricing.is_usage())
        .filter_map(|pricing| pricing.meter());
    let quantities = meters.map(|meter| (meter.to_string(), row.quantities.get(meter).copied().unwrap_or_default()));
    let stoppable = matches!(row.status, Status::Trialing | Status::Active) && row.cancel_at.is_none();
    Row {
        address: format!("{}/subscriptions/{}", home(visit), state.subscriptions.text(id)),
        name: state.plans[row.plan].code.to_string(),
        status: w.status(row.status.name()),
        mark: match row.status {
            Status::Active | Status::Trialing => "good",
            Status::PastDue => "bad",
            _ => "asks",
        },
        facts,
        plans: if changeable { others(state, w, guest.modules, row) } else { Vec::new() },
        quantities: quantities.collect(),
        can_cancel: guest.modules.subscription_cancel && stoppable,
        can_reactivate: guest.modules.subscription_cancel
            && !row.status.is_terminal()
            && row.cancel_at.is_some_and(|at| at > now(world, visit)),
    }
}

/// The plans of the same product and currency that a subscription can change to.
pub(super) fn others(state: &State, w: &Words, modules: Modules, row: &Subscription) -> Vec<(String, String)> {
    let own = &state.plans[row.plan];
    let price = worth(state, row.plan, row);
    // A year that is cheaper than twelve months is no downgrade.
    let is_longer = |plan: &Plan| plan.months() > own.months();
    let fits = |id: Id<Plan>, plan: &Plan| {
        plan.status == plans::Status::Active
            && plan.product_code == own.product_code
            && plan.currency == own.currency
            && id != row.plan
            && (modules.subscription_downgrade || is_longer(plan) || worth(state, id, row) >= price)
    };
    let found = state.plans.iter().filter(|(id, plan)| fits(*id, plan));
    found.map(|(id, plan)| (plan.code.to_string(), format!("{} ({})", named(state, w, id), plan.code))).collect()
}

/// What a plan is called in the visitor's language.
fn named(state: &State, w: &Words, id: Id<Plan>) -> String {
    let plan = &state.plans[id];
    format!("{}, {}", product_name(state, id), w.interval(plan.interval, plan.interval_count))
}

/// What a plan costs in a year, with the quantities of a subscription: enough to tell up from down.
fn worth(state: &State, id: Id<Plan>, row: &Subscription) -> Decimal {
    let none = Window { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH };
    let span = Span { served: none, full: none, intervals: Decimal::ONE };
    let items = charges::in_advance(state, id, &row.quantities, None, span);
    let plan = &state.plans[id];
    let in_a_year = match plan.interval {
        Interval::Day => Decimal::from(365),
        Interval::Week => Decimal::from(52),
        Interval::Month => Decimal::from(12),
        Interval::Year => Decimal::ONE,
    };
    let sum: Decimal = items.iter().map(|item| item.amount).sum();
    sum * in_a_year / Decimal::from(plan.interval_count.max(1))
}

fn bills(world: &World, visit: &Visit, guest: Guest) -> Vec<Bill> {
    let state = &world.state;
    let own = state.invoices.iter().rev().filter(|(_, row)| row.customer == guest.customer);
    let issued = own.filter(|(_, row)| row.status != invoices::Status::Draft).take(INVOICES);
    let bill = |(id, row): (Id<invoices::Invoice>, &std::sync::Arc<invoices::Invoice>)| Bill {
        number: row.number_text().unwrap_or_default(),
        date: row.issued_at().map(date).unwrap_or_default(),
        total: money(row.total(), &row.currency),
        status: guest.words.status(row.status.name()),
        mark: match row.status {
            invoices::Status::Paid => "good",
            invoices::Status::Open | invoices::Status::PartiallyPaid => "asks",
            _ => "bad",
        },
        pdf: invoices::pdf_url(state, id, visit.site),
        pay: row.status.is_payable().then(|| format!("{}/invoices/{}/pay", home(visit), state.invoices.text(id))),
    };
    issued.map(bill).collect()
}

pub(super) fn tax_form(w: &Words, kind: &str, value: &str) -> Form {
    let kind = Field {
        value: kind.to_owned(),
        half: true,
        placeholder: "eu_vat",
        ..Field::new("tax-type", w.tax_type, "off")
    };
    let number = Field {
        value: value.to_owned(),
        half: true,
        keyboard: Keyboard::Capitals,
        ..Field::new("tax-value", w.tax_value, "off")
    };
    Form { fields: vec![Field { keyboard: Keyboard::Email, ..kind }, number] }
}

pub(super) fn address_form(w: &Words, address: &Address) -> Form {
    let field = |name, label, autocomplete, value: &Option<Box<str>>| Field {
        value: value.as_deref().unwrap_or_default().to_owned(),
        optional: true,
        // All of them may: no word is needed.
        aside: "",
        ..Field::new(name, label, autocomplete)
    };
    let country = field("country", w.country, "country", &address.country);
    Form {
        fields: vec![
            field("line1", w.street, "address-line1", &address.line1),
            field("line2", w.street_more, "address-line2", &address.line2),
            field("city", w.city, "address-level2", &address.city),
            field("region", w.region, "address-level1", &address.region),
            Field { half: true, ..field("postal_code", w.postal_code, "postal-code", &address.postal_code) },
            Field { half: true, keyboard: Keyboard::Capitals, ..country },
        ],
    }
}

#[derive(Template)]
#[template(path = "paylera/pages/portal/method.html")]
pub struct NewMethod {
    frame: Frame,
    w: &'static Words,
    home: String,
    pub form: CardForm,
    pub notice: Option<&'static str>,
    test_cards: Vec<Group>,
    cardholder: String,
}

impl NewMethod {
    pub(super) fn of(world: &World, visit: &Visit, guest: Guest) -> Self {
        Self {
            frame: visit.frame(),
            w: guest.words,
            home: home(visit),
            form: labelled(CardForm::empty(), guest.words),
            notice: None,
            test_cards: test_cards(now(world, visit)),
            cardholder: customers::name(&world.state, guest.customer).to_owned(),
        }
    }

    pub(super) fn reply(&self, status: u16) -> Reply {
        Reply::page(status, html(self)).unframed()
    }
}

pub(super) fn new_method(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let guest = guest(world, visit)?;
    super::acts::allowed(visit, guest.modules.payment_methods)?;
    let mut page = NewMethod::of(world, visit, guest);
    let card = visit.query.text("card");
    if is_test_card(card) {
        page.form = labelled(CardForm::filled(card, &page.cardholder, now(world, visit)), guest.words);
    }
    Ok(page.reply(200))
}

/// A form in the visitor's language.
pub(super) fn labelled(mut form: CardForm, w: &Words) -> CardForm {
    form.number.label = w.card_number;
    form.expiry.label = w.expiry;
    form.cvc.label = w.cvc;
    form.cardholder.label = w.cardholder;
    form
}
