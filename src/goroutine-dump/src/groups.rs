//! Goroutines grouped by state, stack and creator: memory grows with the stacks that differ.

use std::collections::HashMap;

use super::document::{Dump, EachGoroutine, Group, SCHEMA, WaitMinutes};
use super::errors::Errors;
use super::key::{self, Parts};
use super::known;

/// What a dump tells of one goroutine beside its state, stack and creator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) wait_minutes: Option<u64>,
    pub(super) locked_to_thread: bool,
    /// Whether Go's own leak detection found it.
    pub(super) leaked: bool,
    pub(super) frames_elided: bool,
    /// Whether the dump says that it could not tell the stack.
    pub(super) unavailable: bool,
    /// What started it.
    pub(super) ancestor: Option<u64>,
}

/// What is kept of the single goroutines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Their count.
    Counts,
    /// The numbers of each group's goroutines.
    Ids,
    /// Each goroutine in the order of the dump.
    Each,
}

#[derive(Debug, Default)]
struct Members {
    count: u64,
    waits: Option<WaitMinutes>,
    locked: u64,
    leaked: u64,
    ids: Vec<u64>,
}

/// What has been read so far.
pub(super) struct Groups {
    groups: HashMap<Box<[u8]>, Members, foldhash::fast::RandomState>,
    goroutines: u64,
    keep: Keep,
    each: Vec<EachGoroutine>,
    /// Whether the dump is of leaked goroutines alone.
    all_leaked: bool,
}

impl Groups {
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            groups: HashMap::default(),
            goroutines: 0,
            keep,
            each: Vec::new(),
            all_leaked: false,
        }
    }

    /// Takes the whole dump for one of leaked goroutines: Go's `goroutineleak` profile.
    pub(super) fn are_all_leaked(&mut self) {
        self.all_leaked = true;
    }

    /// Whether nothing has been read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Adds so many goroutines to the group with this key; of one alone it may be known more.
    pub(super) fn add(&mut self, key: &[u8], count: u64, member: Option<&Member>) {
        self.goroutines = self.goroutines.saturating_add(count);
        // Looked up first: most goroutines are of a group that is there, and need no copy of its key.
        let members = match self.groups.get_mut(key) {
            Some(members) => members,
            None => self.groups.entry(key.into()).or_default(),
        };
        members.count = members.count.saturating_add(count);
        let Some(member) = member else { return };
        members.locked += u64::from(member.locked_to_thread);
        members.leaked += u64::from(member.leaked);
        if let Some(wait) = member.wait_minutes {
            let waits = members.waits.get_or_insert(WaitMinutes {
                min: wait,
                max: wait,
            });
            waits.min = waits.min.min(wait);
            waits.max = waits.max.max(wait);
        }
        match self.keep {
            Keep::Counts => {}
            Keep::Ids => members.ids.push(member.id),
            Keep::Each => self.each.push(each(key::parts(key), member)),
        }
    }

    pub(super) fn into_dump(self, errors: Errors) -> Dump {
        let group = |(key, members): (Box<[u8]>, Members)| {
            let Parts {
                state,
                labels,
                stack,
                created_by,
            } = key::parts(&key);
            let state = (!state.is_empty()).then_some(state);
            Group {
                count: members.count,
                meaning: known::meaning(state.as_deref(), &stack).map(str::to_owned),
                state,
                wait_minutes: members.waits,
                created_by,
                stack,
                locked_to_thread: members.locked,
                leaked: match self.all_leaked {
                    true => members.count,
                    false => members.leaked,
                },
                labels,
                ids: members.ids,
            }
        };
        let mut keyed: Vec<(Box<[u8]>, Members)> = self.groups.into_iter().collect();
        // Of two damaged stacks the same may be left; their keys still differ, and give them an order.
        keyed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut groups: Vec<Group> = keyed.into_iter().map(group).collect();
        // Equal counts stand in the order of their stacks, so that a dump always reads the same.
        groups.sort_by(|a, b| {
            let by_text = || {
                (&a.stack, &a.state, &a.created_by, &a.labels).cmp(&(
                    &b.stack,
                    &b.state,
                    &b.created_by,
                    &b.labels,
                ))
            };
            b.count.cmp(&a.count).then_with(by_text)
        });
        Dump {
            schema: SCHEMA.into(),
            goroutines: self.goroutines,
            groups,
            errors: errors.into_list(),
            each: (self.keep == Keep::Each).then_some(self.each),
        }
    }
}

fn each(parts: Parts, member: &Member) -> EachGoroutine {
    EachGoroutine {
        id: member.id,
        state: parts.state,
        wait_minutes: member.wait_minutes,
        locked_to_thread: member.locked_to_thread,
        leaked: member.leaked,
        stack: parts.stack,
        frames_elided: member.frames_elided,
        created_by: parts.created_by,
        ancestor: member.ancestor,
    }
}
