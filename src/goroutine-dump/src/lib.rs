#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Goroutine dumps: read, grouped by stack, and two of them compared.
//!
//! ```text
//! gzip ─► read: lines ─► goroutines (debug=2) or profile (debug=1), or protobuf
//!                           └─► groups, by their keys ─► document ─► growth
//!                                 known, known_stacks: what they do, in words; mechanism: why they grew
//! ```

mod document;
mod errors;
mod goroutines;
mod groups;
mod growth;
mod gzip;
mod key;
mod known;
mod known_stacks;
mod lines;
mod mechanism;
mod profile;
mod protobuf;
mod read;

pub use document::{
    Diff, Dump, EachGoroutine, Frame, Group, GrownCreator, GrownGroup, ReadError, SCHEMA,
    WaitMinutes,
};
pub use groups::Keep;
pub use growth::{Scale, compare};
pub use gzip::read_either;
pub use known::waits_for_another;
pub use mechanism::Roles;
pub use read::read;
