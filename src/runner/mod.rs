//! The runner: engines, containers and workers started, watched and removed again.

mod agents;
mod containers;
mod drive;
mod engine_handle;
mod hosts;
mod recount;
mod run;
mod shard;

pub use run::{Listener, Outcome, run};
