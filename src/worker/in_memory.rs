//! A synthetic engine within the worker, for the virtual clock: in the worker's own runtime, whose time
//! is paused, over connections in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use docker_engine::dial::MemoryConnection;
use leakcheck_report::model::report::EngineCounts;
use log_monitor::Reach;
use synthetic_engine::clock::EngineClock;
use synthetic_engine::daemon::Daemon;
use synthetic_engine::documents::API_VERSION;
use synthetic_engine::server::spawn_connection;
use synthetic_engine::spec::EngineSpec;
use tokio::io::duplex;

/// What a connection holds in either direction before its writer waits: as much as a unix socket of Linux
/// does by default (`net.core.wmem_default`).
const HELD_BYTES: usize = 212_992;

/// A running engine, and the connections to it.
pub(super) struct InMemoryEngine {
    daemon: Arc<Daemon>,
    /// The monitor's ends that are open.
    open: Arc<AtomicU64>,
}

impl InMemoryEngine {
    /// Starts an engine whose time begins when its containers start; must be called within a runtime.
    pub(super) fn start(spec: &EngineSpec) -> Self {
        let clock = EngineClock::starting_at(spec.started_at_ns);
        Self {
            daemon: Arc::new(Daemon::new(spec, clock)),
            open: Arc::default(),
        }
    }

    /// How the monitor reaches it.
    pub(super) fn reach(&self) -> Reach {
        let (daemon, open) = (Arc::clone(&self.daemon), Arc::clone(&self.open));
        let dial = move || {
            let (here, there) = duplex(HELD_BYTES);
            spawn_connection(&daemon, there);
            MemoryConnection::new(here, &open)
        };
        let (major, minor) = API_VERSION;
        Reach::in_memory(dial, (major as usize, minor as usize))
    }

    /// The monitor's connections that are open: what would be its sockets.
    pub(super) fn connections(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// What the engine counts on its side. Its tasks and its memory are the worker's, and it has no
    /// file descriptors.
    pub(super) fn counts(&self) -> EngineCounts {
        EngineCounts {
            connections: Some(self.daemon.counts.connections()),
            goroutines: None,
            fds: None,
            rss_bytes: None,
            faults: self.daemon.counts.faults.by_name(),
        }
    }
}
