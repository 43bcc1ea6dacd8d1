//! The worker: a child process that runs one monitor with one wiring, so that its tasks, file
//! descriptors and memory are its own.

pub mod experiment;
mod in_memory;
pub mod parent_link;
pub mod process;
mod surroundings;
