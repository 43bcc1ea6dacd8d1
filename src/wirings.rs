//! The wirings that have a name: those of `scenarios/reference/wirings.toml`, embedded.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use leakcheck_text::embedded_toml;
use leakcheck_text::nearest::nearest;
use log_monitor::wiring::Wiring;
use serde::Deserialize;

const FILE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scenarios/reference/wirings.toml"
));

static WIRINGS: LazyLock<Vec<Wiring>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program, and a test reads it"
    )]
    read(FILE).expect("the catalogue can be read")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Catalogue {
    /// What several wirings have to say about Rust, by a name that stands for it.
    rust_notes: BTreeMap<String, String>,
    wiring: Vec<Wiring>,
}

/// Reads the catalogue, and puts each note in the place of its name.
fn read(text: &str) -> Result<Vec<Wiring>, String> {
    let file: Catalogue = embedded_toml::parse(text)?;
    let mut wirings = file.wiring;
    for wiring in &mut wirings {
        let Some(note) = &mut wiring.rust_note else {
            continue;
        };
        let Some(words) = file.rust_notes.get(note) else {
            return Err(format!("{}: there is no rust note {note:?}", wiring.name));
        };
        words.clone_into(note);
    }
    Ok(wirings)
}

/// Every named wiring, in the catalogue's order: the two defaults, the Go reference table, the
/// incident's other fixes, and what was seen elsewhere.
pub fn all() -> Vec<Wiring> {
    WIRINGS.clone()
}

/// Finds a wiring by its name or by its letter in the Go reference table.
///
/// # Errors
/// Names the wiring that is spelt most like it.
pub fn find(name: &str) -> Result<Wiring, String> {
    let matches = |wiring: &&Wiring| wiring.name == name || wiring.letter.as_deref() == Some(name);
    if let Some(found) = WIRINGS.iter().find(matches) {
        return Ok(found.clone());
    }
    let hint = match nearest(name, WIRINGS.iter().map(|wiring| wiring.name.as_str())) {
        Some(nearest) => format!("did you mean {nearest}? "),
        None => String::new(),
    };
    Err(format!(
        "there is no wiring {name:?}; {hint}`leakcheck wirings` lists them"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_valid_and_uses_every_note_that_it_has() {
        let wirings = read(FILE).expect("valid");
        let file: Catalogue = embedded_toml::parse(FILE).expect("valid");
        for (name, words) in &file.rust_notes {
            let says = |wiring: &Wiring| wiring.rust_note.as_ref() == Some(words);
            assert!(wirings.iter().any(says), "{name}");
        }
    }

    #[test]
    fn a_misspelt_key_choice_step_or_note_is_refused() {
        for (line, says) in [
            ("raeder-parent = \"stream\"", "unknown field"),
            ("reader-parent = \"steam\"", "unknown variant"),
            ("at-rotation = [\"clsoe\"]", "a step"),
            (
                "read = { nested = { timeout = \"30\" } }",
                "write a number and a unit",
            ),
            ("rust-note = \"held\"", "there is no rust note"),
        ] {
            let head = "[rust-notes]\n[[wiring]]\nname = \"a\"\nsummary = \"b\"\n";
            let message = read(&format!("{head}{line}\n")).expect_err(line);
            assert!(message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn a_wiring_is_the_same_after_its_way_to_a_worker() {
        for wiring in all() {
            let sent = serde_json::to_string(&wiring).expect("JSON");
            let arrived: Wiring = serde_json::from_str(&sent).expect("what was sent");
            assert_eq!(arrived, wiring);
        }
    }

    #[test]
    fn every_row_of_the_go_reference_table_has_its_wiring() {
        for letter in [
            "A", "A2", "A3", "B", "C", "D", "D2", "D3", "D4", "E", "F", "F2", "G2", "H2", "H3",
            "H4", "H6", "I",
        ] {
            assert!(find(letter).is_ok(), "{letter}");
        }
    }

    #[test]
    fn names_and_letters_are_unique() {
        let all = all();
        let mut names: Vec<_> = all.iter().map(|w| w.name.clone()).collect();
        names.extend(all.iter().filter_map(|w| w.letter.clone()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_misspelt_wiring_is_answered_with_the_nearest_name() {
        let message = find("fixd").expect_err("no such wiring");
        assert!(message.contains("did you mean fixed?"), "{message}");
    }
}
