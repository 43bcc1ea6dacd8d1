//! Faults that the engine injects on purpose: drawn from a seed, and counted when they happen.
//!
//! ```text
//! workload: the faults of each container
//!              │
//!           injector: which stream is struck, and by what
//!           │                    │                 │
//!  the answer's head (routes)  damage: its lines  stamps: what they are stamped with
//! ```

pub mod damage;
pub mod injector;
pub mod stamps;
