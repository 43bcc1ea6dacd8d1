#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! The modules lie in layers, and each imports only what lies below it; a test holds the sources to this picture.
//!
//! ```text
//! render             what people and other programs read of a document, one file per format
//! gate · readings    conditions that a report must meet; readings
//! exit_code · model  errors; every document
//! ```

pub mod exit_code;
pub mod gate;
pub mod model;
pub mod readings;
pub mod render;
