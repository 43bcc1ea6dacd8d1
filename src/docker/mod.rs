//! The real engine: reached, its image made sure of, its containers created, followed and removed.
//!
//! Everything that leakcheck starts carries the labels of [`labels`], and removal goes by those
//! labels alone: a container that was attached to can not be removed, whatever a caller does.

pub mod answer;
pub mod attach;
pub mod connect;
pub mod containers;
pub mod endpoint;
pub mod engine_load;
pub mod image;
pub mod labels;
pub mod last_lines;
pub mod leftovers;
pub mod line_count;
pub mod line_printer_command;
pub mod removal;
pub mod run_id;
pub mod run_owner;
pub mod ssh;
