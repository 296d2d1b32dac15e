//! Invoices to come: derived from the schedule, never stored.
//!
//! Facts: paygentic-behaviour §2.8 (projected). Usage is left out, and moments that hold nothing else.

use serde::Deserialize;

use super::calculate::{add_up, reckon_all};
use super::{Body, Invoice, LineItem, Lines, Status, Totals, drafts};
use crate::api::{Call, Fault, Reply, Site};
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::list as envelope;
use crate::providers::paygentic::grants::Purchase;
use crate::providers::paygentic::prices::Charged;
use crate::providers::paygentic::schedule::{self, Charge, Cycle, Moment};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::{Adjustments, Status as SubscriptionStatus, Subscription};
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, hash};

/// How far ahead of now a projection may look.
const HORIZON: Cadence = Cadence::months(12);

/// How many windows one projection walks: a cadence of seconds has millions in a year.
const WINDOWS_MOST: i64 = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    subscription_id: String,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let Some(id) = world.state.subscriptions.find(&filter.subscription_id) else {
        return Err(Fault::no_such("subscription", &filter.subscription_id));
    };
    let row = &world.state.subscriptions[id];
    let now = world.clock(row.clock).reading(call.wall);
    let from = filter.from.unwrap_or(now).max(now);
    let to = filter.to.or_else(|| Cadence::months(1).after(from, 1)).unwrap_or(Timestamp::MAX);
    if to <= from {
        let violation = Violation::query("to", "minimum", format!("{to} is not after from, {from}"));
        return Err(Fault::violations(vec![violation]));
    }
    if HORIZON.after(now, 1).is_some_and(|horizon| to > horizon) {
        let violation = Violation::query("to", "maximum", format!("{to} is more than a year after now, {now}"));
        return Err(Fault::violations(vec![violation]));
    }
    let live = row.status != SubscriptionStatus::Terminated;
    if live && schedule::backlog(row, &world.state.cycles[row.cycle], to) > WINDOWS_MOST {
        let message = format!("more than {WINDOWS_MOST} charges fall due until {to}: ask for less");
        return Err(Fault::violations(vec![Violation::query("to", "maximum", message)]));
    }
    let moments = if live { moments(world, row, from, to) } else { Vec::new() };
    let bodies = moments.iter().map(|(due, sequence)| body(world, id, row, due, *sequence, call.site));
    Ok(Reply::ok(&envelope(call.paging(), bodies)))
}

type Due = Vec<(Charge, Moment)>;

/// What falls due at each moment in `[from, to)`, with its estimated sequence number.
fn moments(world: &World, row: &Subscription, from: Timestamp, to: Timestamp) -> Vec<(Due, u32)> {
    let mut ahead = Cycle::clone(&world.state.cycles[row.cycle]);
    let mut found = Vec::new();
    // The open invoice is the next one and has its number already.
    let open = ahead.open_invoice.map(|open| world.state.invoices[open].sequence);
    let mut sequences = open.into_iter().chain(ahead.next_sequence..);
    while let (Some(at), Some(sequence)) = (schedule::next_due(row, &ahead).filter(|at| *at < to), sequences.next()) {
        let due = schedule::due(row, &ahead, at);
        schedule::pass(row, &mut ahead, at);
        let fees: Due = due.into_iter().filter(|due| !is_metered(world, due)).collect();
        if at >= from && !fees.is_empty() {
            found.push((fees, sequence));
        }
    }
    found
}

fn is_metered(world: &World, (charge, moment): &(Charge, Moment)) -> bool {
    moment.quantity.is_none() && matches!(world.state.prices[charge.interval.price].of, Charged::Metric(_))
}

fn body<'a>(
    world: &'a World,
    id: Id<Subscription>,
    row: &'a Subscription,
    due: &Due,
    sequence: u32,
    site: Site<'_>,
) -> Body<'a> {
    let state = &world.state;
    let plan = &state.plans[row.plan];
    let lines: Vec<LineItem> = due.iter().map(|(charge, moment)| pending(state, id, charge, moment)).collect();
    let lines: Vec<&LineItem> = lines.iter().collect();
    let reckoned = reckon_all(state, &Adjustments::of(state, id), &[], &lines);
    let totals = add_up(&reckoned, plan.tax_behaviour, &plan.currency);
    let start = due.iter().map(|(_, moment)| moment.window.start).min().unwrap_or(row.started_at);
    let end = due.iter().map(|(_, moment)| moment.window.end).max().unwrap_or(start);
    let at = due.first().map_or(start, |(_, moment)| moment.due);
    let invoice = Invoice { totals, ..Invoice::projected(id, sequence, Window { start, end }, at) };
    let mut body = super::body(world, state.invoices.next_id(), &invoice, site);
    // A stable id of its own, which no GET by id knows.
    body.id = state.invoices.unlisted(hash(u64::from(id.number()), &sequence.to_le_bytes()));
    body.item_count = due.len();
    body
}

/// A line as it would be drafted now, but for one that the open invoice has: that keeps its price.
pub fn pending(state: &State, id: Id<Subscription>, charge: &Charge, moment: &Moment) -> LineItem {
    let cycle = &state.cycles[state.subscriptions[id].cycle];
    let open: &[Id<LineItem>] = cycle.open_invoice.map_or(&[], |open| &state.invoices[open].lines);
    let terms = drafts::terms(state, charge, drafts::standing(state, open, charge, moment, false));
    drafts::draft(id, state.invoices.next_id(), charge, moment, terms, moment.due)
}

impl Invoice {
    /// The invoice of units that are bought, before it is sent out.
    pub fn of_purchase(
        purchase: Id<Purchase>,
        subscription: Id<Subscription>,
        sequence: u32,
        totals: Totals,
        now: Timestamp,
    ) -> Self {
        let projected = Self::projected(subscription, sequence, Window { start: now, end: now }, now);
        Self { purchase: Some(purchase), status: Status::Draft, totals, ..projected }
    }

    fn projected(subscription: Id<Subscription>, sequence: u32, window: Window, at: Timestamp) -> Self {
        Self {
            subscription,
            sequence,
            status: Status::Projected,
            window,
            moment: at,
            grace_end: at,
            lines: Lines::new(),
            purchase: None,
            totals: Totals::default(),
            number: None,
            issued_at: None,
            due_at: None,
            paid_at: None,
            session: None,
            retried_at: None,
            created_at: at,
            updated_at: at,
        }
    }
}
