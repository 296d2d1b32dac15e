//! What the buttons do. With scripts the page shows what came of it in place; without, it is shown again.

use super::view::{Told, line};
use super::{Place, decoded, page};
use crate::api::{Deliver, Fault, Journey, Kind, Reply, Target};
use crate::contract::counted;
use crate::pages::Fields;
use crate::time::{Cadence, Timestamp, wall};

/// How many events of an advance are shown.
const SHOWN: usize = 40;

impl Place<'_> {
    pub(super) async fn act(&self, rest: &str) -> Result<Reply, Fault> {
        let form = Fields::read(self.exchange.body);
        let told = match rest.split_once('/').unwrap_or((rest, "")) {
            ("advance", "") => Some(self.advance(&form).await?),
            ("step", "") => Some(self.travel(Target::Next, false, "Stepped").await?),
            ("snapshot", "") => {
                let name = form.text("name");
                let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
                if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) || !name.chars().all(is_plain) {
                    let message = "The name of a snapshot is of letters, digits, dots, dashes and _";
                    return Err(Fault::field("/name", "pattern", message));
                }
                self.door.snapshot(name, wall())?;
                None
            }
            ("restore", name) => {
                self.door.restore(&decoded(name), wall())?;
                None
            }
            ("drop", name) => {
                self.door.drop_snapshot(&decoded(name))?;
                None
            }
            ("resend", id) => {
                let outbox = self.door.outbox(wall());
                let id = outbox.deliveries().find(id).ok_or_else(|| Fault::no_such("delivery", id))?;
                self.door.redeliver(id).await;
                None
            }
            ("heal", number) => {
                self.door.heal(number.parse().ok());
                None
            }
            _ => return Err(Fault::new(Kind::NotFound, "There is no such button")),
        };
        match told {
            None => Ok(Reply::redirect(&self.here())),
            Some(told) => Ok(page(200, self.view(&Fields::read(b""), Some(told)).await?.html())),
        }
    }

    async fn advance(&self, form: &Fields<'_>) -> Result<Told, Fault> {
        let wanted = form.text("to");
        let target = match (Cadence::parse(wanted), instant(wanted)) {
            (Ok(by), _) => Target::By(by),
            (Err(_), Some(to)) => Target::To(to),
            (Err(_), None) => {
                let message = "is neither a duration (P1M, P7D, PT2H) nor an instant (2028-01-31T00:00:00Z)";
                return Err(Fault::field("/to", "format", format!("{wanted:?} {message}")));
            }
        };
        let preview = form.has("preview");
        self.travel(target, preview, if preview { "Preview" } else { "Advanced" }).await
    }

    async fn travel(&self, target: Target, preview: bool, word: &str) -> Result<Told, Fault> {
        let site = self.exchange.site;
        let clock = self.clock.as_deref();
        let journey = Journey { clock, target, deliver: Deliver::Settle, offset: 0, limit: SHOWN, site };
        let told = if preview { self.door.preview(&journey)? } else { self.door.advance(journey).await? };
        let count = told["eventCount"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
        let events: Vec<String> = told["events"].as_array().into_iter().flatten().map(line).collect();
        let instant = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
        let due = told["due"]["what"].as_str().map(|due| format!(": {}", due.replace('_', " "))).unwrap_or_default();
        let would = if preview { "would bring" } else { "brought" };
        let (from, to) = (instant("from"), instant("now"));
        let title = format!("{word}{due}. {from} to {to} {would} {}.", counted(count, "event"));
        Ok(Told { title, more: count - events.len().min(count), events })
    }
}

/// An instant as people type it: a day is its beginning.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok())
}
