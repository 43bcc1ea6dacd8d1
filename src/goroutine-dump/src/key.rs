//! What makes goroutines a group, as one text: comparing and copying a text is what makes reading fast.
//!
//! ```text
//! state \n labels \n func \n place \n func \n place \n … \x01 func of the creator \n its place \n
//! ```

use std::collections::BTreeMap;
use std::str::CharIndices;

use super::document::Frame;

/// Stands before the function that created the goroutine.
const CREATOR: u8 = 1;

/// A key under construction; it is used again for each goroutine.
#[derive(Debug, Default)]
pub(super) struct GroupKey {
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

impl GroupKey {
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
        // No function's name begins so; one that did would be taken for the creator's.
        let marks = func.iter().take_while(|byte| **byte == CREATOR).count();
        self.text.extend_from_slice(&func[marks..]);
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

    /// About how much memory the goroutine takes.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.calls * size_of::<Frame>()
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

/// Labels are written as JSON, or as a traceback writes them; what is neither is left out.
fn labels(written: &[u8]) -> BTreeMap<String, String> {
    if written.is_empty() {
        return BTreeMap::new();
    }
    serde_json::from_slice(written).unwrap_or_else(|_| traceback_labels(&text(written)))
}

/// `{container: "web-1", tenant: a}`, as `goroutineheader` of Go's runtime writes it (1.27 and later,
/// where the module's GODEBUG does not forbid it): only what is neither a letter nor a digit, `.`, `/`
/// nor `_` makes it quote a word. Of damaged labels those before the damage are taken.
fn traceback_labels(written: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = written.trim_start_matches('{');
    while let Some((key, behind)) = word(rest)
        && let Some((value, behind)) = behind.strip_prefix(": ").and_then(word)
    {
        labels.insert(key, value);
        rest = behind.strip_prefix(", ").unwrap_or_default();
    }
    labels
}

/// A word, quoted or not, and what follows it.
fn word(written: &str) -> Option<(String, &str)> {
    let Some(quoted) = written.strip_prefix('"') else {
        let end = written.find([':', ',', '}']).filter(|end| *end > 0)?;
        return Some((written[..end].to_owned(), &written[end..]));
    };
    let mut word = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((word, &quoted[at + 1..])),
            '\\' => word.push(match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'x' => code_point(&mut chars, 2)?,
                'u' => code_point(&mut chars, 4)?,
                'U' => code_point(&mut chars, 8)?,
                itself => itself,
            }),
            char => word.push(char),
        }
    }
    None
}

/// A character by so many hexadecimal digits.
fn code_point(chars: &mut CharIndices<'_>, digits: usize) -> Option<char> {
    let hex: String = chars.take(digits).map(|(_, digit)| digit).collect();
    let code = u32::from_str_radix(&hex, 16).ok();
    code.and_then(char::from_u32)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
