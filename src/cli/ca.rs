//! `leapday ca`: the certificate that clients have to trust who call a vendor's own host name.

use std::path::PathBuf;

use super::{Failure, failed, say};
use crate::server::{Authority, CERTIFICATE, default_folder};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the certificate authority [default: leapday in the user's data folder]
    #[arg(long, env = "LEAPDAY_CA_DIR", value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// Print where the certificate lies instead of the certificate
    #[arg(long)]
    path: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let folder = args.ca_dir.unwrap_or_else(default_folder);
    Authority::open(&folder).map_err(failed)?;
    let file = folder.join(CERTIFICATE);
    if args.path {
        say(&file.display().to_string());
        return Ok(());
    }
    let pem = std::fs::read_to_string(&file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    say(pem.trim_end());
    Ok(())
}
