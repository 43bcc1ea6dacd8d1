//! Every document, and nothing else: the report, the audit, the prediction, what was saved, and the
//! metrics that gates name.

pub mod audit;
pub mod gate_result;
pub mod metric;
pub mod predict;
pub mod process_gauges;
pub mod provenance;
pub mod report;
pub mod saved;
pub mod schema;
pub mod settings;
