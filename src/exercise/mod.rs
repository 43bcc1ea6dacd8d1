//! Somebody's own log follower, exercised: run against synthetic containers whose streams are rotated.
//!
//! ```text
//! command_line ─► programs (start, restart, end) ─► session: engine's rotations · watch's readings
//! ```

mod command_line;
mod programs;
mod session;

pub use command_line::CommandLine;
pub use programs::Running;
pub use session::{Exercise, Seen, exercise};
