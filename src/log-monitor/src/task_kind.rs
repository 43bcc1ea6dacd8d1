//! The kinds of the monitor's tasks: what each is called, and which goroutine it stands for.

use leakcheck_test::spawn_site;

/// What a task of the monitor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskKind {
    Reader,
    Supervisor,
    Heartbeat,
    HealthCheck,
    NestedRead,
    Hook,
    Drain,
}

impl TaskKind {
    const ALL: [Self; 7] = [
        Self::Reader,
        Self::Supervisor,
        Self::Heartbeat,
        Self::HealthCheck,
        Self::NestedRead,
        Self::Hook,
        Self::Drain,
    ];

    /// What its spawn site is called in samples and reports.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Supervisor => "supervisor",
            Self::Heartbeat => "heartbeat",
            Self::HealthCheck => "health check",
            Self::NestedRead => "nested read",
            Self::Hook => "hook",
            Self::Drain => "drain",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Reader => {
                "moves chunks from one stream into the consumer's channel (Go: the reader goroutine)"
            }
            Self::Supervisor => {
                "follows one container and consumes its lines (Go: the monitor's goroutine)"
            }
            Self::Heartbeat => "beats every 30 s (Go: the heartbeat goroutine with its ticker)",
            Self::HealthCheck => {
                "inspects one container at an interval (Go: the health-check goroutine)"
            }
            Self::NestedRead => {
                "one read of a stream, in a task that its reader waits for with a limit \
                 (Go: a goroutine around Read)"
            }
            Self::Hook => {
                "would close one stream at the whole monitor's end \
                 (Go: what context.AfterFunc registers, no goroutine until then)"
            }
            Self::Drain => {
                "receives from a forgotten channel until its reader is gone \
                 (Go: `for range ch` in a goroutine)"
            }
        }
    }
}

/// What the tasks of a label do and which goroutines they stand for; `None` for an unknown label.
pub fn meaning(label: &str) -> Option<&'static str> {
    let own = TaskKind::ALL.into_iter().find(|kind| kind.label() == label);
    own.map(TaskKind::meaning)
        .or_else(|| spawn_site::meaning(label))
}
