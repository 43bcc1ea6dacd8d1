//! The monitor, the system under test: it follows every container's log stream and rotates it.
//!
//! It is written as the incident's Go service was, choice by choice: what differs between a leaking
//! and a correct monitor is a [`Wiring`](wiring::Wiring), and nothing else. It knows nothing of
//! samples and reports.

mod app_hook;
mod body;
pub mod catalogue;
mod chunk;
mod client;
mod context;
mod delivery;
mod drain;
mod follow;
mod framing;
mod health_check;
mod heartbeat;
mod lifecycle;
mod nested_read;
mod pace;
mod reader;
mod record;
mod spawn;
pub mod step;
mod stop_message;
mod supervisor;
mod tally;
mod task_kind;
pub mod wiring;

pub use client::{EngineAddress, Reach};
pub use follow::OPENING_AT_ONCE;
pub use lifecycle::{Delivered, DeliveryTotals, HungAt, Monitor, MonitorPlan, Replacements};
pub use pace::Pace;
pub use record::Followed;
pub use spawn::census;
pub use task_kind::meaning;
