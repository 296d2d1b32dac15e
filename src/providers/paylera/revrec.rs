//! Revenue recognition: when what was paid has been earned.
//!
//! Facts: paylera §3.14, §2.3 (rules). A schedule follows from a paid invoice, its lines and its credit notes, so nothing
//! is kept but the periods that were closed. Tax is a liability and never in it (§3.10).

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::amount;
use super::invoices::{self, Invoice, Line, Status};
use super::listing::list;
use super::plans::Rule;
use super::state::State;
use super::{Operation, World, credit_notes, now};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money::round_minor;
use crate::billing::period::Window;
use crate::billing::proration::prorate;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("closeRevrecPeriod", Method::POST, "/v1/revrec/periods/close", close),
        read("listRevrecPeriods", "/v1/revrec/periods", list_all),
    ];
    Noun { name: "revrec", operations }
}

/// A closed period.
#[derive(Clone, Serialize, Deserialize)]
pub struct Period {
    end: Timestamp,
    closed_at: Timestamp,
    totals: Vec<(Box<str>, Decimal, Decimal)>,
}

/// A part of a line that is earned together.
struct Earning {
    line: IdText,
    rule: Rule,
    window: Window,
    amount: Decimal,
    /// When it is earned; `None`: when somebody says that a milestone was reached, which nobody can here.
    at: Option<Timestamp>,
    is_reversed: bool,
}

impl Earning {
    fn is_earned(&self, now: Timestamp) -> bool {
        !self.is_reversed && self.at.is_some_and(|at| at <= now)
    }
}

/// What an invoice earns, in order. Before it is paid that is nothing.
fn schedule(state: &State, id: Id<Invoice>) -> Vec<Earning> {
    let row = &state.invoices[id];
    let (Status::Paid, Some(paid_at)) = (row.status, row.paid_at) else { return Vec::new() };
    let mut rows: Vec<Earning> = row.lines.iter().flat_map(|line| earnings(state, row, line, paid_at)).collect();
    for (at, given) in credit_notes::given_back(state, id) {
        reverse(&mut rows, at, given, &row.currency);
    }
    rows
}

fn earnings(state: &State, invoice: &Invoice, line: &Line, paid_at: Timestamp) -> Vec<Earning> {
    let component = line.item.source.and_then(|(plan, place)| state.plans[plan].components.get(usize::from(place)));
    let wanted = component.and_then(|component| component.recognition.as_ref());
    let metered = component.is_some_and(|component| component.pricing.is_usage());
    let rule = match (wanted, metered, line.item.period) {
        (Some(wanted), ..) => wanted.rule,
        (None, true, _) => Rule::UsageBased,
        // A set-up fee has no period to be spread over.
        (None, _, None) => Rule::PointInTime,
        (None, _, Some(_)) => Rule::StraightLine,
    };
    let issued_at = invoice.issued_at().unwrap_or(paid_at);
    let months = wanted.and_then(|wanted| wanted.service_period_months);
    let start = line.item.period.map_or(issued_at, |period| period.start);
    let period = match (rule, months) {
        (Rule::StraightLine, Some(months)) => {
            Window { start, end: Cadence::months(months).after(start, 1).unwrap_or(Timestamp::MAX) }
        }
        _ => line.item.period.unwrap_or(Window { start, end: start }),
    };
    let total = round_minor(line.net, &invoice.currency);
    let one = |at: Option<Timestamp>| {
        let line = invoices::line_id(state, line);
        vec![Earning { line, rule, window: period, amount: total, at, is_reversed: false }]
    };
    match rule {
        Rule::PointInTime => one(Some(issued_at)),
        Rule::UsageBased => one(Some(period.end)),
        Rule::Milestone => one(None),
        Rule::StraightLine if period.seconds() == 0 => one(Some(issued_at)),
        Rule::StraightLine => spread(period, total, &invoice.currency)
            .map(|(window, amount)| {
                let line = invoices::line_id(state, line);
                Earning { line, rule, window, amount, at: Some(window.end), is_reversed: false }
            })
            .collect(),
    }
}

/// Month by month from the start of a period, by the seconds of each, so that the rounded parts add up to the whole.
fn spread(period: Window, total: Decimal, currency: &str) -> impl Iterator<Item = (Window, Decimal)> {
    let month = Cadence::months(1);
    let edge = move |n: i64| month.after(period.start, n).map_or(period.end, |edge| edge.min(period.end));
    let until = move |end: Timestamp| round_minor(prorate(total, Window { end, ..period }, period), currency);
    let windows =
        (0..).map(move |n| Window { start: edge(n), end: edge(n + 1) }).take_while(|window| window.start < window.end);
    windows.map(move |window| {
        let before = if window.start == period.start { Decimal::ZERO } else { until(window.start) };
        (window, until(window.end) - before)
    })
}

/// So much was given back: what was not earned by then is earned no more, in proportion.
fn reverse(rows: &mut [Earning], at: Timestamp, given: Decimal, currency: &str) {
    let open = |row: &&mut Earning| !row.is_reversed && row.at.is_none_or(|due| due > at);
    let deferred: Decimal = rows.iter_mut().filter(open).map(|row| row.amount).sum();
    if deferred <= Decimal::ZERO {
        return;
    }
    let all = given >= deferred;
    let (mut before, mut told) = (Decimal::ZERO, Decimal::ZERO);
    for row in rows.iter_mut().filter(open) {
        if all {
            row.is_reversed = true;
            continue;
        }
        before += given.saturating_mul(row.amount.checked_div(deferred).unwrap_or_default());
        let part = round_minor(before, currency) - told;
        told += part;
        row.amount -= part;
    }
}

#[derive(Serialize)]
struct RowBody {
    line_id: IdText,
    rule: Rule,
    period_start: Timestamp,
    period_end: Timestamp,
    amount: String,
    status: &'static str,
    recognized_at: Option<Timestamp>,
}

/// The schedule of one invoice.
pub fn show(world: &World, call: &Call) -> Result<Reply, Fault> {
    let (state, now) = (&world.state, now(world, call));
    let id = call.id(&state.invoices)?;
    let currency = &*state.invoices[id].currency;
    let rows = schedule(state, id);
    let sum = |wanted: &dyn Fn(&Earning) -> bool| -> Decimal {
        rows.iter().filter(|row| wanted(row)).map(|row| row.amount).sum()
    };
    let (total, earned) = (sum(&|row| !row.is_reversed), sum(&|row| row.is_earned(now)));
    let body = |row: &Earning| RowBody {
        line_id: row.line.clone(),
        rule: row.rule,
        period_start: row.window.start,
        period_end: row.window.end,
        amount: amount(row.amount, currency),
        status: match (row.is_reversed, row.is_earned(now)) {
            (true, _) => "reversed",
            (_, true) => "recognized",
            _ => "scheduled",
        },
        recognized_at: row.at.filter(|_| row.is_earned(now)),
    };
    Ok(Reply::ok(&json!({
        "object": "recognition_schedule",
        "invoice_id": state.invoices.text(id),
        "currency": currency,
        "total": amount(total, currency),
        "recognized": amount(earned, currency),
        "deferred": amount(total - earned, currency),
        "rows": rows.iter().map(body).collect::<Vec<_>>(),
    })))
}

/// The first millisecond after a day, or an instant.
#[derive(Deserialize)]
struct Close {
    period_end: Box<str>,
}

/// A period that is closed stays as it is: what is given back later lowers only what is still to be earned.
fn close(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Close { period_end } = call.input()?;
    let closed_at = world.now(ClockId::WORLD);
    let day = || period_end.parse::<jiff::civil::Date>().ok()?.tomorrow().ok().and_then(Timestamp::midnight);
    let end = period_end.parse::<Timestamp>().ok().or_else(day);
    let end = end.ok_or_else(|| Fault::field("/period_end", "format", "is neither a day nor an instant"))?;
    if end > closed_at {
        let message = format!("a period is closed once it is over, and now is {closed_at}");
        return Err(Fault::field("/period_end", "maximum", message));
    }
    let before = world.state.revrec_periods.last().map(|period| period.end);
    if let Some(before) = before.filter(|before| *before >= end) {
        let message = format!("Everything up to {before} is closed and locked");
        return Err(Fault::unprocessable(message).with_code("revrec.period_closed"));
    }
    let mut totals: Vec<(Box<str>, Decimal, Decimal)> = Vec::new();
    for (id, invoice) in world.state.invoices.iter() {
        for row in schedule(&world.state, id).iter().filter(|row| !row.is_reversed) {
            let place = totals.iter().position(|(currency, ..)| **currency == *invoice.currency);
            let place = place.unwrap_or_else(|| {
                totals.push(((&*invoice.currency).into(), Decimal::ZERO, Decimal::ZERO));
                totals.len() - 1
            });
            let earned_by = |limit: Timestamp| row.at.is_some_and(|at| at <= limit);
            if !earned_by(end) {
                totals[place].2 += row.amount;
            } else if before.is_none_or(|before| !earned_by(before)) {
                totals[place].1 += row.amount;
            }
        }
    }
    let period = Period { end, closed_at, totals };
    let reply = Reply::ok(&body(&period));
    world.state.revrec_periods.push_back(period);
    Ok(reply)
}

fn body(period: &Period) -> serde_json::Value {
    let totals = period.totals.iter().map(|(currency, recognized, deferred)| {
        let money = |value: &Decimal| amount(*value, currency);
        json!({ "currency": currency, "recognized": money(recognized), "deferred": money(deferred) })
    });
    json!({
        "object": "revrec_period",
        "period_end": period.end,
        "status": "closed",
        "closed_at": period.closed_at,
        "totals": totals.collect::<Vec<_>>(),
    })
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    list(call, (0..).zip(world.state.revrec_periods.iter().map(body)))
}
