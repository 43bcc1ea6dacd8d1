//! The audit: claims put to the test, and what became of them.

mod claim;
mod summary;

pub use claim::{AUDIT_SCHEMA, Audit, Claim, ClaimVerdict};
pub use summary::summary;
