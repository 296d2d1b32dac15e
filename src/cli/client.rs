//! How a command finds its sandbox and speaks with it.

use super::{Failure, failed, misused};
use crate::client::{Client, Error};

/// What a client complains of, as a command does.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Misused(why) => misused(why),
            Error::Refused(refusal) => failed(refusal.message),
            other => failed(other.to_string()),
        }
    }
}

/// Runs one conversation on a small runtime.
///
/// # Errors
/// What the conversation ends with.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(format!("no runtime: {error}")))?.block_on(work)
}

/// Where a command finds its sandbox.
#[derive(clap::Args)]
pub(super) struct At {
    /// URL of the running sandbox
    #[arg(long, env = "LEAPDAY_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// Port of a sandbox on this machine [default: 4010, or PORT]
    #[arg(short, long, env = "LEAPDAY_PORT", global = true)]
    port: Option<u16>,
    /// The token of a sandbox that asks for one, to list, name or open worlds
    #[arg(long, env = "LEAPDAY_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    admin_token: Option<String>,
}

impl At {
    /// # Errors
    /// `PORT` is no port.
    pub(super) fn base_url(&self) -> Result<String, Failure> {
        match (&self.url, self.port) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(port)) => Ok(format!("http://127.0.0.1:{port}")),
            (None, None) => Ok(format!("http://127.0.0.1:{}", super::serve::default_port()?)),
        }
    }

    pub(super) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::connect(&self.base_url()?)?.admin(self.admin_token.as_deref()))
    }
}
