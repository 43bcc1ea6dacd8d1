//! One synthetic container: who it is, what it prints, whether it runs.

use nix::sys::signal::Signal;
use tokio::sync::watch;

use crate::engine::clock::Clock;
use crate::engine::identity;
use crate::engine::lifecycle::{Exit, Lifecycle};
use crate::engine::restarts::Restarts;
use crate::engine::schedule::Schedule;
use crate::fleet::Container;

/// A container as the engine keeps it.
#[derive(Debug)]
pub struct SyntheticContainer {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without a leading slash.
    pub name: String,
    /// Whether it has a terminal.
    pub tty: bool,
    /// When its lines are due.
    pub schedule: Schedule,
    /// Created and first started, in ns of unix time.
    pub created_at_ns: i64,
    /// When it ends and starts again; `None` for one that runs on.
    pub restarts: Option<Restarts>,
    lifecycle: watch::Sender<Lifecycle>,
}

impl SyntheticContainer {
    /// The container of a spec, running since `started_at_ns`.
    pub fn new(container: &Container, started_at_ns: i64) -> Self {
        Self {
            id: identity::container_id(&container.name),
            name: container.name.clone(),
            tty: container.tty,
            schedule: Schedule::new(container, started_at_ns),
            created_at_ns: started_at_ns,
            restarts: (container.restarts).map(|restarts| Restarts::new(restarts, started_at_ns)),
            lifecycle: watch::Sender::new(Lifecycle::Running),
        }
    }

    /// When it was last started by a moment, in ns of unix time.
    pub fn started_at_ns(&self, now_ns: i64) -> i64 {
        let end_ns = self.lifecycle().exit().map(|exit| exit.finished_at_ns);
        let by_ns = end_ns.map_or(now_ns, |end| end.min(now_ns));
        let restarted = self.restarts.and_then(|restarts| restarts.last_by(by_ns));
        restarted.unwrap_or(self.created_at_ns)
    }

    /// The first 12 digits of its id.
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    /// What it is doing now.
    pub fn lifecycle(&self) -> Lifecycle {
        *self.lifecycle.borrow()
    }

    /// Follows what it is doing. The sender lives as long as the container.
    pub fn watch_lifecycle(&self) -> watch::Receiver<Lifecycle> {
        self.lifecycle.subscribe()
    }

    /// Ends it by a signal; `None` when it had ended before.
    pub fn end(&self, signal: Signal, clock: &Clock) -> Option<Exit> {
        let mut ended = None;
        self.lifecycle.send_if_modified(|lifecycle| {
            if *lifecycle == Lifecycle::Running {
                // Read under the lock, as followers read it: no line is sent that is due after
                // the end.
                let exit = Exit {
                    finished_at_ns: clock.now_ns(),
                    code: 128 + signal as i32,
                };
                *lifecycle = Lifecycle::Exited(exit);
                ended = Some(exit);
            }
            ended.is_some()
        });
        ended
    }

    /// Forgets it; `false` unless it had exited.
    pub fn remove(&self) -> bool {
        self.lifecycle
            .send_if_modified(|lifecycle| match *lifecycle {
                Lifecycle::Exited(exit) => {
                    *lifecycle = Lifecycle::Removed(exit);
                    true
                }
                Lifecycle::Running | Lifecycle::Removed(_) => false,
            })
    }
}
