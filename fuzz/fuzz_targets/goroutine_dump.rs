//! The text of `debug=2`, which is also what a panic and SIGQUIT print.

#![no_main]

use goroutine_dump::Keep;
use leakcheck_fuzz::{check, check_text, long_lines, read, with_crlf};
use libfuzzer_sys::fuzz_target;

/// What Go prints first at SIGQUIT: behind it no byte makes the dump a binary one.
const FIRST: &[u8] = b"SIGQUIT: quit\n";
/// A whole goroutine behind whatever came before.
const ONE_MORE: &[u8] = b"\n\ngoroutine 18446744073709551615 [select]:\n\
    main.last(0x1)\n\t/src/last.go:1 +0x1d\n\n";

fuzz_target!(|data: &[u8]| {
    let text = [FIRST, &long_lines(data)].concat();
    let is_profile = memchr::memmem::find(&text, b" profile: total ").is_some();
    if is_profile {
        check(&text);
        return;
    }
    let dump = check_text(&text);
    assert_eq!(
        read(&with_crlf(&text), Keep::Each),
        dump,
        "line ends matter"
    );
    let more = read(&[&text, ONE_MORE].concat(), Keep::Counts);
    assert_eq!(
        more.goroutines,
        dump.goroutines + 1,
        "what came before hides a goroutine"
    );
});
