//! What grew from one dump to another, and which known mechanism fits.

use std::collections::BTreeMap;

use super::document::{Diff, Dump, Frame, GrownCreator, GrownGroup, SCHEMA};
use super::known;
use super::mechanism::Roles;

/// By what growth is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Rotations between the two dumps.
    pub rotations: u64,
    /// Containers that were followed.
    pub containers: u64,
}

#[derive(Default)]
struct InBoth {
    before: u64,
    after: u64,
    states_before: Vec<String>,
    states_after: Vec<String>,
    leaked: u64,
}

/// Compares two dumps. Groups are the same by stack and creator, whatever their goroutines' numbers
/// and states are.
pub fn compare(before: Dump, after: Dump, scale: Option<Scale>) -> Diff {
    let mut groups: BTreeMap<(Vec<Frame>, Option<Frame>), InBoth> = BTreeMap::new();
    let counts = (before.goroutines, after.goroutines);
    let mut errors = before.errors;
    errors.extend(after.errors);
    for (dump, is_after) in [(before.groups, false), (after.groups, true)] {
        for group in dump {
            let both = groups.entry((group.stack, group.created_by)).or_default();
            if is_after {
                both.leaked = both.leaked.saturating_add(group.leaked);
            }
            let (count, states) = match is_after {
                false => (&mut both.before, &mut both.states_before),
                true => (&mut both.after, &mut both.states_after),
            };
            *count = count.saturating_add(group.count);
            states.extend(group.state.map(|state| format!("{} {state}", group.count)));
        }
    }
    let divisor = scale.map(|scale| scale.rotations as f64 * scale.containers as f64);
    let grown = |((stack, created_by), both): ((Vec<Frame>, Option<Frame>), InBoth)| {
        let growth = signed(both.after) - signed(both.before);
        let states = match both.states_after.is_empty() {
            true => both.states_before,
            false => both.states_after,
        };
        let state = states.first().and_then(|state| state.split_once(' '));
        GrownGroup {
            before: both.before,
            after: both.after,
            growth,
            per_rotation_per_container: divisor.map(|divisor| growth as f64 / divisor),
            meaning: known::meaning(state.map(|(_, state)| state), &stack).map(str::to_owned),
            states,
            leaked: both.leaked,
            created_by,
            stack,
        }
    };
    let mut groups: Vec<GrownGroup> = groups.into_iter().map(grown).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.growth));
    let roles = roles(&groups);
    Diff {
        schema: SCHEMA.into(),
        before: counts.0,
        after: counts.1,
        connections: u64::try_from(roles.connections()).unwrap_or(0),
        mechanism: roles.mechanism().map(str::to_owned),
        creators: creators(&groups, divisor),
        groups,
        errors,
    }
}

/// The groups put together by what started them.
fn creators(groups: &[GrownGroup], divisor: Option<f64>) -> Vec<GrownCreator> {
    let mut creators: BTreeMap<&Frame, (u64, u64)> = BTreeMap::new();
    for group in groups {
        if let Some(creator) = &group.created_by {
            let (before, after) = creators.entry(creator).or_default();
            *before = before.saturating_add(group.before);
            *after = after.saturating_add(group.after);
        }
    }
    let grown = |(created_by, (before, after)): (&Frame, (u64, u64))| {
        let growth = signed(after) - signed(before);
        GrownCreator {
            created_by: created_by.clone(),
            before,
            after,
            growth,
            per_rotation_per_container: divisor.map(|divisor| growth as f64 / divisor),
        }
    };
    let mut creators: Vec<GrownCreator> = creators.into_iter().map(grown).collect();
    creators.sort_by_key(|creator| std::cmp::Reverse(creator.growth));
    creators
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// By how much each state of a group's stack has grown: what a dump tells of states, it tells of all.
fn roles(groups: &[GrownGroup]) -> Roles {
    let mut roles = Roles::default();
    for group in groups {
        let state = (group.states.iter())
            .filter_map(|state| state.split_once(' '))
            .max_by_key(|(count, _)| count.parse::<u64>().unwrap_or(0));
        roles.add(
            state.map(|(_, state)| state),
            false,
            &group.stack,
            group.growth,
        );
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::super::{Keep, read};
    use super::*;

    #[test]
    fn no_scale_makes_the_comparison_panic() {
        let dump = |count: u64| {
            let text = format!("goroutine profile: total 1\n{count} @ 0x1\n");
            read(text.as_bytes(), Keep::Counts).expect("memory can be read")
        };
        let most = Scale {
            rotations: u64::MAX,
            containers: u64::MAX,
        };
        let diff = compare(dump(1), dump(2), Some(most));
        let rate = diff.groups[0].per_rotation_per_container;
        assert!(
            rate.is_some_and(|rate| rate > 0.0 && rate < 1e-30),
            "{rate:?}"
        );
    }
}
