//! A run or a watch on the whole terminal while it goes on (`--live`), on standard error.
//!
//! ```text
//! news of what is measured ─► state ─┐
//!                                    ├─► screen ─► terminal
//! keys ─► view (order, scroll, …) ───┘
//!   └─► the hold of the measuring, and the signal that ends it
//! ```
//!
//! The view has a thread of its own, which alone knows the state: whatever the terminal does, measuring
//! does not wait for it.

mod chart;
mod keyboard;
mod screen;
mod session;
mod sites;
mod sort;
mod state;
mod subjects;
mod table;
mod terminal;
mod text;
mod view;

pub use session::{Entered, LiveView};
pub use state::{Count, Fact, LiveSite, News};
