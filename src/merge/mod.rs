//! Reports of several hosts as one: counts added up, rates worked out again, the worst verdict.

mod reports;
mod wiring;

pub use reports::Merge;
