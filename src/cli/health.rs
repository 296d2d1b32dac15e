//! `leapday health`: the probe of a running sandbox, and the image's HEALTHCHECK.

use std::time::Duration;

use super::client::{At, block_on};
use super::{Failure, failed, say};
use crate::client::Client;

/// How long to wait between two tries of `--wait`.
const EVERY: Duration = Duration::from_millis(20);

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: At,
    /// Try until it is well or the timeout is over
    #[arg(long)]
    wait: bool,
    /// Seconds to wait
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    timeout: u64,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (client, url) = (args.at.client()?, args.at.base_url()?);
    let limit = Duration::from_secs(args.timeout);
    block_on(async {
        let tries = async {
            loop {
                match probe(&client, &url).await {
                    Ok(version) => return Ok(version),
                    Err(failure) if !args.wait => return Err(failure),
                    Err(_) => tokio::time::sleep(EVERY).await,
                }
            }
        };
        let answer = tokio::time::timeout(limit, tries).await;
        let version = answer.map_err(|_| failed(format!("no sandbox is well at {url} after {} s", args.timeout)))??;
        say(&format!("ok, leapday {version} at {url}"));
        Ok(())
    })
}

async fn probe(client: &Client, url: &str) -> Result<String, Failure> {
    let answer = client.wire().send("GET", "/health", &[], None).await?;
    let status = answer.status;
    match answer.body["version"].as_str() {
        Some(version) if status == 200 => Ok(version.to_owned()),
        _ => Err(failed(format!("{url}/health answers {status}: not a leapday that is well"))),
    }
}
