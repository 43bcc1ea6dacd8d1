//! From samples to rates and a verdict, and from a wiring to a prediction. Nothing here knows an
//! engine.

pub mod arithmetic;
pub mod exercised;
pub mod expectation;
pub mod go_reference;
pub mod growth;
pub mod mechanisms;
pub mod observed;
mod post_mortem;
pub mod prediction;
pub mod rates;
pub mod samples;
pub mod shards;
pub mod sufficiency;
pub mod trend;
pub mod verdict;
pub mod watched;
mod watched_counts;
mod watched_life;
#[cfg(test)]
mod watched_shapes;
mod watched_verdict;
pub mod wiring_report;
