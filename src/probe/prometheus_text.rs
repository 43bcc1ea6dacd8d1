//! Prometheus' text format, as far as gauges need it: `name{label="value"} 42`.

use std::collections::BTreeMap;

/// A metric as a user names it: `go_goroutines`, or with labels that its series must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: BTreeMap<String, String>,
}

/// A series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Selector {
    /// Parses `NAME` or `NAME{LABEL="VALUE",…}`.
    ///
    /// # Errors
    /// Says how it is to be written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let example = "write NAME or NAME{LABEL=\"VALUE\"}, as in go_goroutines";
        match name_and_labels(text.trim()) {
            Some((name, labels, "")) => Ok(Self { name, labels }),
            _ => Err(format!("no metric can be called so; {example}")),
        }
    }

    /// The metric's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a series is meant.
    pub fn selects(&self, series: &MetricSeries) -> bool {
        let has = |(label, value): (&String, &String)| series.labels.get(label) == Some(value);
        series.name == self.name && self.labels.iter().all(has)
    }
}

/// Reads the series of a text; lines that are none are left out, and told by their numbers.
pub fn read(text: &str) -> (Vec<MetricSeries>, Vec<usize>) {
    let (mut series, mut unread) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match one(line) {
            Some(one) => series.push(one),
            None => unread.push(number),
        }
    }
    (series, unread)
}

fn one(line: &str) -> Option<MetricSeries> {
    let (name, labels, rest) = name_and_labels(line)?;
    // A timestamp or an exemplar may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(MetricSeries {
        name,
        labels,
        value,
    })
}

/// The name and the labels that a text begins with, and what follows.
fn name_and_labels(text: &str) -> Option<(String, BTreeMap<String, String>, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once('=')?;
            let (value, behind) = quoted(behind.trim_start())?;
            labels.insert(label.trim().to_owned(), value);
            let behind = behind.trim_start();
            rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
            if !behind.starts_with([',', '}']) {
                return None;
            }
        }
        rest = &rest[1..];
    }
    Some((name.to_owned(), labels, rest.trim_start()))
}

/// A value in quotes, with its escapes resolved, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inside[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn series_are_read_with_labels_timestamps_and_escapes() {
        let text = "# HELP go_goroutines Number of goroutines.\n# TYPE go_goroutines gauge\n\
            go_goroutines 254\n\
            up{job=\"a \\\"b\\\" {c}, d\", instance=\"x\\\\y\",} 1 1700000000000\n\
            broken{ 1\nalso broken\nbig 1.5e+06\n";
        let (series, unread) = read(text);
        let values: Vec<_> = series
            .iter()
            .map(|one| (one.name.as_str(), one.value))
            .collect();
        assert_eq!(
            values,
            [("go_goroutines", 254.0), ("up", 1.0), ("big", 1.5e6)]
        );
        assert_eq!(series[1].labels["job"], "a \"b\" {c}, d");
        assert_eq!(series[1].labels["instance"], "x\\y");
        assert_eq!(unread, [5, 6]);
    }

    #[test]
    fn a_selector_chooses_by_name_and_labels() {
        let (series, _) = read("fds{p=\"a\"} 1\nfds{p=\"b\"} 2\n");
        let selector = Selector::parse("fds{p=\"b\"}").expect("well-formed");
        let chosen: Vec<_> = series.iter().filter(|one| selector.selects(one)).collect();
        assert_eq!(chosen[0].value, 2.0);
        assert_eq!(chosen.len(), 1);
        for wrong in ["", "1x", "a b", "a{", "a{b}", "a{b=c}"] {
            Selector::parse(wrong).expect_err(wrong);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            read(&text);
        }

        #[test]
        fn no_series_makes_the_reader_panic(text in "[a-c]{0,2}[{]?[a=\"\\\\,} ]{0,12}[}]?[ 0-9e.+-]{0,8}") {
            read(&text);
        }

        #[test]
        fn what_is_written_is_read(
            name in "[a-z_:][a-z0-9_:]{0,12}", value in -1e12_f64..1e12,
            labels in prop::collection::btree_map("[a-z]{1,6}", "[^\\\\\"\n\r]{0,12}", 0..4),
        ) {
            let written: Vec<String> = labels.iter().map(|(l, v)| format!("{l}=\"{v}\"")).collect();
            let (series, unread) = read(&format!("{name}{{{}}} {value}\n", written.join(",")));
            prop_assert_eq!(unread, Vec::<usize>::new());
            prop_assert_eq!(&series[0], &MetricSeries { name, labels, value });
        }
    }
}
