//! The text of `debug=2`: what pprof, a panic, SIGQUIT and `debug.Stack` print, a paragraph per
//! goroutine.

use memchr::{memchr, memrchr};

use super::errors::Errors;
use super::groups::{Groups, Member};
use super::key::GroupKey;

/// Reads a dump line by line and adds each goroutine to its group when it is complete.
#[derive(Default)]
pub(super) struct Goroutines {
    /// Whether a goroutine is under way; what follows is about it.
    under_way: bool,
    key: GroupKey,
    member: Member,
    /// Whether the calls are of an ancestor by now, which is another goroutine.
    in_ancestor: bool,
    first_line: u64,
}

impl Goroutines {
    /// Takes a line.
    pub(super) fn take(
        &mut self,
        line: &[u8],
        number: u64,
        groups: &mut Groups,
        errors: &mut Errors,
    ) {
        let understood = match line {
            [] => {
                self.complete(number, groups, errors);
                return;
            }
            [b'\t', place @ ..] => self.take_place(place),
            [b'g', ..] if self.take_header(line, number, groups, errors) => return,
            _ => self.take_call(line),
        };
        // Whatever stands between goroutines is no part of the dump: a panic's message, registers,
        // log lines of the program.
        if understood || !self.under_way {
            return;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return self.complete(number, groups, errors);
        }
        errors.add(number, || {
            format!("neither a call nor its place: {}", shown(line))
        });
    }

    /// Takes the end of the dump.
    pub(super) fn end(&mut self, number: u64, groups: &mut Groups, errors: &mut Errors) {
        if self.under_way && self.key.is_open() {
            errors.add(number, || {
                "the dump ends in the middle of a goroutine".into()
            });
            self.add(groups);
        } else {
            self.complete(number, groups, errors);
        }
    }

    fn complete(&mut self, number: u64, groups: &mut Groups, errors: &mut Errors) {
        if !self.under_way {
            return;
        }
        if self.key.is_open() {
            errors.add(number, || "a call without its place".into());
        } else if self.key.is_empty() && !self.member.unavailable {
            errors.add(self.first_line, || "a goroutine without a stack".into());
        }
        self.add(groups);
    }

    fn add(&mut self, groups: &mut Groups) {
        self.under_way = false;
        groups.add(self.key.text(), 1, Some(&self.member));
    }

    /// `goroutine 7 [chan receive, 5 minutes, locked to thread]:`, with more between the number and
    /// the bracket in newer versions of Go, and labels behind it in the newest.
    fn take_header(
        &mut self,
        line: &[u8],
        number: u64,
        groups: &mut Groups,
        errors: &mut Errors,
    ) -> bool {
        let Some((id, inside, labels)) = header(line) else {
            return false;
        };
        self.complete(number, groups, errors);
        (self.under_way, self.in_ancestor, self.first_line) = (true, false, number);
        self.member = Member {
            id,
            ..Member::default()
        };
        let member = &mut self.member;
        // Nearly always there is a state alone.
        if memchr(b',', inside).is_none() {
            self.key.begin([state(inside, member)], labels);
            return true;
        }
        let mut rest = Some(inside);
        let mut first = true;
        let parts = std::iter::from_fn(|| {
            loop {
                let whole = rest?;
                let (part, behind) = part(whole);
                rest = behind;
                match minutes(part) {
                    Some(minutes) if !first => member.wait_minutes = Some(minutes),
                    _ if part == b"locked to thread" => member.locked_to_thread = true,
                    _ if first => {
                        first = false;
                        return Some([b"", state(part, member)]);
                    }
                    // What else newer versions of Go say belongs to the state.
                    _ => return Some([b", ", part]),
                }
            }
        });
        self.key.begin(parts.flatten(), labels);
        true
    }

    fn take_place(&mut self, place: &[u8]) -> bool {
        if !self.under_way || self.in_ancestor {
            return true;
        }
        if self.key.place(without_offsets(place)) {
            return true;
        }
        // "goroutine running on other thread; stack unavailable" is a place by itself.
        self.member.unavailable = memchr::memmem::find(place, b"stack unavailable").is_some();
        self.member.unavailable
    }

    /// Takes a call, the creator or a remark; false where it is none.
    fn take_call(&mut self, line: &[u8]) -> bool {
        if !self.under_way {
            return false;
        }
        if let Some(creator) = line.strip_prefix(b"created by ") {
            if !self.in_ancestor {
                let (func, ancestor) = creator_of(creator);
                self.key.creator(func);
                self.member.ancestor = ancestor;
            }
            return true;
        }
        if let [.., b')'] = line
            && let Some(open) = memrchr(b'(', line)
            && open > 0
            && !line[0].is_ascii_whitespace()
        {
            if !self.in_ancestor {
                self.key.call(line[..open].trim_ascii_end());
            }
            return true;
        }
        self.take_remark(line)
    }

    fn take_remark(&mut self, line: &[u8]) -> bool {
        if line == b"non-Go function" {
            if !self.in_ancestor {
                self.key.call(line);
            }
            return true;
        }
        if line.starts_with(b"...") && line.ends_with(b"elided...") {
            self.member.frames_elided = true;
            return true;
        }
        if line.starts_with(b"[originating from goroutine ") {
            self.in_ancestor = true;
            return true;
        }
        let trimmed = line.trim_ascii_end();
        trimmed.len() < line.len() && !trimmed.is_empty() && self.take_call(trimmed)
    }
}

/// The number, what stands in the brackets, and the labels.
fn header(line: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let rest = line.strip_prefix(b"goroutine ")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let id = decimal(&rest[..digits])?;
    let inside = &rest[digits + memchr(b'[', &rest[digits..])? + 1..];
    let inside = inside.trim_ascii_end().strip_suffix(b":")?;
    // What stands in the brackets holds none, and labels may.
    let end = memchr(b']', inside)?;
    let behind = inside[end + 1..].trim_ascii();
    let labels = behind.starts_with(b"{");
    (labels || behind.is_empty()).then_some((id, &inside[..end], behind))
}

/// The state alone: that the goroutine is leaked, or that the collector looks at it just now, is not
/// what it waits in.
fn state<'a>(part: &'a [u8], member: &mut Member) -> &'a [u8] {
    let part = part.strip_suffix(b" (scan)").unwrap_or(part);
    match part.strip_suffix(b" (leaked)") {
        Some(state) => {
            member.leaked = true;
            state
        }
        None => part,
    }
}

/// The first of the parts between `, `, and what follows it.
fn part(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memmem::find(text, b", ") {
        Some(comma) => (&text[..comma], Some(&text[comma + 2..])),
        None => (text, None),
    }
}

fn minutes(part: &[u8]) -> Option<u64> {
    decimal(part.strip_suffix(b" minutes")?)
}

/// A number without a sign; `None` where it is none, or larger than any.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// `main.main.func1 in goroutine 1` as its function and the goroutine.
fn creator_of(text: &[u8]) -> (&[u8], Option<u64>) {
    const IN: &[u8] = b" in goroutine ";
    match memchr::memmem::rfind(text, IN) {
        Some(at) => (&text[..at], decimal(text[at + IN.len()..].trim_ascii())),
        None => (text.trim_ascii_end(), None),
    }
}

/// `/src/x.go:12 +0x1d fp=0xc000 sp=0xc001 pc=0x46` as its file and line: the rest tells goroutines
/// apart that stand in one place.
pub(super) fn without_offsets(place: &[u8]) -> &[u8] {
    let mut place = place.trim_ascii_end();
    while let Some(space) = memrchr(b' ', place)
        && let [b'+', b'0', b'x', ..] | [b'f' | b's', b'p', b'=', ..] | [b'p', b'c', b'=', ..] =
            &place[space + 1..]
    {
        place = &place[..space];
    }
    place
}

/// As much of a line as a message holds.
fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(&line[..line.len().min(240)]);
    line.chars().filter(|c| !c.is_control()).take(60).collect()
}
