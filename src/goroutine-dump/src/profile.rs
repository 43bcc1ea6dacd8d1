//! The text of `debug=1`: pprof's goroutine profile, a paragraph per stack with its count.

use memchr::{memchr, memmem};

use super::errors::Errors;
use super::goroutines::decimal;
use super::groups::Groups;
use super::key::GroupKey;

/// The name of Go's profile of leaked goroutines, from 1.26 on.
pub(super) const OF_LEAKED: &[u8] = b"goroutineleak";

/// Reads a profile line by line and adds each stack when it is complete.
#[derive(Default)]
pub(super) struct Profile {
    /// How many goroutines the stack under way has.
    count: Option<u64>,
    key: GroupKey,
}

/// Whose profile a line begins: `goroutine profile: total 650`, or `goroutineleak`'s.
pub(super) fn head(line: &[u8]) -> Option<&[u8]> {
    if !line.starts_with(b"goroutine") {
        return None;
    }
    memmem::find(line, b" profile: total ").map(|end| &line[..end])
}

impl Profile {
    /// Takes a line.
    pub(super) fn take(
        &mut self,
        line: &[u8],
        number: u64,
        groups: &mut Groups,
        errors: &mut Errors,
    ) {
        if line.trim_ascii().is_empty() {
            return self.end(groups);
        }
        if let Some(count) = count(line) {
            self.end(groups);
            self.key.begin([], b"");
            self.count = Some(count);
            return;
        }
        // What stands before the first count is no part of the profile.
        if self.count.is_none() {
            return;
        }
        if let Some(call) = line.strip_prefix(b"#\t") {
            if !self.take_call(call) {
                errors.add(number, || {
                    "a call without an address, a function and a place".into()
                });
            }
        } else if let Some(labels) = line.strip_prefix(b"# labels: ") {
            self.key.label(labels);
        } else if !line.starts_with(b"#") {
            errors.add(number, || "neither a count nor a call".into());
        }
    }

    /// Takes the end of a stack.
    pub(super) fn end(&mut self, groups: &mut Groups) {
        if let Some(count) = self.count.take() {
            groups.add(self.key.text(), count, None);
        }
    }

    /// `0x6ed004\tnet/http.(*persistConn).readLoop+0xd84\t/usr/lib/go/x.go:2213` as its call.
    fn take_call(&mut self, call: &[u8]) -> bool {
        let mut parts = call
            .split(|byte| *byte == b'\t')
            .filter(|part| !part.is_empty());
        let (Some(_address), Some(func), Some(place)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let func = memmem::rfind(func, b"+0x").map_or(func, |offset| &func[..offset]);
        self.key.call(func);
        self.key.place(place.trim_ascii());
        true
    }
}

/// `650 @ 0x43be56 0x44bc1c` as its count.
fn count(line: &[u8]) -> Option<u64> {
    let at = memchr(b'@', line)?;
    let addresses = &line[at + 1..];
    let are_addresses = addresses.is_empty() || addresses.starts_with(b" 0x");
    let count = line[..at].strip_suffix(b" ")?;
    are_addresses.then(|| decimal(count)).flatten()
}
