//! An experiment before it is run: what was typed or written in a scenario, resolved and checked.

pub mod fd_budget;
pub mod plan;
pub mod scenario;
pub mod scenario_library;
pub mod settings;
