//! Gates: conditions that a report must meet, a baseline that it must keep, and whether it does.

pub mod baseline;
pub mod comparison;
pub mod expression;
pub mod judge;
pub mod metric;
mod parse_error;
pub mod subject;
#[cfg(test)]
pub(crate) mod test_report;
mod weigh;

pub use parse_error::ParseError;
