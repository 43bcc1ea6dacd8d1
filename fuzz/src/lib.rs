//! What the targets share: readers of dumps, and what holds for every dump whatever was read.
//!
//! A check that fails panics, which is how libFuzzer learns of a finding.

#![allow(
    clippy::expect_used,
    reason = "a target tells what it finds by panicking"
)]

mod dumps;
mod followed_log;
mod long_lines;
mod pieces;
mod saved;

pub use dumps::{check, check_text, read, with_crlf};
pub use followed_log::follow;
pub use long_lines::long_lines;
pub use pieces::Pieces;
pub use saved::survives_json;
