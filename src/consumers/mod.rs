//! What is made of events: one file per form of output. A command chooses which of them it has.
//!
//! ```text
//!         ┌─► display ─┬─► run_bars · audit_bar · watch_table, with messages above them (a drawing)
//! events ─┤            └─► full_screen (--live)
//!         ├─► exports      files that are rewritten while it goes on
//!         ├─► failed_gates on standard error
//!         └─► github       annotations and the job summary
//! ```

mod audit_bar;
mod display;
mod drawing;
mod exports;
mod failed_gates;
mod full_screen;
mod github;
mod messages;
mod run_bars;
mod watch_table;

pub use audit_bar::AuditBar;
pub use display::Display;
pub use drawing::Drawing;
pub use exports::Exports;
pub use failed_gates::FailedGates;
pub use github::GitHub;
pub use messages::Messages;
pub use run_bars::RunBars;
pub use watch_table::WatchTable;
