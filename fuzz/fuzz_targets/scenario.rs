//! A scenario's TOML.

#![no_main]

use leakcheck::internals::experiment::scenario::Scenario;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = Scenario::parse("a", &text) {
        assert!(!error.trim().is_empty(), "an error says something");
    }
});
