//! Faults that the synthetic engine injects on purpose: switchable per container, drawn from a seed,
//! and counted when they happen.
//!
//! ```text
//! choice (--fault NAME=SHARE) ─► fleet: the faults of each container
//!                                   │
//!                  strikes: which stream is struck, and by what
//!                   │                    │                 │
//!       the answer's head (routes)   damage: its lines   stamps: what they are stamped with
//! ```

pub mod catalogue;
pub mod choice;
pub mod damage;
pub mod stamps;
pub mod strikes;

pub use catalogue::Fault;
pub use choice::FaultChoice;
pub use strikes::ContainerFaults;
