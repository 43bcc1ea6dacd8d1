//! Text from outside made fit for formats that take no control characters.

/// The text with every control character, those of terminal sequences among them, made a space; so
/// are the separators that some take for line ends, and what XML does not allow.
pub(super) fn printable(text: &str) -> String {
    const OTHERS: [char; 4] = ['\u{2028}', '\u{2029}', '\u{fffe}', '\u{ffff}'];
    let plain = |character: char| match character.is_control() || OTHERS.contains(&character) {
        true => ' ',
        false => character,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_passes() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{9b}d\u{ffff}"), "a [31mb c d ");
    }
}
