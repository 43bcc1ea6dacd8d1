//! The environment, checked: what `leakcheck doctor` looks at.

pub mod build;
pub mod check;
pub mod engine;
pub mod machine;
