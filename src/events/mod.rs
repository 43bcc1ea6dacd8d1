//! What happens in a run, a watch, an exercise or an audit, and who hears of it.
//!
//! ```text
//! runner · watch · exercise · audit · commands ─► Event ─► Several ─► a Consumer for each form of output
//! ```
//!
//! Whoever measures tells what happens and knows nothing of bars, screens and files.

mod consumer;
mod event;
mod so_far;

pub use consumer::{Consumer, Several};
pub use event::Event;
pub use so_far::SoFar;
