//! What goroutines do, in words: what is stuck on what, for those who do not know Go's runtime.

use super::document::{Frame, Group};
use super::known_stacks::{STACKS, STATES, WAITING_CALLS};

/// What goroutines of a stack do; `None` where nothing is known of it. A profile tells no state.
pub(super) fn meaning(state: Option<&str>, stack: &[Frame]) -> Option<&'static str> {
    let calls: Vec<&str> = stack.iter().map(|frame| unvendored(&frame.func)).collect();
    let has = |start: &str| calls.iter().any(|call| call.starts_with(start));
    let state = state_of(state, stack);
    let in_state =
        |states: &[&str]| states.is_empty() || state.is_some_and(|state| states.contains(&state));
    let known = STACKS
        .iter()
        .find(|(start, states, _)| has(start) && in_state(states));
    if let Some((_, _, words)) = known {
        return Some(words);
    }
    let state = state?;
    let by_state = STATES.iter().find(|(known, _)| *known == state);
    by_state.map(|(_, words)| *words)
}

/// What goroutines wait in: as a dump tells it, or by the runtime's own calls in their stack.
pub(super) fn state_of<'a>(state: Option<&'a str>, stack: &[Frame]) -> Option<&'a str> {
    let told = state.map(|state| state.strip_suffix(" (durable)").unwrap_or(state));
    told.or_else(|| {
        let call = WAITING_CALLS.iter().find(|(func, _)| calls(stack, func));
        call.map(|(_, state)| *state)
    })
}

/// Whether a function whose name begins so is among a stack's calls, wherever its package is vendored.
pub(super) fn calls(stack: &[Frame], start: &str) -> bool {
    let is_it = |frame: &Frame| unvendored(&frame.func).starts_with(start);
    stack.iter().any(is_it)
}

/// A function's name in its own package, wherever that is vendored.
fn unvendored(func: &str) -> &str {
    match func.rsplit_once("/vendor/") {
        Some((_, vendored)) => vendored,
        None => func,
    }
}

/// What goroutines wait for that only another goroutine can end: a lock, a WaitGroup, room in a
/// channel. `None` where they wait for anything else, or do not wait.
pub fn waits_for_another(group: &Group) -> Option<&'static str> {
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
    let known = CALLS.iter().find(|(func, _)| calls(&group.stack, func));
    Some(known.map_or("waits for a semaphore", |(_, words)| words))
}

#[cfg(test)]
mod tests {
    use super::super::known_stacks::READ_LOOP;
    use super::*;

    fn stack(calls: &[&str]) -> Vec<Frame> {
        let frame = |func: &&str| Frame {
            func: (*func).to_owned(),
            file: None,
            line: None,
        };
        calls.iter().map(frame).collect()
    }

    #[test]
    fn a_vendored_library_is_as_well_known_as_any() {
        let call = "google.golang.org/grpc/internal/transport.(*loopyWriter).run";
        for call in [call.to_owned(), format!("example.com/app/vendor/{call}")] {
            let meaning = meaning(Some("select"), &stack(&[&call])).expect("known");
            assert!(meaning.starts_with("gRPC connection, writer"), "{meaning}");
        }
    }

    #[test]
    fn the_runtimes_calls_stand_for_a_state_that_is_not_told() {
        let sending = stack(&["runtime.gopark", "runtime.chansend", "main.send"]);
        assert!(meaning(None, &sending).expect("known").contains("sending"));
        let idle = stack(&["internal/poll.runtime_pollWait", READ_LOOP]);
        assert!(meaning(None, &idle).expect("known").contains("idle"));
        assert_eq!(meaning(None, &stack(&["main.f"])), None);
    }
}
