#![doc = include_str!("../README.md")]

mod app_hook;
mod body;
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
pub mod log_position;
mod nested_read;
mod pace;
mod plain_client;
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
pub use plain_client::plain_client;
pub use record::Followed;
pub use spawn::census;
pub use task_kind::meaning;
