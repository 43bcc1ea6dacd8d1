//! What can be read of a process: its tasks by spawn site, its file descriptors, its memory.

#[cfg(feature = "console")]
pub mod console;
pub mod dump_source;
pub mod listener;
pub mod metrics_endpoint;
pub mod other_process;
pub mod pprof;
pub mod process;
pub mod process_set;
pub mod program;
pub mod prometheus_text;
pub mod unread_bytes;
