//! Texts: figures, durations, what a terminal can be given, and the name that was meant.

pub mod duration;
pub mod embedded_toml;
pub mod figures;
pub mod json;
pub mod nearest;
pub mod printable;
pub mod secrets;
