//! The text of `debug=1`: pprof's goroutine profile.

#![no_main]

use goroutine_dump::Keep;
use leakcheck_fuzz::{check, long_lines, read, with_crlf};
use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"goroutine profile: total 650\n";
const HEAD_OF_LEAKED: &[u8] = b"goroutineleak profile: total 650\n";
/// A whole stack behind whatever came before.
const SEVEN_MORE: &[u8] =
    b"\n\n7 @ 0x43be56 0x44bc1c\n#\t0x44bc1b\tmain.last+0x1d\t/src/last.go:1\n\n";

fuzz_target!(|data: &[u8]| {
    let data = long_lines(data);
    let text = [HEAD, &data].concat();
    let dump = check(&text);
    assert_eq!(
        dump.each.as_deref(),
        Some(&[][..]),
        "a profile tells none singly"
    );
    for group in &dump.groups {
        assert!(group.state.is_none() && group.wait_minutes.is_none());
        assert_eq!((group.locked_to_thread, group.leaked), (0, 0));
        assert!(group.created_by.is_none(), "a profile tells no creator");
    }
    assert_eq!(
        read(&with_crlf(&text), Keep::Each),
        dump,
        "line ends matter"
    );
    let more = read(&[&text, SEVEN_MORE].concat(), Keep::Counts);
    assert_eq!(
        more.goroutines,
        dump.goroutines.saturating_add(7),
        "what came before hides a stack"
    );

    let mut leaked = read(&[HEAD_OF_LEAKED, &data].concat(), Keep::Each);
    for group in &mut leaked.groups {
        assert_eq!(std::mem::take(&mut group.leaked), group.count);
    }
    assert_eq!(leaked, dump, "the head matters");
});
