//! Stacks that are well known, in words: what is stuck on what, for those who do not know Go's
//! runtime.

use super::document::{Frame, Group};

/// The read loop of an HTTP client's connection.
const READ_LOOP: &str = "net/http.(*persistConn).readLoop";
/// Its write loop.
const WRITE_LOOP: &str = "net/http.(*persistConn).writeLoop";

/// A well-known stack: a function in it, the states that it is told in (none: any), and the words.
/// The first that fits is taken.
const STACKS: &[(&str, &[&str], &str)] = &[
    (
        READ_LOOP,
        &["IO wait"],
        "HTTP client connection, read loop: idle in its pool, or waiting for an answer (two goroutines \
         and one fd per open connection)",
    ),
    (
        READ_LOOP,
        &[],
        "HTTP client connection, read loop: waiting until a response's body is read to its end or closed \
         (two goroutines and one fd per open connection)",
    ),
    (
        WRITE_LOOP,
        &[],
        "HTTP client connection, write loop: waiting for a request to send (two goroutines and one fd per \
         open connection)",
    ),
    (
        "net/http.(*bodyEOFSignal).Read",
        &[],
        "reading the body of an HTTP response",
    ),
    (
        "net/http.(*conn).serve",
        &["IO wait"],
        "HTTP server connection: waiting for a request",
    ),
    (
        "net/http.(*connReader).backgroundRead",
        &[],
        "HTTP server connection: watching whether the client goes away",
    ),
    (
        "internal/poll.(*FD).Accept",
        &[],
        "listening for connections",
    ),
    ("sync.(*WaitGroup).Wait", &[], "waiting for a WaitGroup"),
    (
        "sync.(*RWMutex).",
        &[],
        "waiting for a read-write lock that another goroutine holds",
    ),
    (
        "sync.(*Mutex).Lock",
        &[],
        "waiting for a mutex that another goroutine holds",
    ),
    ("sync.(*Cond).Wait", &[], "waiting for a condition variable"),
    ("os/exec.(*Cmd).Wait", &[], "waiting for a child process"),
    ("os/signal.loop", &[], "waiting for a signal"),
];

/// What the states themselves say.
const STATES: &[(&str, &str)] = &[
    (
        "chan send (nil chan)",
        "sending into a nil channel: it never returns",
    ),
    (
        "chan receive (nil chan)",
        "receiving from a nil channel: it never returns",
    ),
    (
        "select (no cases)",
        "a select without cases: it never returns",
    ),
    (
        "chan send",
        "blocked on sending into a channel that is full, or that nobody receives from",
    ),
    (
        "chan receive",
        "waiting for something to come through a channel",
    ),
    ("select", "waiting for one of several channels"),
    (
        "semacquire",
        "waiting for a semaphore, as of a WaitGroup or a mutex",
    ),
    ("sleep", "sleeping"),
    ("IO wait", "parked on reading or writing a file descriptor"),
    ("syscall", "in a system call"),
    ("running", "running: mostly the one that made the dump"),
    ("runnable", "ready to run"),
];

/// What goroutines of a stack do; `None` where nothing is known of it. A profile tells no state.
pub(super) fn meaning(state: Option<&str>, stack: &[Frame]) -> Option<&'static str> {
    let has = |func: &str| stack.iter().any(|frame| frame.func.starts_with(func));
    let idle = || has("internal/poll.runtime_pollWait");
    let in_state = |states: &[&str]| match state {
        _ if states.is_empty() => true,
        Some(state) => states.contains(&state),
        // What waits for its file descriptor stands in the poller.
        None => states.contains(&"IO wait") && idle(),
    };
    let known = STACKS
        .iter()
        .find(|(func, states, _)| has(func) && in_state(states));
    if let Some((_, _, words)) = known {
        return Some(words);
    }
    let state = state?;
    let by_state = STATES.iter().find(|(known, _)| *known == state);
    by_state.map(|(_, words)| *words)
}

/// What goroutines wait for that only another goroutine can end: a lock, a WaitGroup, room in a
/// channel. `None` where they wait for anything else, or do not wait.
pub(crate) fn waits_for_another(group: &Group) -> Option<&'static str> {
    const CALLS: [(&str, &str); 5] = [
        ("sync.(*WaitGroup).Wait", "waits for a WaitGroup"),
        ("sync.(*Mutex).Lock", "waits for a mutex"),
        ("sync.(*RWMutex).", "waits for a read-write lock"),
        ("sync.(*Cond).Wait", "waits for a condition variable"),
        (
            "golang.org/x/sync/errgroup.(*Group).Wait",
            "waits for an errgroup",
        ),
    ];
    let state = group.state.as_deref()?.split(',').next()?;
    let blocked = state.starts_with("semacquire") || state.starts_with("sync.");
    if !blocked {
        return (state == "chan send").then_some("waits for room in a channel");
    }
    let called = |func: &str| group.stack.iter().any(|frame| frame.func.starts_with(func));
    let known = CALLS.iter().find(|(func, _)| called(func));
    Some(known.map_or("waits for a semaphore", |(_, words)| words))
}

/// Whether a function is a connection's read loop: one for each open connection.
pub(crate) fn is_read_loop(func: &str) -> bool {
    func == READ_LOOP
}

/// Whether a function is a connection's write loop.
pub(crate) fn is_write_loop(func: &str) -> bool {
    func == WRITE_LOOP
}
