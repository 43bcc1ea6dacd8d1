//! The report's model, what people read of it, and one file per rendering. A renderer computes
//! nothing.

mod csv;
pub mod export;
mod fit_summary;
pub mod format;
mod gate_result;
mod gate_section;
mod json;
pub mod markdown;
pub mod model;
pub mod predict;
pub mod predict_summary;
pub mod saved;
pub mod summary;
pub mod table;
mod tool;
