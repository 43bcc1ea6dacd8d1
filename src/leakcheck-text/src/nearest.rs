//! The name that somebody meant who misspelt one.

/// Below this likeness a suggestion would be a guess.
const ALIKE: f64 = 0.7;

/// The name among `names` that is spelt most like `name`; `None` where none is like it.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant_and_a_foreign_one_finds_none() {
        let names = ["old", "fixed", "line-fix"];
        assert_eq!(nearest("fixd", names), Some("fixed"));
        assert_eq!(nearest("zzz", names), None);
    }
}
