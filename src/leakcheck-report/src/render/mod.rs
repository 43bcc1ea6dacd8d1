//! What people read of a document. A renderer computes nothing.
//!
//! The list of formats is [`mod@format`], with a file for each.

pub mod chart;
pub mod charts;
pub mod dump_summary;
mod exercise_summary;
pub mod export;
mod fault_section;
mod fit_summary;
pub mod format;
mod gate_section;
pub mod github;
mod host_section;
pub mod html;
pub mod markdown;
pub mod predict_summary;
pub mod section;
pub mod section_text;
pub mod summary;
pub mod watch_summary;
