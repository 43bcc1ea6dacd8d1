#![doc = include_str!("../README.md")]

pub mod exit_code;
pub mod gate;
pub mod model;
pub mod readings;
pub mod render;
