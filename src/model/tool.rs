//! Which program measured.

use super::report::Tool;

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            tokio: env!("LEAKCHECK_TOKIO_VERSION").into(),
            spawn_sites: cfg!(tokio_unstable),
        }
    }
}
