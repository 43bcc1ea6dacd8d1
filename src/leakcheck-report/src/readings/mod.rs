//! What was read of a process that is watched, as data: one reading, all of them, and what became of its
//! single tasks and sockets between two.

pub mod reading;
mod recording;
mod turnover;

pub use reading::{Ages, Concurrency, Kind, Reading, Replaced, Site};
pub use recording::{Pause, Recording};
pub use turnover::{Lives, Waiting};
