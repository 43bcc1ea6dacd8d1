//! The synthetic engine: a process that answers the Docker Engine API for containers that exist
//! only as a seeded schedule of log lines.
//!
//! ```text
//! spec ─► registry of containers (identity, schedule, lifecycle)
//!                       │
//! listen ─► server ─► routes ─► documents · logs ─► follow ─► frames · events
//!                       │
//!                     state (live counts)              process: the parent's handle on a child
//! ```

pub mod clock;
pub mod container;
pub mod daemon;
pub mod documents;
pub mod errors;
pub mod events;
pub mod filters;
pub mod follow;
pub mod frames;
pub mod host;
pub mod human;
pub mod identity;
pub mod lifecycle;
pub mod list;
pub mod listen;
pub mod logs;
pub mod process;
pub mod query;
pub mod registry;
pub mod restarts;
pub mod routes;
pub mod schedule;
pub mod server;
pub mod spec;
pub mod state;
