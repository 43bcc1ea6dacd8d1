//! Goroutine dumps: read, grouped by stack, and two of them compared.
//!
//! ```text
//! source ─► read: lines ─► goroutines (debug=2) or profile (debug=1), or protobuf
//!                             └─► groups, by their keys ─► growth ─► summary · JSON
//!                                   known, known_stacks: what they do, in words
//! ```

mod document;
mod errors;
mod goroutines;
mod groups;
mod growth;
mod key;
mod known;
mod known_stacks;
mod lines;
mod profile;
mod protobuf;
mod read;
mod source;
mod summary;

pub use document::{
    Diff, Dump, EachGoroutine, Frame, Group, GrownCreator, GrownGroup, ReadError, SCHEMA,
    WaitMinutes,
};
pub use groups::Keep;
pub(crate) use growth::mechanism;
pub use growth::{Scale, compare};
pub(crate) use known::{is_read_loop, is_write_loop, waits_for_another};
pub use read::read;
pub use source::{Source, read_either};
pub use summary::{of_diff, of_dump};
