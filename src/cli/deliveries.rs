//! `leapday deliveries`: the log of webhooks; `leapday deliveries resend` sends one once more.

use clap::Subcommand;

use super::whose::Whose;
use super::{Failure, say};
use crate::client::{encoded, query};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// An event type, or the beginning of one before `*`
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// pending, succeeded, failed, dropped or cancelled
    #[arg(long)]
    status: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100)]
    limit: u16,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Subcommand)]
enum What {
    /// Send a delivery once more
    Resend {
        /// As the list shows it
        id: String,
    },
}

const COLUMNS: [(&str, &str); 5] =
    [("ID", "/id"), ("MADE", "/createdAt"), ("EVENT", "/eventType"), ("STATUS", "/status"), ("TO", "/url")];

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(What::Resend { id }) = &args.what {
        let sent = args.whose.ask("POST", &format!("/deliveries/{}/redeliver", encoded(id)), None)?;
        let status = sent["status"].as_str().unwrap_or("?");
        say(&if args.whose.json { format!("{sent:#}") } else { format!("{id}: {status}") });
        return Ok(());
    }
    let limit = args.limit.to_string();
    let path = query(&[("event", args.event.as_deref()), ("status", args.status.as_deref()), ("limit", Some(&limit))]);
    args.whose.show(&args.whose.ask("GET", &format!("/deliveries{path}"), None)?, "deliveries", &COLUMNS);
    Ok(())
}
