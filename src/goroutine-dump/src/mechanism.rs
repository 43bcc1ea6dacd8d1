//! Which known mechanism a growth is, by evidence: what the goroutines that grew stand in decides what it can
//! be; how many there are for each connection only ranks what is left.
//!
//! Each connection of Go's HTTP client has one read loop and one write loop. A read loop that stands in `select`
//! waits until a response's body is read to its end or closed; in `IO wait` its connection is idle. Each
//! connection of its HTTP server has one goroutine that serves it. The ratios are those of leakcheck's Go
//! reference runs.

use super::document::{Frame, Group};
use super::known::{calls, state_of};
use super::known_stacks::{READ_LOOP, WRITE_LOOP};

/// What serves connections of Go's HTTP server, to HTTP/1 and to HTTP/2 (up to Go 1.26, and after).
const SERVERS: [&str; 4] = [
    "net/http.(*conn).serve",
    "net/http.(*connReader).backgroundRead",
    "net/http.(*http2serverConn)",
    "net/http/internal/http2.(*serverConn)",
];
/// Fewer than so many tell no mechanism.
const FEWEST: i64 = 2;
/// What comes and goes, as a share of the whole growth; and always so many.
const NOISE: f64 = 0.1;
const NOISE_AT_LEAST: i64 = 2;

/// What a goroutine does, as far as that tells mechanisms apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A read loop that waits until a body is read or closed.
    Body,
    /// A read loop of an idle connection, or one whose state is not known.
    Idle,
    Write,
    Server,
    /// In the midst of a response's body.
    Reader,
    Sender,
    Receiver,
    /// It waits for a lock, a WaitGroup or a semaphore.
    Locked,
    Sleeping,
    /// It selects, and has for less than a minute, as far as a dump tells.
    Selecting,
    /// It has for longer.
    Stuck,
    Other,
}

/// Goroutines by what they do. A difference of two is a growth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles([i64; Role::Other as usize + 1]);

impl Roles {
    /// The roles of a dump's goroutines.
    pub fn of<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Self {
        let mut roles = Self::default();
        for group in groups {
            roles.add(
                group.state.as_deref(),
                group.wait_minutes.is_some(),
                &group.stack,
                signed(group.count),
            );
        }
        roles
    }

    /// Adds so many goroutines of one stack and state, which they have been in for a minute or `long`er.
    pub(super) fn add(&mut self, state: Option<&str>, long: bool, stack: &[Frame], count: i64) {
        let so_far = &mut self.0[role(state, long, stack) as usize];
        *so_far = so_far.saturating_add(count);
    }

    fn count(self, role: Role) -> i64 {
        self.0[role as usize]
    }

    /// What has grown since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|at| {
            self.0[at].saturating_sub(before.0[at])
        }))
    }

    /// All of them.
    fn all(self) -> i64 {
        self.0.into_iter().fold(0, i64::saturating_add)
    }

    /// Connections of HTTP clients, by their read loops.
    pub fn connections(self) -> i64 {
        self.count(Role::Body)
            .saturating_add(self.count(Role::Idle))
    }

    /// The mechanism that a growth is, in words; `None` where it is none that is known.
    pub fn mechanism(self) -> Option<&'static str> {
        let all = self.all();
        if all < FEWEST {
            return None;
        }
        let noise = ((all as f64 * NOISE) as i64).max(NOISE_AT_LEAST);
        let reads = self.connections();
        // Most of what grew is what a mechanism is about.
        let is_most = |part: i64| part >= FEWEST && part >= all.saturating_sub(noise) / 2;
        if self.count(Role::Server) >= FEWEST && self.count(Role::Server) >= reads {
            return is_most(
                self.count(Role::Server)
                    .saturating_add(reads)
                    .saturating_add(self.count(Role::Write)),
            )
            .then_some(KEPT_BY_CLIENTS);
        }
        if reads >= FEWEST {
            return match reads.abs_diff(self.count(Role::Write)) as i64
                <= NOISE_AT_LEAST.max(reads / 50)
            {
                true => self.of_connections(all, noise),
                false => None,
            };
        }
        let single = [
            (self.count(Role::Sender), SENDING),
            (self.count(Role::Locked), LOCKED),
            (self.count(Role::Receiver), RECEIVING),
            (self.count(Role::Sleeping), SLEEPING),
            (self.count(Role::Selecting), SELECTING),
            (self.count(Role::Stuck), STUCK_IN_SELECT),
        ];
        let (most, words) = single.into_iter().max_by_key(|(count, _)| *count)?;
        (most >= all.saturating_sub(noise) && most >= FEWEST).then_some(words)
    }

    /// What connections of a client are left by, of which read and write loops grew alike.
    fn of_connections(self, all: i64, noise: i64) -> Option<&'static str> {
        let reads = self.connections();
        let per_connection = all as f64 / reads as f64;
        // So many goroutines that come and go may stand beside them.
        let tolerance = noise as f64 / reads as f64;
        let near = |ratio: f64| (per_connection - ratio).abs() <= tolerance.max(0.1);
        if self.count(Role::Idle) > self.count(Role::Body) {
            return near(2.0).then_some(IDLE);
        }
        // Each body is held by a goroutine, or by nothing that runs: what else has grown shows which.
        let draining = self.count(Role::Receiver) >= reads.saturating_sub(noise);
        match per_connection {
            _ if near(2.0) => Some(UNCLOSED),
            _ if near(3.0) => Some(FORGOTTEN),
            _ if near(4.0) && draining => Some(DRAINED),
            ratio if 2.0 < ratio && ratio < 3.0 => Some(SOME_READERS),
            _ => None,
        }
    }
}

/// What goroutines of one stack and state do, which they have been in for a minute or `long`er.
fn role(state: Option<&str>, long: bool, stack: &[Frame]) -> Role {
    let has = |start: &str| calls(stack, start);
    let state = state_of(state, stack).unwrap_or_default();
    let blocked = state.starts_with("semacquire") || state.starts_with("sync.");
    if has(READ_LOOP) {
        return match state.starts_with("select") {
            true => Role::Body,
            false => Role::Idle,
        };
    }
    if has(WRITE_LOOP) {
        return Role::Write;
    }
    // A handler that is stuck is no client's doing.
    match state {
        "chan send" => return Role::Sender,
        _ if blocked => return Role::Locked,
        _ => {}
    }
    if SERVERS.iter().any(|server| has(server)) {
        return Role::Server;
    }
    if has("net/http.(*bodyEOFSignal).Read") || has("net/http.(*body).Read") {
        return Role::Reader;
    }
    match state {
        "chan receive" => Role::Receiver,
        "sleep" => Role::Sleeping,
        _ if state.starts_with("select") && long => Role::Stuck,
        _ if state.starts_with("select") => Role::Selecting,
        _ => Role::Other,
    }
}

const IDLE: &str = "2 goroutines per connection: connections that nobody closes, idle in the pools of clients \
                    that were thrown away (wiring throwaway-client)";
const UNCLOSED: &str = "2 goroutines per connection: responses whose body nobody reads any more and nobody closed \
                        (as in wiring F of the Go reference)";
const FORGOTTEN: &str = "3 goroutines per connection: a reader that its rotation forgot, with the connection of its \
                         unclosed response (wiring old)";
const SOME_READERS: &str = "2 to 3 goroutines per connection: responses that nobody closes, of which some still have \
                            their reader and some have none (the post-mortem's one line alone, wiring A3 of the Go \
                            reference)";
const DRAINED: &str = "4 goroutines per connection: a forgotten reader with its connection, and a goroutine that \
                       drains its channel (wiring drain)";
const KEPT_BY_CLIENTS: &str = "connections to its HTTP server that clients keep open: the process itself may be right; \
                               a timeout of the server's (ReadHeaderTimeout, IdleTimeout) would end idle ones";
const SENDING: &str =
    "goroutines that wait for room in a channel from which nobody receives any more";
const RECEIVING: &str = "goroutines that wait to receive from a channel into which nobody sends, and that nobody closes";
const LOCKED: &str = "goroutines that wait for a lock, a WaitGroup or a semaphore";
const SLEEPING: &str = "goroutines with no connection that sleep between rounds of work, and that nobody ends: an untracked \
                        ticker or heartbeat (as in wiring I of the Go reference)";
const SELECTING: &str = "goroutines with no connection that stand in a select, and that nobody ends: an untracked ticker or \
                         heartbeat (as in wiring I of the Go reference), or a hand-over to a consumer that has gone";
const STUCK_IN_SELECT: &str = "goroutines with no connection that have stood in a select for minutes: none of its channels is \
                               served or closed any more, so that no ticker is among them";

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(groups: &[(&str, &[&str], i64)]) -> Option<&'static str> {
        let mut roles = Roles::default();
        for (state, calls, count) in groups {
            let frame = |func: &&str| Frame {
                func: (*func).to_owned(),
                file: None,
                line: None,
            };
            let stack: Vec<Frame> = calls.iter().map(frame).collect();
            roles.add(Some(state), false, &stack, *count);
        }
        roles.mechanism()
    }

    fn connections(
        state: &'static str,
        count: i64,
    ) -> [(&'static str, &'static [&'static str], i64); 2] {
        [
            (state, &[READ_LOOP], count),
            ("select", &[WRITE_LOOP], count),
        ]
    }

    #[test]
    fn the_state_of_the_read_loops_decides_and_not_their_number() {
        assert_eq!(grown(&connections("IO wait", 240)), Some(IDLE));
        assert_eq!(grown(&connections("select", 240)), Some(UNCLOSED));
        // One loop of some hundred has not started, or has gone already.
        let one_less = [
            ("select", &[READ_LOOP][..], 864),
            ("select", &[WRITE_LOOP][..], 861),
        ];
        assert_eq!(grown(&one_less), Some(UNCLOSED));
    }

    #[test]
    fn readers_and_drains_are_told_by_what_they_stand_in() {
        let mut groups = connections("select", 100).to_vec();
        groups.push((
            "IO wait",
            &["net/http.(*bodyEOFSignal).Read", "main.readChunks"],
            100,
        ));
        assert_eq!(grown(&groups), Some(FORGOTTEN));
        groups.push(("chan receive", &["main.drain"], 100));
        assert_eq!(grown(&groups), Some(DRAINED));
        let mut some = connections("select", 100).to_vec();
        some.push((
            "IO wait",
            &["net/http.(*bodyEOFSignal).Read", "main.readChunks"],
            50,
        ));
        assert_eq!(grown(&some), Some(SOME_READERS));
    }

    #[test]
    fn a_proxys_connections_are_kept_open_by_its_clients_and_drain_nothing() {
        let mut groups = connections("select", 80).to_vec();
        groups.push((
            "select",
            &[
                "net/http/httputil.(*ReverseProxy).ServeHTTP",
                "net/http.(*conn).serve",
            ],
            80,
        ));
        groups.push(("IO wait", &["net/http.(*connReader).backgroundRead"], 80));
        assert_eq!(grown(&groups), Some(KEPT_BY_CLIENTS));
    }

    #[test]
    fn what_has_no_connection_is_told_by_what_it_waits_for() {
        assert_eq!(
            grown(&[("select", &["main.heartbeat"], 60)]),
            Some(SELECTING)
        );
        assert_eq!(grown(&[("chan send", &["main.fetch"], 60)]), Some(SENDING));
        assert_eq!(
            grown(&[("semacquire", &["sync.(*WaitGroup).Wait", "main.f"], 9)]),
            Some(LOCKED)
        );
        let handler: &[&str] = &[
            "sync.(*Mutex).Lock",
            "main.handle",
            "net/http.(*conn).serve",
        ];
        assert_eq!(grown(&[("sync.Mutex.Lock", handler, 9)]), Some(LOCKED));
        assert_eq!(grown(&[("IO wait", &["main.read"], 9)]), None);
        assert_eq!(grown(&[("select", &["main.f"], 1)]), None);
    }
}
