//! The command that measures again what a document tells of.

use leakcheck_text::printable::printable;
use leakcheck_text::secrets::MASK;
use maud::{Markup, html};

use super::text::command;
use crate::model::provenance::Provenance;
use crate::model::report::Report;

/// The command of a report, and what it does not say.
pub fn of_report(report: &Report) -> Markup {
    let config = &report.config;
    let is_run = config.watched.is_none();
    let mut notes = Vec::new();
    if is_run && config.engine.as_deref() != Some("synthetic") && config.hosts.is_empty() {
        notes.push("The engine is the one that DOCKER_HOST or --host names.");
    }
    if let (Some(watched), None) = (&config.watched, &config.exercised)
        && watched.pid.is_some()
    {
        notes.push("A process that was started anew has another number.");
    }
    of_provenance(report.provenance.as_ref(), &notes)
}

/// The command of a document that comes from there.
pub fn of_provenance(provenance: Option<&Provenance>, notes: &[&str]) -> Markup {
    html! {
        @match provenance {
            Some(provenance) => {
                (command(&quoted(&provenance.argv)))
                @if provenance.argv.iter().any(|word| word.contains(MASK)) {
                    p class="quiet" { "Where " (MASK) " stands was a secret, which is not kept." }
                }
                @for note in notes { p class="quiet" { (note) } }
            },
            None => p class="quiet" {
                "It does not hold its command: it was added up of several hosts' reports, or an earlier version \
                 wrote it."
            },
        }
    }
}

/// A command's words, quoted for a shell.
fn quoted(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let word = printable(word);
        // What no shell can be given is a word with a NUL, and that was made a space.
        shlex::try_quote(&word).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(argv: &[&str]) -> String {
        let provenance = Provenance {
            started_at: None,
            duration_ms: None,
            host: None,
            os: None,
            argv: argv.iter().map(ToString::to_string).collect(),
        };
        let page = of_provenance(Some(&provenance), &[]).into_string();
        page.replace("<bdi>", "").replace("</bdi>", "")
    }

    #[test]
    fn a_command_is_shown_as_it_was_typed_and_quoted_for_a_shell() {
        let page = shown(&["leakcheck", "run", "--gate", "*.verdict == clean"]);
        assert!(page.contains("leakcheck run --gate"), "{page}");
        assert!(page.contains("'*.verdict == clean'"), "{page}");
        assert!(!page.contains("secret"), "{page}");
        let masked = shown(&["leakcheck", "watch", "--header", "Authorization: ***"]);
        assert!(masked.contains("was a secret"), "{masked}");
    }

    #[test]
    fn a_document_without_provenance_says_that_it_holds_no_command() {
        let page = of_provenance(None, &["a note"]).into_string();
        assert!(
            page.contains("does not hold its command: it was added up"),
            "{page}"
        );
        assert!(!page.contains("<code>"), "{page}");
    }
}
