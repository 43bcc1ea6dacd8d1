//! The text of `debug=2`: what pprof, a panic, SIGQUIT and `debug.Stack` print, a paragraph per
//! goroutine.

use super::document::{EachGoroutine, Frame, ReadError};

/// Reads a dump line by line and hands over each goroutine as it is complete.
#[derive(Default)]
pub(super) struct Goroutines {
    current: Option<Current>,
    errors: Vec<ReadError>,
}

/// A goroutine under way.
struct Current {
    goroutine: EachGoroutine,
    /// A call whose file has not come yet.
    open: Option<Open>,
    /// Whether the calls are of an ancestor by now, which is another goroutine.
    in_ancestor: bool,
    line: u64,
}

/// What a call is for.
enum Open {
    Call,
    Creator,
    /// A call of an ancestor, which is not kept.
    Ancestor,
}

/// More errors than this tell nothing more.
const MOST_ERRORS: usize = 100;

impl Goroutines {
    /// Takes a line; returns the goroutine that it completes.
    pub(super) fn take(&mut self, line: &str, number: u64) -> Option<EachGoroutine> {
        if let Some(header) = header(line) {
            let complete = self.complete(number, false);
            self.current = Some(Current {
                goroutine: header,
                open: None,
                in_ancestor: false,
                line: number,
            });
            return complete;
        }
        if line.trim().is_empty() {
            return self.complete(number, false);
        }
        // Whatever stands between goroutines is no part of the dump: a panic's message, registers,
        // log lines of the program.
        let current = self.current.as_mut()?;
        if !current.take(line) {
            self.error(
                number,
                format!("neither a call nor its place: {}", shown(line)),
            );
        }
        None
    }

    /// Takes the end of the dump.
    pub(super) fn end(&mut self, number: u64) -> Option<EachGoroutine> {
        self.complete(number, true)
    }

    /// What could not be read.
    pub(super) fn into_errors(self) -> Vec<ReadError> {
        self.errors
    }

    fn complete(&mut self, number: u64, at_end: bool) -> Option<EachGoroutine> {
        let current = self.current.take()?;
        if current.open.is_some() {
            let why = match at_end {
                true => "the dump ends in the middle of a goroutine",
                false => "a call without its place",
            };
            self.error(number, why.into());
        } else if current.goroutine.stack.is_empty() {
            self.error(current.line, "a goroutine without a stack".into());
        }
        Some(current.goroutine)
    }

    fn error(&mut self, line: u64, message: String) {
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(ReadError { line, message });
        }
    }
}

impl Current {
    /// Takes a line of the goroutine; false where it is none.
    fn take(&mut self, line: &str) -> bool {
        if let Some(place) = line.strip_prefix('\t') {
            return self.take_place(place);
        }
        if line.starts_with("...") && line.contains("elided") {
            self.goroutine.frames_elided = true;
            return true;
        }
        if line.starts_with("[originating from goroutine ") {
            self.in_ancestor = true;
            return true;
        }
        if let Some(creator) = line.strip_prefix("created by ") {
            let (func, ancestor) = creator_of(creator);
            if self.in_ancestor {
                self.open = Some(Open::Ancestor);
                return true;
            }
            self.goroutine.created_by = Some(frame(func));
            self.goroutine.ancestor = ancestor;
            self.open = Some(Open::Creator);
            return true;
        }
        let Some(func) = called(line) else {
            return false;
        };
        if self.in_ancestor {
            self.open = Some(Open::Ancestor);
            return true;
        }
        self.goroutine.stack.push(frame(func));
        self.open = Some(Open::Call);
        true
    }

    fn take_place(&mut self, place: &str) -> bool {
        // "goroutine running on other thread; stack unavailable" is a place by itself.
        if self.open.is_none() {
            return place.contains("stack unavailable");
        }
        let frame = match self.open.take() {
            Some(Open::Call) => self.goroutine.stack.last_mut(),
            Some(Open::Creator) => self.goroutine.created_by.as_mut(),
            Some(Open::Ancestor) | None => None,
        };
        if let (Some(frame), Some((file, line))) = (frame, file_and_line(place)) {
            frame.file = Some(file.into());
            frame.line = Some(line);
        }
        true
    }
}

/// `goroutine 7 [chan receive, 5 minutes, locked to thread]:`, with more between the number and the
/// bracket in newer versions of Go.
fn header(line: &str) -> Option<EachGoroutine> {
    let rest = line.strip_prefix("goroutine ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let id = rest[..digits].parse().ok()?;
    let (_, inside) = rest[digits..].split_once('[')?;
    let inside = inside.trim_end().strip_suffix(':')?.strip_suffix(']')?;
    let mut goroutine = EachGoroutine {
        id,
        state: String::new(),
        wait_minutes: None,
        locked_to_thread: false,
        stack: Vec::new(),
        frames_elided: false,
        created_by: None,
        ancestor: None,
    };
    for (number, part) in inside.split(", ").enumerate() {
        let minutes = part.strip_suffix(" minutes").and_then(|n| n.parse().ok());
        match (number, minutes) {
            (0, _) => goroutine.state = part.into(),
            (_, Some(minutes)) => goroutine.wait_minutes = Some(minutes),
            _ if part == "locked to thread" => goroutine.locked_to_thread = true,
            // What else newer versions of Go say belongs to the state.
            _ => goroutine.state += &format!(", {part}"),
        }
    }
    Some(goroutine)
}

/// `main.main.func1 in goroutine 1` as its function and the goroutine.
fn creator_of(text: &str) -> (&str, Option<u64>) {
    match text.rsplit_once(" in goroutine ") {
        Some((func, id)) => (func, id.trim().parse().ok()),
        None => (text, None),
    }
}

/// The function of a call: its arguments hold no parenthesis, so that the last one opens them.
fn called(line: &str) -> Option<&str> {
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    if line == "non-Go function" {
        return Some(line);
    }
    let line = line.trim_end();
    let open = line.rfind('(')?;
    (line.ends_with(')') && open > 0).then(|| &line[..open])
}

fn frame(func: &str) -> Frame {
    Frame {
        func: func.trim_end().into(),
        file: None,
        line: None,
    }
}

/// `C:/src/x.go:12 +0x1d` as its file and its line.
pub(super) fn file_and_line(place: &str) -> Option<(&str, u64)> {
    let place = place.trim();
    let place = place.split_once(" +0x").map_or(place, |(place, _)| place);
    let place = place.split_once(" fp=").map_or(place, |(place, _)| place);
    let (file, line) = place.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}

/// As much of a line as a message holds.
fn shown(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(60).collect()
}
