//! Text from outside made fit for formats that take no control characters.

/// The text with every control character, those of terminal sequences among them, made a space; so
/// are the separators that some take for line ends, what XML does not allow, and what turns the
/// direction of the text around it.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if is_plain(character) { character } else { ' ' })
        .collect()
}

/// The same of a text whose lines are meant to be lines.
pub fn printable_lines(text: &str) -> String {
    let plain = |character| character == '\n' || is_plain(character);
    text.chars()
        .map(|character| if plain(character) { character } else { ' ' })
        .collect()
}

/// A cell of a table that spreadsheets open: what they would take for a formula gets an apostrophe in front,
/// which makes it text.
pub fn cell(text: &str) -> String {
    let plain = printable(text);
    match plain.trim_start().starts_with(['=', '+', '-', '@']) {
        true => format!("'{plain}"),
        false => plain,
    }
}

fn is_plain(character: char) -> bool {
    let is_other = matches!(
        character,
        '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
            // The marks, embeddings, overrides and isolates of bidirectional text.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !character.is_control() && !is_other
}

/// The text, or its start where it is longer than so many characters.
pub fn shortened(text: &str, longest: usize) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_passes() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{9b}d\u{ffff}"), "a [31mb c d ");
        assert_eq!(printable("user\u{202e}txt.exe\u{2069}"), "user txt.exe ");
        assert_eq!(printable_lines("a\nb\rc"), "a\nb c");
    }

    #[test]
    fn no_spreadsheet_takes_a_cell_for_a_formula() {
        for formula in ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", " =1"] {
            assert!(cell(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(cell("old-2"), "old-2");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöü", 2), "äö…");
    }
}
