//! Gates: conditions that a report must meet, a baseline that it must keep, and whether it does.

pub mod baseline;
pub mod comparison;
mod evaluate;
pub mod expression;
pub mod judge;
mod parse_error;
mod subject;
#[cfg(any(test, feature = "test-reports"))]
pub mod test_report;
pub mod wiring_check;
