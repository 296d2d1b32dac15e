//! The portal's page.

use askama::Template;

use super::invoices::{self, Listed};
use super::methods::{self, Saved};
use super::usage::{self, Usage};
use super::{Owner, checkout, home, owner};
use crate::api::{Reply, Visit};
use crate::billing::money::major;
use crate::billing::period::Window;
use crate::pages::{Frame, html};
use crate::providers::paygentic::World;
use crate::providers::paygentic::invoices::{date, estimate, period};
use crate::providers::paygentic::pages::terms::{self, Term};
use crate::providers::paygentic::payment_sessions::Status as SessionStatus;
use crate::providers::paygentic::schedule;
use crate::providers::paygentic::state::MERCHANT_NAME;
use crate::providers::paygentic::subscriptions::{Status, Subscription};
use crate::time::Timestamp;

#[derive(Template)]
#[template(path = "paygentic/pages/portal/portal.html")]
struct Portal {
    frame: Frame,
    merchant: &'static str,
    address: String,
    name: String,
    status: &'static str,
    /// How the status is marked.
    mark: &'static str,
    /// Label and value.
    facts: Vec<(&'static str, String)>,
    /// Where the payment waits that the subscription starts with.
    start: Option<String>,
    terms: Vec<Term>,
    usage: Vec<Usage>,
    invoices: Vec<Listed>,
    /// How many invoices the page leaves out.
    older: usize,
    methods: Vec<Saved>,
    /// What happens to the next invoice.
    charging: &'static str,
    notice: Option<String>,
}

impl Portal {
    fn initial(&self) -> &str {
        self.merchant.get(..1).unwrap_or_default()
    }
}

pub(super) fn show(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let owner = owner(world, visit)?;
    let state = &world.state;
    let row = &state.subscriptions[owner.subscription];
    let now = world.clock(row.clock).reading(visit.wall);
    let address = home(visit);
    let waiting = row.session.filter(|id| state.sessions[*id].status == SessionStatus::Pending);
    let (status, mark) = match row.status {
        Status::Active if row.started_at > now => ("Starts soon", "asks"),
        Status::Active => ("Active", "good"),
        Status::PendingPayment => ("Waits for payment", "asks"),
        Status::Terminated => ("Ended", "plain"),
    };
    let (invoices, older) = invoices::listed(state, owner, visit);
    let methods = methods::saved(state, owner, visit);
    let page = Portal {
        frame: visit.frame(),
        merchant: MERCHANT_NAME,
        start: waiting.map(|session| checkout(state, session, &address)),
        address,
        name: row.name.to_string(),
        status,
        mark,
        facts: facts(world, owner, now),
        terms: terms::of_subscription(state, row),
        usage: if row.is_live() { usage::current(state, owner.subscription, now) } else { Vec::new() },
        invoices,
        older,
        charging: charging(row, methods.is_empty()),
        notice: told(visit.query.text("told"), &methods, row),
        methods,
    };
    Ok(Reply::page(200, html(&page)))
}

/// What a customer asks first: which plan, which period, what comes next and when.
fn facts(world: &World, owner: Owner, now: Timestamp) -> Vec<(&'static str, String)> {
    let state = &world.state;
    let row = &state.subscriptions[owner.subscription];
    let plan = &state.plans[row.plan];
    let mut facts = vec![("Plan", plan.name.to_string())];
    if let Some(ended) = &row.termination {
        facts.push(("Ended", date(ended.at)));
        return facts;
    }
    match window(row, now) {
        _ if now < row.started_at => facts.push(("Starts", date(row.started_at))),
        Some(window) => {
            facts.push(("Current period", period(window)));
            if row.end().is_none_or(|end| window.end < end) {
                facts.push(("Renews", date(window.end)));
            }
        }
        None => facts.push(("Started", date(row.started_at))),
    }
    if let Some(end) = row.ending_at {
        facts.push(("Ends", date(end)));
    }
    let cycle = &state.cycles[row.cycle];
    if let Some(due) = schedule::next_due(row, cycle).filter(|_| row.status == Status::Active) {
        let label = if row.auto_charge { "Next charge" } else { "Next invoice" };
        let so_far = cycle.open_invoice.map(|open| estimate(state, open).gross());
        let so_far = so_far.map(|gross| format!(" · {} {} so far", plan.currency, major(gross, &plan.currency)));
        facts.push((label, date(due) + so_far.as_deref().unwrap_or_default()));
    }
    facts
}

/// The period of the subscription that holds an instant, as far as its start and end leave of it.
fn window(row: &Subscription, now: Timestamp) -> Option<Window> {
    let grid = row.grid();
    let n = grid.index_at(now);
    let (start, end) = (grid.boundary(n)?.max(row.started_at), grid.boundary(n + 1)?);
    Some(Window { start, end: row.end().map_or(end, |last| last.min(end)) })
}

fn charging(row: &Subscription, no_method: bool) -> &'static str {
    match (row.is_live(), row.auto_charge, no_method) {
        (false, ..) => "The subscription has ended: nothing is charged any more but invoices that are still due.",
        (_, true, true) => {
            "No card is saved. Invoices cannot be charged automatically until you add one: each waits above to be paid."
        }
        (_, true, false) => "Each invoice is charged to the default card when it is issued.",
        (_, false, true) => "No card is saved. Each invoice waits above to be paid.",
        (_, false, false) => "Invoices are not charged automatically: each waits above to be paid.",
    }
}

/// What has just happened.
fn told(what: &str, methods: &[Saved], row: &Subscription) -> Option<String> {
    let text = match (what, methods.first()) {
        ("saved", Some(card)) => format!("Card saved: {} ending in {} is the default now.", card.brand, card.last4),
        ("preferred", Some(card)) => format!("{} ending in {} is the default now.", card.brand, card.last4),
        ("removed", Some(card)) => {
            format!("Card removed. {} ending in {} is the default now.", card.brand, card.last4)
        }
        ("removed", None) if row.auto_charge && row.is_live() => {
            "Card removed. It was the last one: the next invoice is not charged but waits here to be paid.".to_owned()
        }
        ("removed", None) => "Card removed. It was the last one.".to_owned(),
        ("paid", _) => "Paid. Thank you.".to_owned(),
        ("cancelled", _) => "Cancelled: nothing was charged or saved.".to_owned(),
        _ => return None,
    };
    Some(text)
}
