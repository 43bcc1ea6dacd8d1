//! Prometheus' text format, and the selectors that choose of it.

#![no_main]
#![allow(
    clippy::expect_used,
    reason = "a target tells what it finds by panicking"
)]

use leakcheck::internals::probe::prometheus_text::{MetricSeries, Selector, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (series, unread) = read(&text);
    check_unread(&text, series.len(), &unread);
    for one in &series {
        for written in [one.name.clone(), selector_of(one)] {
            let selector = Selector::parse(&written).expect("a series' own name and labels");
            assert_eq!(selector.name(), one.name);
            assert!(selector.selects(one), "{written} does not select {one:?}");
        }
    }
    text.lines().for_each(check_selector);
});

/// Every line with something on it is a series, or told as unread, or a comment.
fn check_unread(text: &str, series: usize, unread: &[usize]) {
    let says_something = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    };
    assert_eq!(
        series + unread.len(),
        text.lines().filter(says_something).count()
    );
    assert!(unread.is_sorted_by(|a, b| a < b), "a line is told once");
    let lines: Vec<&str> = text.lines().collect();
    for number in unread {
        let line = number.checked_sub(1).and_then(|index| lines.get(index));
        let line = line.expect("the line is one of the text's");
        let alone = (Vec::new(), vec![1]);
        assert_eq!(read(line), alone, "{line:?} can be read alone");
    }
}

/// A selector of a series' name and all of its labels.
fn selector_of(series: &MetricSeries) -> String {
    let labels = series.labels.iter().map(|(label, value)| {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{label}=\"{}\"", escaped.replace('\n', "\\n"))
    });
    let labels: Vec<String> = labels.collect();
    format!("{}{{{}}}", series.name, labels.join(","))
}

/// What is a selector is, with a value behind it, a series that it selects.
fn check_selector(text: &str) {
    if let Ok(selector) = Selector::parse(text) {
        let (series, unread) = read(&format!("{text} 42"));
        assert_eq!((series.len(), unread), (1, Vec::new()), "{text:?}");
        assert_eq!(series[0].value, 42.0);
        assert!(selector.selects(&series[0]), "{text:?}");
    }
}
