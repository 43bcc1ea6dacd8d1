#![doc = include_str!("../README.md")]

pub mod duration;
pub mod embedded_toml;
pub mod figures;
pub mod json;
pub mod nearest;
pub mod printable;
pub mod secrets;
