//! The labels of every container that leakcheck creates. They are a contract between versions:
//! `leakcheck clean` finds by them what an older or newer leakcheck left.

/// The run that created the container.
pub const RUN: &str = "leakcheck.run";
/// The container's name in the fleet, which its lines carry.
pub const NAME: &str = "leakcheck.name";
/// The process that created the container.
pub const PID: &str = "leakcheck.pid";
/// When that process started, in clock ticks after boot: tells it from a later one of its id.
pub const PID_START: &str = "leakcheck.pid-start";
/// The host that the process runs on, which need not be the engine's.
pub const HOST: &str = "leakcheck.host";

/// The run whose containers an agent follows, of whose own it is none.
pub const AGENT: &str = "leakcheck.agent-of";

/// What an engine puts on the containers of a swarm's services.
pub const SERVICE: &str = "com.docker.swarm.service.id";
