//! Which program measures.

use leakcheck_report::model::report::Tool;

/// This program.
pub fn this_tool() -> Tool {
    Tool {
        version: env!("CARGO_PKG_VERSION").into(),
        tokio: env!("LEAKCHECK_TOKIO_VERSION").into(),
        spawn_sites: cfg!(tokio_unstable),
    }
}
