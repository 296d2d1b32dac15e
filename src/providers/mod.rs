//! The providers: one line each. They do not know each other, and nothing below names one.

mod paygentic;
mod paylera;
mod paymennt;

use std::sync::Arc;

use crate::api::{Mount, Settings, Vendor};
use crate::server::Hosted;

/// The vendors, in the order of their mounts.
pub static VENDORS: [Vendor; 3] =
    [Vendor::of::<paygentic::Paygentic>(), Vendor::of::<paylera::Paylera>(), Vendor::of::<paymennt::Paymennt>()];

/// All providers, mounted.
///
/// # Errors
/// If two rows of one provider would answer the same request.
pub fn mounts(settings: &Arc<Settings>) -> Result<Vec<Arc<dyn Mount>>, String> {
    Ok(vec![
        Arc::new(Hosted::<paygentic::Paygentic>::new(Arc::clone(settings))?),
        Arc::new(Hosted::<paylera::Paylera>::new(Arc::clone(settings))?),
        Arc::new(Hosted::<paymennt::Paymennt>::new(Arc::clone(settings))?),
    ])
}
