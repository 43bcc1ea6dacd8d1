//! Stacks that are well known, in words: what is stuck on what, for those who do not know Go's
//! runtime.

use super::document::Frame;

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

/// Whether the stack is that of a connection's read loop: one for each open connection.
pub(super) fn is_read_loop(stack: &[Frame]) -> bool {
    stack.iter().any(|frame| frame.func == READ_LOOP)
}

/// Whether the stack is that of a connection's write loop.
pub(super) fn is_write_loop(stack: &[Frame]) -> bool {
    stack.iter().any(|frame| frame.func == WRITE_LOOP)
}
