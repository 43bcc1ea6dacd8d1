//! Every document, and nothing else: the report, the prediction, what was saved, and the metrics that gates
//! name.

pub mod gate_result;
pub mod metric;
pub mod predict;
pub mod provenance;
pub mod report;
pub mod saved;
pub mod schema;
pub mod settings;
pub mod tool;
