//! Two dumps compared, in whichever forms they are.

#![no_main]

use std::collections::BTreeMap;

use goroutine_dump::{Diff, Dump, Frame, Keep, Scale};
use leakcheck_fuzz::{read, survives_json};
use leakcheck_report::render::dump_summary::of_diff;
use leakcheck_report::render::section_text::{Terminal, render_sections};
use libfuzzer_sys::fuzz_target;

/// Stands between the first dump, the second, and the scale.
const SEPARATOR: &[u8] = b"\n=====\n";

fuzz_target!(|data: &[u8]| {
    let (before, behind) = split(data);
    let (after, scale) = split(behind);
    let (before, after) = (read(before, Keep::Counts), read(after, Keep::Counts));
    let scale = std::str::from_utf8(scale).ok().and_then(parse_scale);

    let diff = goroutine_dump::compare(before.clone(), after.clone(), scale);
    check_totals(&diff, &before, &after);
    check_growth(&diff, scale);
    render_sections(&of_diff(&diff), Terminal::PLAIN);
    survives_json(&diff);

    let back = goroutine_dump::compare(after.clone(), before, scale);
    let negated = growth_by_group(&back)
        .into_iter()
        .map(|(group, growth)| (group, -growth));
    assert_eq!(growth_by_group(&diff), negated.collect());

    let same = goroutine_dump::compare(after.clone(), after, scale);
    assert!(same.groups.iter().all(|group| group.growth == 0));
    assert_eq!((same.connections, same.mechanism), (0, None));
});

/// What stands before the separator and behind it.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memmem::find(data, SEPARATOR) {
        Some(at) => (&data[..at], &data[at + SEPARATOR.len()..]),
        None => (data, &[]),
    }
}

/// Rotations and containers, both at least 1.
fn parse_scale(text: &str) -> Option<Scale> {
    let mut numbers = text.split_whitespace().map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten().filter(|number| *number > 0);
    Some(Scale {
        rotations: next()?,
        containers: next()?,
    })
}

fn check_totals(diff: &Diff, before: &Dump, after: &Dump) {
    let sum = |counts: &mut dyn Iterator<Item = u64>| counts.fold(0, u64::saturating_add);
    assert_eq!(
        (diff.before, diff.after),
        (before.goroutines, after.goroutines)
    );
    let groups = diff.groups.iter();
    assert_eq!(
        sum(&mut groups.clone().map(|group| group.before)),
        diff.before
    );
    assert_eq!(
        sum(&mut groups.clone().map(|group| group.after)),
        diff.after
    );
    let of_creators = groups.filter(|group| group.created_by.is_some());
    let creators = diff.creators.iter();
    assert_eq!(
        sum(&mut creators.clone().map(|creator| creator.before)),
        sum(&mut of_creators.clone().map(|group| group.before))
    );
    assert_eq!(
        sum(&mut creators.map(|creator| creator.after)),
        sum(&mut of_creators.map(|group| group.after))
    );
    assert_eq!(
        diff.errors,
        [before.errors.clone(), after.errors.clone()].concat()
    );
}

fn check_growth(diff: &Diff, scale: Option<Scale>) {
    let divisor = scale.map(|scale| scale.rotations as f64 * scale.containers as f64);
    let groups = diff.groups.iter().map(|group| {
        assert!(group.leaked <= group.after);
        let rate = group.per_rotation_per_container;
        (group.before, group.after, group.growth, rate)
    });
    let creators = diff.creators.iter().map(|creator| {
        let rate = creator.per_rotation_per_container;
        (creator.before, creator.after, creator.growth, rate)
    });
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    for (before, after, growth, rate) in groups.clone().chain(creators.clone()) {
        assert_eq!(growth, signed(after) - signed(before));
        assert_eq!(rate, divisor.map(|divisor| growth as f64 / divisor));
    }
    assert!(groups.is_sorted_by(|a, b| a.2 >= b.2));
    assert!(creators.is_sorted_by(|a, b| a.2 >= b.2));
}

fn growth_by_group(diff: &Diff) -> BTreeMap<(&[Frame], Option<&Frame>), i64> {
    let groups: BTreeMap<_, _> = (diff.groups.iter())
        .map(|group| ((&group.stack[..], group.created_by.as_ref()), group.growth))
        .collect();
    assert_eq!(groups.len(), diff.groups.len(), "a group stands twice");
    groups
}
