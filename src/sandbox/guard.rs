//! Who may act on worlds of others, as the options say it.

use std::net::SocketAddr;

use super::{Options, StartupError};
use crate::api::Admin;

impl Options {
    /// Makes an admin token for a sandbox that other machines reach, unless there is one or everybody is let in.
    /// Whether it made one: then somebody has to be told.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn guard(&mut self, address: SocketAddr) -> Result<bool, StartupError> {
        if address.ip().is_loopback() || self.admin_token.is_some() || self.open_control {
            return Ok(false);
        }
        self.admin_token = Some(Admin::new_token().map_err(StartupError)?);
        Ok(true)
    }

    pub(super) fn admin(&self) -> Result<Admin, StartupError> {
        match (&self.admin_token, self.open_control) {
            (None, false) => Ok(Admin::Local),
            (None, true) => Ok(Admin::Open),
            (Some(token), false) => Admin::token(token).map_err(|why| StartupError(format!("--admin-token {why}"))),
            (Some(_), true) => {
                let why = "--admin-token and --open-control contradict each other: give one of them";
                Err(StartupError(why.to_owned()))
            }
        }
    }
}
