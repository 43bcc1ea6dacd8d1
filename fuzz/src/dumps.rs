//! What holds for every goroutine dump.

use std::collections::BTreeMap;

use goroutine_dump::{Dump, Frame, Keep, SCHEMA};
use leakcheck_report::render::dump_summary::of_dump;
use leakcheck_report::render::section_text::{Terminal, render_sections};

use crate::{Pieces, survives_json};

/// Errors that are listed, and the one that counts the others.
const MOST_ERRORS: usize = 101;

/// Reads a dump that lies in memory.
pub fn read(bytes: &[u8], keep: Keep) -> Dump {
    goroutine_dump::read(bytes, keep).expect("memory can be read")
}

/// Reads a dump in every way there is, checks that all say the same and that it makes sense, and
/// returns it with each of its goroutines.
pub fn check(bytes: &[u8]) -> Dump {
    let whole = read(bytes, Keep::Each);
    let in_pieces =
        goroutine_dump::read(Pieces::new(bytes), Keep::Each).expect("memory can be read");
    assert_eq!(in_pieces, whole, "it matters how much is read at once");
    check_keeping(bytes, &whole);
    check_counts(&whole);
    check_errors(&whole, bytes);
    survives_json(&whole);
    render_sections(&of_dump(&whole), Terminal::PLAIN);
    whole
}

/// What is kept of the single goroutines changes nothing else.
fn check_keeping(bytes: &[u8], whole: &Dump) {
    let without_ids = |mut dump: Dump| {
        let ids: usize = dump.groups.iter().map(|group| group.ids.len()).sum();
        dump.groups.iter_mut().for_each(|group| group.ids.clear());
        dump.each = None;
        (dump, ids)
    };
    let each = whole.each.as_ref().expect("asked for").len();
    let (whole, _) = without_ids(whole.clone());
    assert_eq!(without_ids(read(bytes, Keep::Counts)), (whole.clone(), 0));
    assert_eq!(without_ids(read(bytes, Keep::Ids)), (whole, each));
}

fn check_counts(dump: &Dump) {
    assert_eq!(dump.schema, SCHEMA);
    let counts = dump.groups.iter().map(|group| group.count);
    assert_eq!(
        counts.clone().fold(0, u64::saturating_add),
        dump.goroutines,
        "the groups hold other goroutines than the dump"
    );
    assert!(counts.is_sorted_by(|a, b| a >= b), "the largest is first");
    for group in &dump.groups {
        assert!(group.locked_to_thread <= group.count);
        assert!(group.leaked <= group.count);
        assert_ne!(group.state.as_deref(), Some(""));
        if let Some(waits) = group.wait_minutes {
            assert!(waits.min <= waits.max);
        }
        for frame in group.stack.iter().chain(&group.created_by) {
            check_frame(frame);
        }
    }
}

fn check_frame(frame: &Frame) {
    assert_eq!(frame.file.is_some(), frame.line.is_some());
    let file = frame.file.as_deref().unwrap_or_default();
    assert!(!frame.func.contains('\n') && !file.contains('\n'));
}

fn check_errors(dump: &Dump, bytes: &[u8]) {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
    assert!(dump.errors.len() <= MOST_ERRORS);
    for error in &dump.errors {
        assert!(!error.message.is_empty());
        let line = error.line.unwrap_or(1);
        assert!(
            (1..=lines.max(1)).contains(&line),
            "{error:?} of {lines} lines"
        );
    }
}

/// As [`check`], of a text in the form of `debug=2` that no profile's head makes one of `debug=1`.
pub fn check_text(text: &[u8]) -> Dump {
    let dump = check(text);
    let each = dump.each.as_ref().expect("asked for");
    assert_eq!(each.len() as u64, dump.goroutines);
    let (mut singly, mut grouped) = (BTreeMap::new(), BTreeMap::new());
    for one in each {
        let key = (one.state.as_str(), &one.stack, &one.created_by);
        let (count, locked, leaked) = singly.entry(key).or_insert((0, 0, 0));
        *count += 1;
        *locked += u64::from(one.locked_to_thread);
        *leaked += u64::from(one.leaked);
    }
    for group in &dump.groups {
        let state = group.state.as_deref().unwrap_or_default();
        let key = (state, &group.stack, &group.created_by);
        let (count, locked, leaked) = grouped.entry(key).or_insert((0, 0, 0));
        *count += group.count;
        *locked += group.locked_to_thread;
        *leaked += group.leaked;
    }
    assert_eq!(grouped, singly, "the groups are of other goroutines");
    dump
}

/// The text as Windows writes it.
pub fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                written.extend_from_slice(line);
                written.extend_from_slice(b"\r\n");
            }
            None => written.extend_from_slice(line),
        }
    }
    written
}
