//! What makes goroutines a group, as one text: comparing and copying a text is what makes reading fast.
//!
//! ```text
//! state \n labels \n func \n place \n func \n place \n … \x01 func of the creator \n its place \n
//! ```

use std::collections::BTreeMap;

use super::document::Frame;

/// Stands before the function that created the goroutine.
const CREATOR: u8 = 1;

/// A key under construction; it is used again for each goroutine.
#[derive(Debug, Default)]
pub(super) struct Key {
    text: Vec<u8>,
    /// Whether the last call's place has not come yet.
    open: bool,
    calls: usize,
}

/// A key taken apart.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts {
    /// Empty where the dump tells none.
    pub(super) state: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) stack: Vec<Frame>,
    pub(super) created_by: Option<Frame>,
}

impl Key {
    /// Begins a goroutine in this state, given in parts.
    pub(super) fn begin<'a>(&mut self, state: impl IntoIterator<Item = &'a [u8]>, labels: &[u8]) {
        self.text.clear();
        (self.open, self.calls) = (false, 0);
        for part in state {
            self.text.extend_from_slice(part);
        }
        self.text.push(b'\n');
        self.text.extend_from_slice(labels);
        self.text.push(b'\n');
    }

    /// Gives a goroutine its labels that has no call yet.
    pub(super) fn label(&mut self, labels: &[u8]) {
        if self.calls == 0 {
            self.begin([], labels);
        }
    }

    /// Adds a call, the innermost first.
    pub(super) fn call(&mut self, func: &[u8]) {
        self.close();
        self.text.extend_from_slice(func);
        self.text.push(b'\n');
        self.open = true;
        self.calls += 1;
    }

    /// Adds the creator.
    pub(super) fn creator(&mut self, func: &[u8]) {
        self.close();
        self.text.push(CREATOR);
        self.text.extend_from_slice(func);
        self.text.push(b'\n');
        self.open = true;
    }

    /// Adds the place of the last call; false where that has one.
    pub(super) fn place(&mut self, place: &[u8]) -> bool {
        if self.open {
            self.text.extend_from_slice(place);
            self.close();
            return true;
        }
        false
    }

    /// Whether the last call lacks its place.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether there is no call.
    pub(super) fn is_empty(&self) -> bool {
        self.calls == 0
    }

    /// The text.
    pub(super) fn text(&mut self) -> &[u8] {
        self.close();
        &self.text
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.text.push(b'\n');
        }
    }
}

/// Takes a key apart.
pub(super) fn parts(key: &[u8]) -> Parts {
    let mut lines = key.split(|byte| *byte == b'\n');
    let mut parts = Parts {
        state: lines.next().map(text).unwrap_or_default(),
        labels: lines.next().map(labels).unwrap_or_default(),
        ..Parts::default()
    };
    while let (Some(func), Some(place)) = (lines.next(), lines.next()) {
        match func.strip_prefix(&[CREATOR]) {
            Some(func) => parts.created_by = Some(frame(func, place)),
            None => parts.stack.push(frame(func, place)),
        }
    }
    parts
}

fn frame(func: &[u8], place: &[u8]) -> Frame {
    let place = text(place);
    // `C:/src/x.go:12`: the last colon is the line's.
    let file_and_line = place.rsplit_once(':');
    let place = file_and_line.and_then(|(file, line)| Some((file, line.parse().ok()?)));
    Frame {
        func: text(func),
        file: place.map(|(file, _)| file.to_owned()),
        line: place.map(|(_, line)| line),
    }
}

/// Labels are written as JSON; what is none is left out.
fn labels(json: &[u8]) -> BTreeMap<String, String> {
    serde_json::from_slice(json).unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
