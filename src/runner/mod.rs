//! The runner: engines, containers and workers started, watched and removed again.

mod containers;
mod drive;
mod engine_handle;
mod run;

pub use run::{Listener, Outcome, run};
