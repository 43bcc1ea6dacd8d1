//! What people read of a dump: its groups, what they wait for, and what grew.

use goroutine_dump::{Diff, Dump, Frame, Group, ReadError};

use crate::render::section::{Section, Table, Text};

/// A paragraph for each of so many groups; the table has them all.
const EXPLAINED: usize = 10;
/// So many calls of a stack are shown.
const CALLS: usize = 6;

/// A dump as sections.
pub fn of_dump(dump: &Dump) -> Vec<Section> {
    let row = |group: &Group| {
        vec![
            Text::Figure(group.count.to_string()),
            Text::Words(group.state.clone().unwrap_or_else(|| "-".into())),
            Text::Words(waits(group)),
            Text::Words(whose(&group.stack)),
        ]
    };
    let header = ["count", "state", "waits", "in"];
    let table = Table {
        header: header.map(String::from).to_vec(),
        rows: dump.groups.iter().map(row).collect(),
    };
    let what = "goroutines by state, stack and creator";
    let mut sections = vec![Section {
        heading: format!("{} {what}: {} groups", dump.goroutines, dump.groups.len()),
        table: (!dump.groups.is_empty()).then_some(table),
        notes: errors(&dump.errors),
    }];
    sections.extend(dump.groups.iter().take(EXPLAINED).map(|group| {
        let title = format!("{} × {}", group.count, whose(&group.stack));
        let mut section = explained(
            title,
            group.meaning.as_deref(),
            group.created_by.as_ref(),
            &group.stack,
        );
        section
            .notes
            .splice(0..0, leaked(group.leaked, group.count));
        section
    }));
    sections
}

/// What grew, as sections.
pub fn of_diff(diff: &Diff) -> Vec<Section> {
    let growth = i128::from(diff.after) - i128::from(diff.before);
    let mut notes = Vec::new();
    if diff.connections > 0 {
        notes.push(format!(
            "{} of these are open HTTP connections, each with two goroutines and one file descriptor.",
            diff.connections
        ));
    }
    if diff
        .groups
        .iter()
        .any(|group| group.per_rotation_per_container.is_some())
    {
        notes.push("Each: per rotation of one container.".into());
    }
    notes.push(match &diff.mechanism {
        Some(mechanism) => format!("It fits a known mechanism: {mechanism}."),
        None => "It fits none of the mechanisms that are known by their connections.".into(),
    });
    notes.extend(errors(&diff.errors));
    let creators = diff.creators.iter().filter(|creator| creator.growth != 0);
    let created = creators.map(|creator| {
        let counts = (creator.growth, creator.before, creator.after);
        row(
            counts,
            creator.per_rotation_per_container,
            call(&creator.created_by),
        )
    });
    let changed = || diff.groups.iter().filter(|group| group.growth != 0);
    let grown = changed().map(|group| {
        let counts = (group.growth, group.before, group.after);
        row(
            counts,
            group.per_rotation_per_container,
            whose(&group.stack),
        )
    });
    let mut sections = vec![
        Section {
            heading: format!("{} → {} goroutines ({growth:+})", diff.before, diff.after),
            table: table("started by", created.collect()),
            notes,
        },
        Section {
            heading: "By where they are".into(),
            table: table("in", grown.collect()),
            notes: Vec::new(),
        },
    ];
    sections.retain(|section| section.table.is_some() || !section.notes.is_empty());
    let grown = changed().filter(|group| group.growth > 0);
    sections.extend(grown.take(EXPLAINED).map(|group| {
        let states = group.states.join(", ");
        let title = format!("{:+} {} [{states}]", group.growth, whose(&group.stack));
        let meaning = group.meaning.as_deref();
        let mut section = explained(title, meaning, group.created_by.as_ref(), &group.stack);
        section
            .notes
            .splice(0..0, leaked(group.leaked, group.after));
        section
    }));
    sections
}

/// What Go's own leak detection has to say of a group.
fn leaked(found: u64, all: u64) -> Option<String> {
    let which = match found {
        0 => return None,
        found if found == all => "them".to_owned(),
        found => format!("{found} of them"),
    };
    Some(format!(
        "Go's own leak detection found {which}: nothing can wake them any more."
    ))
}

/// A row of a table of growth; the rate is left out where it is not known of any.
fn row((growth, before, after): (i64, u64, u64), rate: Option<f64>, what: String) -> Vec<Text> {
    let mut row = vec![
        Text::Figure(format!("{growth:+}")),
        Text::Figure(before.to_string()),
        Text::Figure(after.to_string()),
        Text::Words(what),
    ];
    // Rounded first: what rounds to nothing has no sign.
    let rounded = rate.map(|rate| (rate * 100.0).round() / 100.0 + 0.0);
    let rate = rounded.map(|rate| Text::Figure(format!("{rate:.2}")));
    if let Some(rate) = rate {
        row.insert(3, rate);
    }
    row
}

fn table(what: &str, rows: Vec<Vec<Text>>) -> Option<Table> {
    let mut header = vec!["growth", "before", "after", what];
    if rows.first()?.len() > header.len() {
        header.insert(3, "each");
    }
    Some(Table {
        header: header.into_iter().map(String::from).collect(),
        rows,
    })
}

/// A group's stack, what it means and what started it.
fn explained(
    title: String,
    meaning: Option<&str>,
    created_by: Option<&Frame>,
    stack: &[Frame],
) -> Section {
    let mut notes: Vec<String> = meaning
        .map(|words| format!("{words}."))
        .into_iter()
        .collect();
    notes.extend(stack.iter().take(CALLS).map(call));
    if stack.len() > CALLS {
        notes.push(format!("… and {} more calls", stack.len() - CALLS));
    }
    notes.extend(created_by.map(|creator| format!("created by {}", call(creator))));
    Section {
        heading: title,
        table: None,
        notes,
    }
}

fn call(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{} at {file}:{line}", frame.func),
        _ => frame.func.clone(),
    }
}

/// The function that a goroutine is known by: the innermost one that is not the runtime's or that of
/// a library which only passes the waiting on.
fn whose(stack: &[Frame]) -> String {
    const PASSES_ON: [&str; 14] = [
        "runtime.",
        "internal/",
        "sync.",
        "syscall.",
        "time.",
        "bufio.",
        "io.",
        "os.",
        "net.",
        "context.",
        "net/http/internal",
        "net/http.(*body",
        "net/http.(*persistConn).Read",
        "golang.org/x/",
    ];
    let is_own = |frame: &&Frame| {
        !PASSES_ON
            .iter()
            .any(|prefix| frame.func.starts_with(prefix))
    };
    let frame = stack.iter().find(is_own).or_else(|| stack.first());
    frame.map_or_else(|| "no stack".into(), |frame| frame.func.clone())
}

fn waits(group: &Group) -> String {
    match group.wait_minutes {
        None => "-".into(),
        Some(waits) if waits.min == waits.max => format!("{} min", waits.min),
        Some(waits) => format!("{} to {} min", waits.min, waits.max),
    }
}

fn errors(errors: &[ReadError]) -> Vec<String> {
    let said = |error: &ReadError| match error.line {
        Some(line) => format!("Line {line} could not be read: {}.", error.message),
        None => format!("Not all could be read: {}.", error.message),
    };
    errors.iter().map(said).collect()
}
