//! A gate's expression.

#![no_main]

use leakcheck_report::gate::expression::Gate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match Gate::parse(&text) {
        Ok(gate) => assert_eq!(Gate::parse(&gate.to_string()), Ok(gate), "as it is written"),
        // Its message shows the expression, and points into it.
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
