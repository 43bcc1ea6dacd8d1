#![doc = include_str!("../README.md")]

pub mod address;
pub mod answers;
pub mod ask;
pub mod dial;
pub mod error_text;
mod tls;

pub use tls::WITHOUT_TLS;
