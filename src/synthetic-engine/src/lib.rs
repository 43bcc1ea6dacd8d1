#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! ```text
//! spec ─► registry of containers (identity, schedule, lifecycle)
//!                       │
//! listen ─► server ─► routes ─► response, of documents · logs, attach ─► follow ─► frames · events
//!                       │
//!                     state, requests, followers       rotation: what becomes of open streams
//!                       (what was counted)             timers: what the engine does by itself
//!                                                      faults: what goes wrong on purpose
//! ```

pub mod attach;
pub mod clock;
pub mod connection;
pub mod container;
pub mod daemon;
pub mod documents;
pub mod errors;
pub mod event_stream;
pub mod events;
pub mod faults;
pub mod filters;
pub mod follow;
pub mod followers;
pub mod frames;
pub mod handed_lines;
pub mod host;
pub mod human;
pub mod identity;
pub mod lifecycle;
pub mod list;
pub mod listen;
pub mod logs;
pub mod query;
pub mod registry;
pub mod requests;
pub mod resettable;
pub mod response;
pub mod restarts;
pub mod rotation;
pub mod routes;
pub mod schedule;
pub mod sent_lines;
pub mod server;
pub mod spawn;
pub mod spec;
pub mod state;
pub mod stats;
pub mod timers;
pub mod timestamps;
pub mod wait;
pub mod workload;
