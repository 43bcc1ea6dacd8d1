//! What people read of a document, and one file per rendering. A renderer computes nothing.

pub mod chart;
pub mod charts;
mod csv;
pub mod dump_summary;
mod exercise_summary;
pub mod export;
mod fault_section;
mod fit_summary;
pub mod format;
mod gate_section;
pub mod github;
mod gitlab;
mod host_section;
pub mod html;
mod json;
mod junit;
pub mod markdown;
mod openmetrics;
pub mod predict_summary;
pub mod section;
pub mod section_text;
pub mod summary;
mod svg;
pub mod table;
pub mod watch_summary;
