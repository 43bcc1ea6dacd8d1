//! Goroutine dumps: read, grouped by stack, and two of them compared.
//!
//! ```text
//! source ─► lines ─► goroutines (debug=2) or profile (debug=1) ─► groups ─► growth ─► summary · JSON
//!                                                                   known: stacks in words
//! ```

mod document;
mod goroutines;
mod groups;
mod growth;
mod known;
mod lines;
mod profile;
mod source;
mod summary;

pub use document::{
    Diff, Dump, EachGoroutine, Frame, Group, GrownCreator, GrownGroup, ReadError, SCHEMA,
    WaitMinutes,
};
pub use groups::read;
pub use growth::{Scale, compare};
pub use source::open;
pub use summary::{of_diff, of_dump};
