//! The wirings that have a name: the incident, its fixes, and every row of the Go reference table.

use std::time::Duration;

use super::wiring::{
    ClientFate, ClientUse, GoReference, HealthCheck, Heartbeat, ReadStyle, Resume, Scope,
    SendStyle, Step, Wiring,
};
use crate::text::nearest::nearest;

/// The incident's channel between reader and consumer holds ten chunks.
const INCIDENT_CHANNEL_CAPACITY: usize = 10;

/// The incident's health check inspected each container every 30 s.
const INCIDENT_HEALTH_CHECK: Duration = Duration::from_secs(30);

/// Its pool held five clients.
const INCIDENT_POOL: usize = 5;

/// Its places for streams.
const INCIDENT_STREAM_LIMIT: usize = 50;

/// One of its fixes gave up waiting for a read after 30 s.
const INCIDENT_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Go keeps open what nobody closes; in Rust the last owner's drop closes it.
const HELD_STREAM: &str = "Dropping a stream closes its connection in Rust; the monitor keeps the \
    forgotten stream in the container's record, as the incident did in a field.";
const HELD_RECEIVER: &str = "Dropping a receiver wakes a waiting sender in Rust; the monitor keeps \
    the receiver in the container's record, so that the reader waits on as it does in Go.";
const HELD_CLIENT: &str = "Dropping a client closes its idle connections in Rust, and an idle \
    connection is one task (Go: two goroutines); the monitor keeps the throwaway client.";

const POOLED_STREAM: &str = "As throwaway-client; besides, a client that pools connections keeps a \
    second task for each open response (hyper-util), so that a forgotten stream leaves three tasks.";

const HOOK: &str = "A hook is a task here; Go's context.AfterFunc registers a function, and starts \
    a goroutine only when the context ends: there it is memory that grows.";

const STOP_MESSAGE: &str = "Dropping a receiver wakes a waiting sender in Rust; the stop message \
    has none, so that it is waited for as an unbuffered Go channel's is.";

/// Every named wiring: the two defaults, the Go reference table, the incident's other fixes, and
/// what was seen elsewhere.
pub fn all() -> Vec<Wiring> {
    let mut all = reference_table();
    all.extend(incident());
    all.extend(seen_elsewhere());
    all
}

/// The rows of the Go reference table, and what stands close to them.
fn reference_table() -> Vec<Wiring> {
    use Scope::Stream;
    let close = Step::Close;
    let wait = Step::WaitReader { limit: None };
    let kept = ClientUse::ThrowawayPerRotation(ClientFate::NeverClosed);

    vec![
        wiring(
            "old",
            "A",
            "the incident: reader and request hang off the app, the rotation forgets both",
        )
        .rust_note(HELD_STREAM)
        .go(3.0, 1.0),
        wiring(
            "fixed",
            "E",
            "the full fix: reader and request hang off the stream, close, then wait",
        )
        .reader(Stream)
        .request(Stream)
        .steps([close, wait])
        .go(0.0, 0.0),
        wiring(
            "line-fix",
            "A3",
            "the post-mortem's one-line fix alone: the reader hangs off the stream",
        )
        .reader(Stream)
        .rust_note(HELD_STREAM)
        .go(2.5, 1.0),
        wiring(
            "cancel-on-return",
            "A2",
            "old, but the reader is cancelled when its function returns",
        )
        .cancelled_on_return()
        .rust_note(HELD_STREAM)
        .go(2.5, 1.0),
        wiring("close", "B", "old, and the rotation closes the stream")
            .steps([close])
            .rust_note(HELD_RECEIVER)
            .go(0.0, 0.0),
        wiring(
            "request-on-stream",
            "C",
            "old, but the request hangs off the stream",
        )
        .request(Stream)
        .rust_note(HELD_RECEIVER)
        .go(0.0, 0.0),
        wiring(
            "close-wait",
            "D",
            "old, and the rotation closes the stream, then waits for the reader",
        )
        .steps([close, wait])
        .rust_note(HELD_RECEIVER)
        .go(0.0, 0.0)
        .go_hung("38 of 50 under back-pressure"),
        wiring(
            "wait-close",
            "D2",
            "old, and the rotation waits for the reader, then closes the stream",
        )
        .steps([wait, close])
        .rust_note(HELD_RECEIVER)
        .go_hung("50 of 50 at the first rotation"),
        wiring(
            "request-on-stream-close-wait",
            "D3",
            "close-wait with the request on the stream",
        )
        .request(Stream)
        .steps([close, wait])
        .rust_note(HELD_RECEIVER)
        .go(0.0, 0.0)
        .go_hung("22 of 50 under back-pressure"),
        wiring(
            "cancel-close-wait",
            "D4",
            "close-wait with the reader cancelled when its function returns",
        )
        .cancelled_on_return()
        .steps([close, wait])
        .go(0.0, 0.0),
        wiring(
            "wait-only",
            "F",
            "line-fix, and the rotation waits for the reader without closing",
        )
        .reader(Stream)
        .steps([wait])
        .rust_note(HELD_STREAM)
        .go(2.0, 1.0)
        .go_hung("all silent ones (25 of 25)"),
        wiring(
            "wait-dropped",
            "F2",
            "wait-only without its wait: the same choices as line-fix",
        )
        .reader(Stream)
        .rust_note(HELD_STREAM)
        .go(2.5, 1.0),
        wiring(
            "drain",
            "G2",
            "old, and the rotation starts a task that drains the channel",
        )
        .steps([Step::Drain])
        .rust_note(HELD_STREAM)
        .go(4.0, 1.0),
        wiring(
            "complete-fix",
            "",
            "the post-mortem's complete fix: line-fix, close, drain, then wait",
        )
        .reader(Stream)
        .steps([close, Step::Drain, wait]),
        wiring(
            "fixed-drain",
            "",
            "complete-fix without its close: line-fix, drain, then wait",
        )
        .reader(Stream)
        .steps([Step::Drain, wait])
        .rust_note(HELD_STREAM),
        wiring(
            "throwaway-client",
            "H2",
            "fixed, through a new client per rotation that is never closed",
        )
        .like_fixed()
        .client(kept)
        .rust_note(HELD_CLIENT)
        .go(2.0, 1.0),
        wiring(
            "throwaway-client-closed",
            "H3",
            "throwaway-client, and the rotation closes the client",
        )
        .like_fixed()
        .client(ClientUse::ThrowawayPerRotation(ClientFate::Closed))
        .go(0.0, 0.0),
        wiring(
            "throwaway-client-timeout",
            "H4",
            "throwaway-client with an idle timeout of 3 s",
        )
        .like_fixed()
        .client(ClientUse::ThrowawayPerRotation(ClientFate::IdleTimeout(
            Duration::from_secs(3),
        )))
        .go(0.0, 0.0),
        wiring(
            "old-throwaway-client",
            "H6",
            "old, through a new client per rotation that is never closed",
        )
        .client(kept)
        .rust_note(POOLED_STREAM)
        .go(5.0, 2.0),
        wiring(
            "untracked-heartbeat",
            "I",
            "fixed, with one more heartbeat per rotation that nothing ends",
        )
        .like_fixed()
        .heartbeat(Heartbeat::UntrackedPerRotation)
        .go(1.0, 0.0),
    ]
}

/// What the incident's project tried besides, and what its later phases point at.
fn incident() -> Vec<Wiring> {
    use Scope::Stream;
    let close = Step::Close;
    let wait = Step::WaitReader { limit: None };

    vec![
        wiring(
            "smallest-leak",
            "",
            "untracked-heartbeat in one container alone: one task per rotation",
        )
        .like_fixed()
        .heartbeat(Heartbeat::UntrackedInOneContainer),
        wiring(
            "shared-wait",
            "",
            "fixed, but the wait group is shared with the heartbeat: the frozen success",
        )
        .like_fixed()
        .steps([close, Step::WaitReaderAndHeartbeat]),
        wiring(
            "wait-limit",
            "",
            "close-wait, but the wait gives up after 5 s",
        )
        .steps([
            close,
            Step::WaitReader {
                limit: Some(Duration::from_secs(5)),
            },
        ])
        .rust_note(HELD_RECEIVER),
        wiring(
            "buffer-100",
            "",
            "old with room for 100 chunks in the channel",
        )
        .capacity(100)
        .rust_note(HELD_STREAM),
        wiring(
            "drop-when-full",
            "",
            "fixed, but the reader drops a chunk when the channel is full",
        )
        .like_fixed()
        .sends(SendStyle::OrDrop),
        wiring(
            "blocking-send",
            "",
            "fixed, but the reader's send cannot be cancelled",
        )
        .like_fixed()
        .sends(SendStyle::Blocking)
        .rust_note(HELD_RECEIVER),
        wiring(
            "cancellable-read",
            "",
            "wait-only with a read that cancellation ends: what async Rust offers",
        )
        .reader(Stream)
        .steps([wait])
        .reads(ReadStyle::Cancellable)
        .rust_note(HELD_STREAM),
        wiring(
            "health-check-throwaway",
            "",
            "fixed, and every 30 s an inspection through a client that is never closed",
        )
        .like_fixed()
        .health_check(Some(ClientFate::NeverClosed))
        .rust_note(HELD_CLIENT),
        wiring(
            "health-check-shared",
            "",
            "fixed, and every 30 s an inspection through the shared client",
        )
        .like_fixed()
        .health_check(None),
        wiring(
            "health-check-pool",
            "",
            "health-check-throwaway, where streams keep all 5 clients of a pool busy",
        )
        .like_fixed()
        .health_check(Some(ClientFate::NeverClosed))
        .pooled(INCIDENT_POOL)
        .rust_note(HELD_CLIENT),
        wiring(
            "close-wait-100",
            "",
            "close-wait with room for 100 chunks in the channel",
        )
        .steps([close, wait])
        .capacity(100)
        .rust_note(HELD_RECEIVER),
        wiring(
            "nested-read",
            "",
            "line-fix, each read in a task that is waited for 30 s at most",
        )
        .reader(Stream)
        .reads(ReadStyle::Nested {
            timeout: INCIDENT_READ_TIMEOUT,
        })
        .rust_note(HELD_STREAM),
        wiring(
            "close-after-loop",
            "",
            "line-fix, and the reader closes the stream once its loop has ended",
        )
        .reader(Stream)
        .closed_by_reader()
        .rust_note(HELD_STREAM),
        wiring(
            "close-on-engine-end",
            "",
            "old, and only a stream that the engine ended is closed",
        )
        .closing_at_engine_end([close, wait])
        .rust_note(HELD_STREAM),
        wiring(
            "stream-limit",
            "",
            "fixed, but no more than 50 containers are followed; the others retry",
        )
        .like_fixed()
        .limited_to(INCIDENT_STREAM_LIMIT),
    ]
}

/// What log followers of other projects did.
fn seen_elsewhere() -> Vec<Wiring> {
    use Scope::Stream;
    let close = Step::Close;
    let wait = Step::WaitReader { limit: None };

    vec![
        wiring(
            "close-between-reads",
            "",
            "fixed, but a read holds the lock that close takes (ManagedDockerStream)",
        )
        .reader(Stream)
        .steps([Step::CloseBetweenReads, wait]),
        wiring(
            "close-blocking-send",
            "",
            "close with a reader whose send nothing cancels (moby#37391)",
        )
        .steps([close])
        .sends(SendStyle::Blocking)
        .rust_note(HELD_RECEIVER),
        wiring(
            "unbuffered-last-word",
            "",
            "close, and the reader sends its end unbuffered (argo-cd#27243)",
        )
        .steps([close])
        .capacity(0)
        .rust_note(HELD_RECEIVER),
        wiring(
            "tell-reader",
            "",
            "close, once the reader took a stop message (testcontainers-go#1407)",
        )
        .reads(ReadStyle::Cancellable)
        .steps([Step::TellReader, close])
        .rust_note(STOP_MESSAGE),
        wiring(
            "resume-from-read",
            "",
            "fixed without its wait, resumed from what was read (testcontainers-go)",
        )
        .reader(Stream)
        .request(Stream)
        .steps([close])
        .resumes(Resume::LastRead),
        wiring(
            "hook-on-app",
            "",
            "fixed, and each stream leaves a hook on the app's end (moby#51801)",
        )
        .like_fixed()
        .hooked()
        .rust_note(HOOK),
        wiring(
            "heartbeat-left",
            "",
            "fixed, and a heartbeat per stream that only a rotation ends (loki 9495)",
        )
        .like_fixed()
        .heartbeat(Heartbeat::LeftOnEngineEnd),
        wiring(
            "client-per-start",
            "",
            "fixed, through an unclosed client per container start (beats#14389)",
        )
        .like_fixed()
        .client(ClientUse::PerContainerStart(ClientFate::NeverClosed))
        .rust_note(HELD_CLIENT),
        wiring(
            "client-per-start-closed",
            "",
            "client-per-start, and the client is closed when the container ends",
        )
        .like_fixed()
        .client(ClientUse::PerContainerStart(ClientFate::Closed)),
    ]
}

/// The wirings that are compared where none is named: the incident and its fix.
pub fn defaults() -> Vec<Wiring> {
    all().into_iter().take(2).collect()
}

/// Finds a wiring by its name or by its letter in the Go reference table.
///
/// # Errors
/// Names the wiring that is spelt most like it.
pub fn find(name: &str) -> Result<Wiring, String> {
    let all = all();
    let matches = |wiring: &&Wiring| wiring.name == name || wiring.letter.as_deref() == Some(name);
    if let Some(found) = all.iter().find(matches) {
        return Ok(found.clone());
    }
    let hint = match nearest(name, all.iter().map(|wiring| wiring.name.as_str())) {
        Some(nearest) => format!("did you mean {nearest}? "),
        None => String::new(),
    };
    Err(format!(
        "there is no wiring {name:?}; {hint}`leakcheck wirings` lists them"
    ))
}

/// The incident's wiring under another name: what the others are told apart from.
fn wiring(name: &str, letter: &str, summary: &str) -> Wiring {
    Wiring {
        name: name.into(),
        letter: (!letter.is_empty()).then(|| letter.into()),
        summary: summary.into(),
        rust_note: None,
        go: None,
        reader_parent: Scope::App,
        cancel_reader_on_return: false,
        request: Scope::App,
        at_rotation: Vec::new(),
        at_engine_end: None,
        reader_closes: false,
        read: ReadStyle::CheckedBetweenReads,
        send: SendStyle::OrCancelled,
        channel_capacity: INCIDENT_CHANNEL_CAPACITY,
        resume: Resume::LastDelivered,
        hook_on_app: false,
        heartbeat: Heartbeat::Tracked,
        client: ClientUse::Shared,
        stream_limit: None,
        health_check: None,
    }
}

/// The words in which the table above is written.
impl Wiring {
    fn like_fixed(self) -> Self {
        self.reader(Scope::Stream)
            .request(Scope::Stream)
            .steps([Step::Close, Step::WaitReader { limit: None }])
    }

    fn reader(self, reader_parent: Scope) -> Self {
        Self {
            reader_parent,
            ..self
        }
    }

    fn cancelled_on_return(self) -> Self {
        Self {
            cancel_reader_on_return: true,
            ..self
        }
    }

    fn request(self, request: Scope) -> Self {
        Self { request, ..self }
    }

    fn steps<const N: usize>(self, steps: [Step; N]) -> Self {
        Self {
            at_rotation: steps.into(),
            ..self
        }
    }

    fn closing_at_engine_end<const N: usize>(self, steps: [Step; N]) -> Self {
        Self {
            at_engine_end: Some(steps.into()),
            ..self
        }
    }

    fn closed_by_reader(self) -> Self {
        Self {
            reader_closes: true,
            ..self
        }
    }

    fn resumes(self, resume: Resume) -> Self {
        Self { resume, ..self }
    }

    fn hooked(self) -> Self {
        Self {
            hook_on_app: true,
            ..self
        }
    }

    fn limited_to(self, streams: usize) -> Self {
        Self {
            stream_limit: Some(streams),
            ..self
        }
    }

    fn reads(self, read: ReadStyle) -> Self {
        Self { read, ..self }
    }

    fn sends(self, send: SendStyle) -> Self {
        Self { send, ..self }
    }

    fn capacity(self, channel_capacity: usize) -> Self {
        Self {
            channel_capacity,
            ..self
        }
    }

    fn heartbeat(self, heartbeat: Heartbeat) -> Self {
        Self { heartbeat, ..self }
    }

    fn client(self, client: ClientUse) -> Self {
        Self { client, ..self }
    }

    fn health_check(self, throwaway: Option<ClientFate>) -> Self {
        let check = HealthCheck {
            every: INCIDENT_HEALTH_CHECK,
            throwaway,
            pool: None,
        };
        Self {
            health_check: Some(check),
            ..self
        }
    }

    fn pooled(self, clients: usize) -> Self {
        let pooled = |check| HealthCheck {
            pool: Some(clients),
            ..check
        };
        Self {
            health_check: self.health_check.map(pooled),
            ..self
        }
    }

    fn rust_note(self, note: &str) -> Self {
        Self {
            rust_note: Some(note.into()),
            ..self
        }
    }

    fn go(self, goroutines: f64, fds: f64) -> Self {
        let go = GoReference {
            goroutines: Some(goroutines),
            fds: Some(fds),
            hung: None,
        };
        Self {
            go: Some(go),
            ..self
        }
    }

    fn go_hung(self, hung: &str) -> Self {
        let go = self.go.unwrap_or(GoReference {
            goroutines: None,
            fds: None,
            hung: None,
        });
        Self {
            go: Some(GoReference {
                hung: Some(hung.into()),
                ..go
            }),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_go_reference_table_has_its_wiring() {
        for letter in [
            "A", "A2", "A3", "B", "C", "D", "D2", "D3", "D4", "E", "F", "F2", "G2", "H2", "H3",
            "H4", "H6", "I",
        ] {
            assert!(find(letter).is_ok(), "{letter}");
        }
    }

    #[test]
    fn names_and_letters_are_unique() {
        let all = all();
        let mut names: Vec<_> = all.iter().map(|w| w.name.clone()).collect();
        names.extend(all.iter().filter_map(|w| w.letter.clone()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_misspelt_wiring_is_answered_with_the_nearest_name() {
        let message = find("fixd").expect_err("no such wiring");
        assert!(message.contains("did you mean fixed?"), "{message}");
    }
}
