//! pprof's binary profile, as it is and gzipped.

#![no_main]
#![allow(
    clippy::expect_used,
    reason = "a target tells what it finds by panicking"
)]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use goroutine_dump::read_either;
use goroutine_dump::{Dump, Keep};
use leakcheck_fuzz::{Pieces, check, read, survives_json};
use libfuzzer_sys::fuzz_target;

/// The period's type, which Go writes first: behind it every byte is a binary profile's.
const PERIOD_TYPE: &[u8] = &[0x5a, 0x04, 0x08, 0x01, 0x10, 0x02];
const GZIP: &[u8] = &[0x1f, 0x8b];

fuzz_target!(|data: &[u8]| {
    if data.starts_with(GZIP) {
        if let Ok(dump) = read_either(data, Keep::Each) {
            let in_pieces = read_either(Pieces::new(data), Keep::Each);
            assert_eq!(in_pieces.expect("it was read before"), dump);
            survives_json(&dump);
        }
        return;
    }
    let profile = [PERIOD_TYPE, data].concat();
    let dump = check(&profile);
    assert!(dump.errors.iter().all(|error| error.line.is_none()));
    for group in &dump.groups {
        assert!(group.state.is_none() && group.wait_minutes.is_none());
        assert!(group.created_by.is_none(), "a profile tells no creator");
    }
    check_cut_off(&profile, &dump);

    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder
        .write_all(&profile)
        .expect("memory can be written to");
    let gzipped = encoder.finish().expect("memory can be written to");
    let unzipped = read_either(&gzipped[..], Keep::Each).expect("it is whole");
    assert_eq!(unzipped, dump, "gzip changes the dump");
});

/// A cut-off profile holds no more goroutines than the whole one, unless that is refused, or not read
/// to its end because its stacks are too long.
fn check_cut_off(profile: &[u8], whole: &Dump) {
    let says = |words: &str| {
        let mut messages = whole.errors.iter().map(|error| &error.message);
        messages.any(|message| message.ends_with(words))
    };
    let is_refused = says("not of goroutines");
    let is_too_long = says("too many for its size");
    let behind = profile.len() - PERIOD_TYPE.len();
    let chosen = profile.last().map_or(0, |last| usize::from(*last));
    for kept in [behind.saturating_sub(1), behind * chosen / 256] {
        let cut = read(&profile[..PERIOD_TYPE.len() + kept], Keep::Counts);
        match is_refused {
            true => assert_eq!(whole.goroutines, 0),
            false => assert!(is_too_long || cut.goroutines <= whole.goroutines),
        }
    }
}
