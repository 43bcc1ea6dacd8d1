//! The runner: engines, containers and workers started, watched and removed again.

mod agents;
mod containers;
mod context;
mod drive;
mod engine_handle;
mod hosts;
mod outcome;
mod recount;
mod run;
mod shard;
mod watcher;

pub use outcome::RunOutcome;
pub use run::run;
