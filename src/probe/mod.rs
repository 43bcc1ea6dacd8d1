//! What can be read of a process: its tasks by spawn site, its file descriptors, its memory.

pub mod fds;
pub mod process;
pub mod settle;
pub mod sites;
pub mod task_census;
