//! A saved report: read, written in every format, judged, merged, and read again.

#![no_main]
#![allow(
    clippy::expect_used,
    reason = "a target tells what it finds by panicking"
)]

use clap::ValueEnum;
use leakcheck::internals::merge::Merge;
use leakcheck_report::gate::baseline;
use leakcheck_report::gate::expression::Gate;
use leakcheck_report::gate::judge::{PartialReports, judge_all};
use leakcheck_report::model::saved;
use leakcheck_report::render::format::Format;
use leakcheck_report::render::github;
use leakcheck_report::render::section_text::Terminal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(report) = saved::parse(data) else {
        return;
    };
    for format in Format::value_variants() {
        let written = format.render(&report, Terminal::PLAIN);
        if *format == Format::Json {
            let written = written.expect("what was read can be written");
            let again = saved::parse(written.as_bytes()).expect("what was written can be read");
            assert_eq!(again, report);
        }
    }
    drop(github::summary(&report, 1024));
    let gates = ["*.tasks_per_rotation <= 0", "*.verdict == clean"];
    let gates = gates.map(|gate| Gate::parse(gate).expect("a gate"));
    if let Ok(results) = judge_all(&gates, &report, PartialReports::Allowed) {
        drop(github::annotations(&results));
    }
    drop(baseline::compare(&report, &report, PartialReports::Allowed));
    if let Ok(mut merge) = Merge::of("a", report.clone()) {
        drop(merge.add("b", report));
        merge.miss("c", u64::MAX, "it was not there");
        drop(merge.finish());
    }
});
