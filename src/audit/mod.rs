//! The audit: claims put to the test, and what became of them.
//!
//! ```text
//! scenarios ─► trial (runs side by side, the driver's besides) ─► claim ─► summary · csv · html
//! ```

mod claim;
mod csv;
mod driver;
mod format;
mod html;
mod summary;
mod trial;

pub use format::AuditFormat;
pub use trial::{Trial, try_all};
