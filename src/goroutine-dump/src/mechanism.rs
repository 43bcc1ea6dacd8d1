//! Which known mechanism a growth is, by evidence: what the goroutines that grew stand in decides what it can
//! be; how many there are for each connection only ranks what is left.
//!
//! Each connection of Go's HTTP client has one read loop and one write loop. A read loop that stands in `select`
//! waits until a response's body is read to its end or closed; in `IO wait` its connection is idle. Each
//! connection of its HTTP server has one goroutine that serves it. The ratios are those of leakcheck's Go
//! reference runs.

use super::document::{Frame, Group};
use super::known::{state_of, unvendored};
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

/// Goroutines by what they do, as far as that tells mechanisms apart. A difference of two is a growth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// Read loops that wait until a body is read or closed.
    bodies: i64,
    /// Read loops of idle connections, and those whose state is not known.
    idle: i64,
    writes: i64,
    servers: i64,
    /// Those that are in the midst of a response's body.
    readers: i64,
    senders: i64,
    receivers: i64,
    /// Those that wait for a lock, a WaitGroup or a semaphore.
    locked: i64,
    /// Those that sleep.
    sleeping: i64,
    /// Those that select, and have for less than a minute, as far as a dump tells.
    selecting: i64,
    /// Those that have for longer.
    stuck: i64,
    others: i64,
}

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
        let role = self.role(state, long, stack);
        *role = role.saturating_add(count);
    }

    fn role(&mut self, state: Option<&str>, long: bool, stack: &[Frame]) -> &mut i64 {
        let has = |start: &str| {
            stack
                .iter()
                .any(|frame| unvendored(&frame.func).starts_with(start))
        };
        let state = state_of(state, stack).unwrap_or_default();
        let blocked = state.starts_with("semacquire") || state.starts_with("sync.");
        if has(READ_LOOP) {
            return match state.starts_with("select") {
                true => &mut self.bodies,
                false => &mut self.idle,
            };
        }
        if has(WRITE_LOOP) {
            return &mut self.writes;
        }
        // A handler that is stuck is no client's doing.
        match state {
            "chan send" => return &mut self.senders,
            _ if blocked => return &mut self.locked,
            _ => {}
        }
        if SERVERS.iter().any(|server| has(server)) {
            return &mut self.servers;
        }
        if has("net/http.(*bodyEOFSignal).Read") || has("net/http.(*body).Read") {
            return &mut self.readers;
        }
        match state {
            "chan receive" => &mut self.receivers,
            "sleep" => &mut self.sleeping,
            _ if state.starts_with("select") && long => &mut self.stuck,
            _ if state.starts_with("select") => &mut self.selecting,
            _ => &mut self.others,
        }
    }

    /// What has grown since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            bodies: self.bodies.saturating_sub(before.bodies),
            idle: self.idle.saturating_sub(before.idle),
            writes: self.writes.saturating_sub(before.writes),
            servers: self.servers.saturating_sub(before.servers),
            readers: self.readers.saturating_sub(before.readers),
            senders: self.senders.saturating_sub(before.senders),
            receivers: self.receivers.saturating_sub(before.receivers),
            locked: self.locked.saturating_sub(before.locked),
            sleeping: self.sleeping.saturating_sub(before.sleeping),
            selecting: self.selecting.saturating_sub(before.selecting),
            stuck: self.stuck.saturating_sub(before.stuck),
            others: self.others.saturating_sub(before.others),
        }
    }

    /// All of them.
    fn all(self) -> i64 {
        let Self {
            bodies,
            idle,
            writes,
            servers,
            readers,
            senders,
            receivers,
            locked,
            sleeping,
            selecting,
            stuck,
            others,
        } = self;
        [
            bodies, idle, writes, servers, readers, senders, receivers, locked, sleeping,
            selecting, stuck, others,
        ]
        .into_iter()
        .fold(0, i64::saturating_add)
    }

    /// Connections of HTTP clients, by their read loops.
    pub fn connections(self) -> i64 {
        self.bodies.saturating_add(self.idle)
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
        if self.servers >= FEWEST && self.servers >= reads {
            return is_most(
                self.servers
                    .saturating_add(reads)
                    .saturating_add(self.writes),
            )
            .then_some(KEPT_BY_CLIENTS);
        }
        if reads >= FEWEST {
            return match reads.abs_diff(self.writes) as i64 <= NOISE_AT_LEAST.max(reads / 50) {
                true => self.of_connections(all, noise),
                false => None,
            };
        }
        let single = [
            (self.senders, SENDING),
            (self.locked, LOCKED),
            (self.receivers, RECEIVING),
            (self.sleeping, SLEEPING),
            (self.selecting, SELECTING),
            (self.stuck, STUCK_IN_SELECT),
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
        if self.idle > self.bodies {
            return near(2.0).then_some(IDLE);
        }
        // Each body is held by a goroutine, or by nothing that runs: what else has grown shows which.
        let draining = self.receivers >= reads.saturating_sub(noise);
        match per_connection {
            _ if near(2.0) => Some(UNCLOSED),
            _ if near(3.0) => Some(FORGOTTEN),
            _ if near(4.0) && draining => Some(DRAINED),
            ratio if 2.0 < ratio && ratio < 3.0 => Some(SOME_READERS),
            _ => None,
        }
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
