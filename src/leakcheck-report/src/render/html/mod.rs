//! The report as one HTML file that needs nothing beside it: no network, no other file.
//!
//! ```text
//! report ─► report_page ─┐  figure (a chart, its words, its table)
//! audit  ─► (audit::html)┴► section (a summary's section) ─► document (the shell around it)
//!                           again (the command that measures it again)
//! ```

pub mod again;
mod document;
mod figure;
mod report_page;
mod section;
mod text;

pub use document::document;
pub use figure::Figures;
pub use report_page::{render, report_body};
pub use section::{Tone, badge};
pub use text::text;
