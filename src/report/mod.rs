//! The report's model, what people read of it, and one file per rendering. A renderer computes
//! nothing.

pub mod charts;
mod csv;
mod exercise_summary;
pub mod export;
mod fault_section;
mod fit_summary;
pub mod format;
mod gate_result;
mod gate_section;
pub mod github;
mod gitlab;
mod host_section;
pub mod html;
mod json;
mod junit;
pub mod markdown;
pub mod model;
mod openmetrics;
pub mod predict;
pub mod predict_summary;
pub mod rerun;
pub mod saved;
pub mod schema;
pub mod summary;
mod svg;
pub mod table;
mod tool;
pub mod watch_summary;
