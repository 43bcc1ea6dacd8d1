//! Watching a process that runs already: read at an interval, and judged by how its counts go.
//!
//! ```text
//! target ─► sources: /proc · pprof · console · metrics ─► readings ─► analysis::watched ─► report
//!                                     lives: what is replaced, and what is stuck
//! ```

mod reading;
mod session;
mod sources;
mod target;
mod turnover;

pub use reading::{Kind, Reading, Replaced, Site};
pub use session::{Listener, Pause, Recording, Timing, watch};
pub use sources::Sources;
pub use target::{Processes, Target};
pub use turnover::{Lives, Waiting};
