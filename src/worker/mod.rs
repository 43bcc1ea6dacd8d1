//! The worker: a child process that runs one monitor with one wiring, so that its tasks, file
//! descriptors and memory are its own.

pub mod experiment;
pub mod parent_link;
pub mod process;
pub mod protocol;
