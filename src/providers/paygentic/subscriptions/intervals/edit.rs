//! Adding, changing and removing intervals.
//!
//! Facts: paygentic-behaviour §2.7. A request may do several things; they happen together, removals first. What is
//! billed already is not touched, and the intervals of one line neither overlap nor leave a gap.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::{Status, Subscription};
use super::{Body, Mode, Note, Reason, bodies, cadence_text, change_body, log, mode, quantity, text};
use crate::api::{Call, Fault, Patch, Reply, referred};
use crate::billing::money;
use crate::billing::price::Rate;
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle::{self, Synced};
use crate::providers::paygentic::invoices::{LineItem, drafts};
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::schedule::{Charge, Cycle, Interval, Origin, Transition};
use crate::providers::paygentic::state::State;
use crate::time::{Cadence, Timestamp};
use crate::world::Id;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edit {
    #[serde(default)]
    add: Vec<AddOp>,
    #[serde(default)]
    edit: Vec<EditOp>,
    #[serde(default)]
    remove: Vec<RemoveOp>,
    #[serde(default)]
    change_reason: Reason,
    description: Option<Box<str>>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddOp {
    price_key: Arc<str>,
    unit_price: Option<String>,
    base_quantity: String,
    billing_cadence: String,
    billing_mode: Mode,
    start_date: Timestamp,
    price_id: Option<String>,
    plan_version_id: Option<String>,
    #[serde(default)]
    quantity_transitions: Vec<TransitionInput>,
    bill_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EditOp {
    id: String,
    #[serde(default)]
    unit_price: Patch<String>,
    base_quantity: Option<String>,
    quantity_transitions: Option<Vec<TransitionInput>>,
    #[serde(default)]
    end_date: Patch<Timestamp>,
    price_id: Option<String>,
    price_key: Option<String>,
    plan_version_id: Option<String>,
    billing_cadence: Option<String>,
    billing_mode: Option<Mode>,
    #[serde(default)]
    bill_date: Patch<Timestamp>,
    start_date: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RemoveOp {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransitionInput {
    effective_date: Timestamp,
    quantity: String,
}

pub(in super::super) fn edit(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let wanted: Edit = call.input()?;
    if wanted.add.is_empty() && wanted.edit.is_empty() && wanted.remove.is_empty() {
        return Err(Fault::field("/add", "minItems", "one of add, edit and remove says what to do"));
    }
    let row = world.state.subscriptions[id].clone();
    if row.status == Status::Terminated {
        return Err(Fault::conflict("A terminated subscription is charged nothing more"));
    }
    let before = Cycle::clone(&world.state.cycles[row.cycle]);
    let mut desk = Desk { state: &world.state, id, row: &row, now: world.now(row.clock), cycle: before.clone() };
    for (n, op) in wanted.remove.iter().enumerate() {
        desk.remove(n, op)?;
    }
    for (n, op) in wanted.edit.iter().enumerate() {
        desk.edit(n, op)?;
    }
    for (n, op) in wanted.add.iter().enumerate() {
        desk.add(n, op)?;
    }
    desk.check_lines()?;
    let after = desk.cycle;
    world.state.cycles.update(row.cycle, |place| *place = after);
    let note = Note { reason: wanted.change_reason, description: wanted.description, metadata: wanted.metadata };
    let change = log(world, id, &before.charges, note);
    let synced = if change.is_some() { sync(world, id, &before) } else { Synced::default() };
    let state = &world.state;
    let intervals: Vec<Body<'_>> = bodies(state, id);
    Ok(Reply::ok(&json!({
        "intervals": intervals,
        "unchanged": change.is_none(),
        "lineItems": { "created": synced.created, "removed": synced.removed, "syncFailed": false },
        "intervalChange": change.map(|change| change_body(state, change)),
    })))
}

/// Draws up anew what waits to be invoiced: lines of intervals that have changed are not kept.
fn sync(world: &mut World, id: Id<Subscription>, before: &Cycle) -> Synced {
    let row = world.state.subscriptions[id].clone();
    if row.status != Status::Active {
        return Synced::default();
    }
    let after = &world.state.cycles[row.cycle].charges;
    let of = |charges: &[Charge], serial: u32| {
        let found = charges.iter().find(|charge| charge.interval.serial == serial);
        found.map(|charge| Arc::clone(&charge.interval))
    };
    let stale = |serial: u32| of(&before.charges, serial) != of(after, serial);
    let mut forgotten = 0;
    if let Some(invoice) = before.open_invoice {
        let lines = world.state.invoices[invoice].lines.iter();
        let lines: Vec<Id<LineItem>> = lines
            .copied()
            .filter(|line| world.state.line_items[*line].billed().is_some_and(|billed| stale(billed.interval)))
            .collect();
        drafts::forget(world, invoice, &lines);
        forgotten = lines.len();
    }
    let synced = cycle::sync(world, id);
    world.emit(row.clock, Notice::SubscriptionUpdated(id, row));
    cycle::catch_up(world, id);
    Synced { removed: synced.removed + forgotten, ..synced }
}

/// A change that is being put together.
struct Desk<'a> {
    state: &'a State,
    id: Id<Subscription>,
    row: &'a Subscription,
    now: Timestamp,
    cycle: Cycle,
}

impl Desk<'_> {
    fn place(&self, n: usize, list: &str, id: &str) -> Result<usize, Fault> {
        let mut charges = self.cycle.charges.iter();
        charges.position(|charge| text(self.state, self.id, charge.interval.serial) == id).ok_or_else(|| {
            let message = "is no interval of this subscription: GET …/intervals lists them";
            let violation = Violation::body(format!("/{list}/{n}/id"), "reference", message);
            Fault::no_such("interval", id).with_violation(violation)
        })
    }

    fn remove(&mut self, n: usize, op: &RemoveOp) -> Result<(), Fault> {
        let place = self.place(n, "remove", &op.id)?;
        if let Some(until) = self.cycle.charges[place].billed_until(self.row) {
            let message =
                format!("The interval is billed until {until}: give it that endDate, or a later one, instead");
            return Err(Fault::conflict(message));
        }
        self.cycle.charges.remove(place);
        Ok(())
    }

    fn edit(&mut self, n: usize, op: &EditOp) -> Result<(), Fault> {
        let place = self.place(n, "edit", &op.id)?;
        let charge = &self.cycle.charges[place];
        let billed = charge.billed_until(self.row);
        let mut interval = Interval::clone(&charge.interval);
        let pointer = |field: &str| format!("/edit/{n}/{field}");
        self.unmoved(&interval, op, &pointer)?;
        let price = &self.state.prices[interval.price];
        match &op.unit_price {
            Patch::Absent => {}
            Patch::Null => interval.unit_price = None,
            Patch::Value(text) => interval.unit_price = Some(rate(price, text, &pointer("unitPrice"))?),
        }
        if let Some(text) = &op.base_quantity {
            let wanted = amount(text, &pointer("baseQuantity"))?;
            if wanted != quantity(self.state, &interval) {
                interval.quantity = Some(units(price, &interval, wanted, &pointer("baseQuantity"))?);
            }
        }
        if let Some(wanted) = &op.quantity_transitions {
            let earlier = |transition: &Transition| billed.is_some_and(|until| transition.at < until);
            let kept: Vec<Transition> = interval.transitions.iter().copied().filter(earlier).collect();
            let transitions = transitions(price, &interval, wanted, &pointer("quantityTransitions"))?;
            let past: Vec<Transition> = transitions.iter().copied().filter(earlier).collect();
            if past != kept {
                return Err(touched(billed));
            }
            interval.transitions = transitions;
        }
        match op.end_date {
            Patch::Absent => {}
            Patch::Null => interval.until = None,
            Patch::Value(end) if interval.until == Some(end) => {}
            Patch::Value(end) => {
                self.check_end(&interval, end, billed, &pointer("endDate"))?;
                interval.until = Some(end);
            }
        }
        if interval.until != charge.interval.until {
            interval.handed_over = false;
        }
        self.cycle.charges[place].interval = Arc::new(interval);
        Ok(())
    }

    /// What an edit may send but not change.
    fn unmoved(&self, interval: &Interval, op: &EditOp, pointer: &impl Fn(&str) -> String) -> Result<(), Fault> {
        let state = self.state;
        let bill_date = interval.bill_date.or_else(|| interval.cadence.is_zero().then_some(interval.from));
        let same_date = match op.bill_date {
            Patch::Absent => true,
            Patch::Null => bill_date.is_none(),
            Patch::Value(at) => bill_date == Some(at),
        };
        let same = |sent: &Option<String>, now: &str| sent.as_deref().is_none_or(|sent| sent == now);
        let fields = [
            ("priceId", same(&op.price_id, state.prices.text(interval.price).as_str())),
            ("priceKey", same(&op.price_key, &interval.key)),
            ("planVersionId", same(&op.plan_version_id, state.plan_versions.text(interval.version).as_str())),
            ("billingCadence", same(&op.billing_cadence, &cadence_text(interval.cadence))),
            ("billingMode", op.billing_mode.is_none_or(|sent| sent == mode(interval))),
            ("billDate", same_date),
            ("startDate", op.start_date.is_none_or(|sent| sent == interval.from)),
        ];
        let message = "cannot be changed: unitPrice, baseQuantity, quantityTransitions and endDate can; end this \
                       interval and add another for the rest";
        let wrong = fields.into_iter().filter(|(_, same)| !same);
        let wrong: Vec<Violation> = wrong.map(|(field, _)| Violation::body(pointer(field), "const", message)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
    }

    fn check_end(
        &self,
        interval: &Interval,
        end: Timestamp,
        billed: Option<Timestamp>,
        pointer: &str,
    ) -> Result<(), Fault> {
        if end <= interval.from {
            let message = format!("{end} is not after the interval's start, {}", interval.from);
            return Err(Fault::field(pointer, "minimum", message));
        }
        if billed.is_some_and(|until| end < until) || end < self.now {
            return Err(touched(billed.or(Some(self.now))));
        }
        Ok(())
    }

    fn add(&mut self, n: usize, op: &AddOp) -> Result<(), Fault> {
        let pointer = |field: &str| format!("/add/{n}/{field}");
        let version = self.row.version;
        let current = self.state.plan_versions.text(version);
        if let Some(sent) = op.plan_version_id.as_deref().filter(|sent| *sent != current.as_str()) {
            let message = format!("The subscription is on plan version {current}, not on {sent}");
            return Err(Fault::conflict(message));
        }
        let (price_id, origin) = self.price(op, &pointer)?;
        let price = &self.state.prices[price_id];
        let cadence = match op.billing_cadence.as_str() {
            "one_off" => Cadence::days(0),
            text => Cadence::parse(text).ok().filter(|cadence| !cadence.is_zero()).ok_or_else(|| {
                Fault::field(&pointer("billingCadence"), "format", "is a duration such as P1M, or one_off")
            })?,
        };
        if op.start_date < self.now.max(self.row.started_at) {
            let message = format!(
                "Billing periods exist until now, {}: an interval starts then or later, not at {}",
                self.now, op.start_date
            );
            return Err(Fault::conflict(message));
        }
        let mut interval = Interval {
            serial: 0,
            key: Arc::clone(&op.price_key),
            price: price_id,
            version,
            origin,
            cadence,
            in_advance: op.billing_mode == Mode::Advance,
            obligation: price.obligation,
            unit_price: None,
            quantity: None,
            transitions: Vec::new(),
            bill_date: op.bill_date,
            from: op.start_date,
            until: None,
            handed_over: false,
        };
        if interval.in_advance && matches!(price.of, Charged::Metric(_)) {
            let message = "usage is known when its period ends: this price is charged in arrears";
            return Err(Fault::field(&pointer("billingMode"), "const", message));
        }
        if let Some(date) = op.bill_date.filter(|date| *date < op.start_date) {
            let message = format!("{date} is before startDate, {}", op.start_date);
            return Err(Fault::field(&pointer("billDate"), "minimum", message));
        }
        interval.unit_price =
            op.unit_price.as_deref().map(|text| rate(price, text, &pointer("unitPrice"))).transpose()?;
        let wanted = amount(&op.base_quantity, &pointer("baseQuantity"))?;
        if wanted != quantity(self.state, &interval) {
            interval.quantity = Some(units(price, &interval, wanted, &pointer("baseQuantity"))?);
        }
        interval.transitions =
            transitions(price, &interval, &op.quantity_transitions, &pointer("quantityTransitions"))?;
        if let Some(end) = op.end_date {
            self.check_end(&interval, end, None, &pointer("endDate"))?;
            interval.until = Some(end);
        }
        self.check_twice(&interval)?;
        self.cycle.add(interval, self.row);
        Ok(())
    }

    /// The price of an interval to be added, and whose it is: a key that the plan knows is
    /// the plan's line.
    fn price(&self, op: &AddOp, pointer: &impl Fn(&str) -> String) -> Result<(Id<Price>, Origin), Fault> {
        let named = op.price_id.as_deref().map(|text| referred(&self.state.prices, &pointer("priceId"), text));
        let named = named.transpose()?;
        let lines = &self.state.plan_versions[self.row.version].lines;
        if let Some(line) = lines.iter().find(|line| line.key == op.price_key) {
            if named.is_some_and(|named| named != line.price) {
                let message = format!("is not the price of the plan's line {:?}: leave it out", &*op.price_key);
                return Err(Fault::field(&pointer("priceId"), "const", message));
            }
            return Ok((line.price, Origin::PlanLine));
        }
        if named.is_some_and(|named| self.state.prices[named].unit.is_some()) {
            let message = "is in credits: the pool that it draws on comes with a plan, and so does the price";
            return Err(Fault::field(&pointer("priceId"), "const", message));
        }
        let message = format!("is needed: the plan has no line {:?}", &*op.price_key);
        named
            .map(|price| (price, Origin::SubscriptionOwned))
            .ok_or_else(|| Fault::field(&pointer("priceId"), "required", message))
    }

    /// A one-off is owed once, and nothing is charged twice at a time.
    fn check_twice(&self, interval: &Interval) -> Result<(), Fault> {
        let others = self.cycle.charges.iter().filter(|charge| charge.interval.key == interval.key);
        for charge in others {
            let other = &charge.interval;
            if interval.cadence.is_zero() && other.cadence.is_zero() {
                return Err(Fault::conflict(format!("{:?} is a one-off, and there is one already", &*interval.key)));
            }
            let overlaps = other.until.is_none_or(|until| interval.from < until)
                && interval.until.is_none_or(|until| other.from < until);
            if overlaps {
                let id = text(self.state, self.id, other.serial);
                let message = format!("{:?} is charged by {id} at that time already: end that first", &*interval.key);
                return Err(Fault::conflict(message));
            }
        }
        Ok(())
    }

    /// The intervals of one line follow each other.
    fn check_lines(&self) -> Result<(), Fault> {
        let mut intervals: Vec<&Interval> = self.cycle.charges.iter().map(|charge| &*charge.interval).collect();
        intervals.sort_by(|a, b| (&a.key, a.from).cmp(&(&b.key, b.from)));
        for pair in intervals.windows(2) {
            let [earlier, later] = pair else { continue };
            if earlier.key != later.key || earlier.until == Some(later.from) {
                continue;
            }
            let what = if earlier.until.is_none_or(|until| until > later.from) { "overlap" } else { "leave a gap" };
            let message = format!("Two intervals of {:?} would {what} at {}", &*later.key, later.from);
            return Err(Fault::conflict(message));
        }
        Ok(())
    }
}

fn touched(billed: Option<Timestamp>) -> Fault {
    let until = billed.map(|until| format!(" until {until}")).unwrap_or_default();
    Fault::conflict(format!("Billing periods exist{until}: what happened in them stays as it is"))
}

fn amount(text: &str, pointer: &str) -> Result<Decimal, Fault> {
    money::parse(text).map_err(|error| Fault::field(pointer, "format", error.to_string()))
}

/// A unit price in place of the catalogue's.
fn rate(price: &Price, text: &str, pointer: &str) -> Result<Decimal, Fault> {
    let rate = amount(text, pointer)?;
    if matches!(price.rate, Rate::Volume { .. }) {
        return Err(Fault::field(pointer, "const", "the price has tiers: one rate cannot take their place"));
    }
    if rate < Decimal::ZERO && (matches!(price.of, Charged::Fee(_)) || price.unit.is_some()) {
        return Err(Fault::field(pointer, "minimum", "a fee, or a price in credits, is 0 or more"));
    }
    Ok(rate)
}

/// A fixed quantity, which usage has none of.
fn units(price: &Price, interval: &Interval, wanted: Decimal, pointer: &str) -> Result<Decimal, Fault> {
    if matches!(price.of, Charged::Metric(_)) && interval.quantity.is_none() {
        return Err(Fault::field(pointer, "const", "the quantity of a metered price comes from usage"));
    }
    if wanted < Decimal::ZERO {
        return Err(Fault::field(pointer, "minimum", "is 0 or more"));
    }
    Ok(wanted)
}

fn transitions(
    price: &Price,
    interval: &Interval,
    wanted: &[TransitionInput],
    pointer: &str,
) -> Result<Vec<Transition>, Fault> {
    let mut found: Vec<Transition> = Vec::with_capacity(wanted.len());
    for (n, TransitionInput { effective_date: at, quantity }) in wanted.iter().enumerate() {
        let pointer = |field: &str| format!("{pointer}/{n}/{field}");
        let quantity = units(price, interval, amount(quantity, &pointer("quantity"))?, &pointer("quantity"))?;
        if *at <= interval.from || found.last().is_some_and(|last| *at <= last.at) {
            let message = format!("{at} is not after the interval's start and the transition before");
            return Err(Fault::field(&pointer("effectiveDate"), "ascending", message));
        }
        found.push(Transition { at: *at, quantity });
    }
    Ok(found)
}
