//! Watching a process that runs already: read at an interval, and judged by how its counts go.
//!
//! ```text
//! target ─► sources: /proc · pprof · console · metrics ─► readings ─► analysis::watched ─► report
//! ```

mod session;
mod sources;
mod target;

pub(crate) use session::say;
pub use session::{Timing, watch};
pub use sources::Sources;
pub use target::{Processes, WatchTarget};
