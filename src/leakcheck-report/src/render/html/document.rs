//! The shell of a page: its head, its style and its script, and what it may do.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use leakcheck_text::printable::{printable_lines, shortened};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use crate::render::chart::svg;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("charts.js");
/// As much of a title as a browser's tab can show.
const TITLE: usize = 120;

/// A whole page.
///
/// Its policy allows this very style and this very script and nothing else: whatever a name from outside
/// holds, it is not run, and nothing is loaded.
pub fn document(title: &str, body: &Markup) -> String {
    let style = format!("{}{STYLE}", svg::STYLE);
    let policy = format!(
        "default-src 'none'; img-src data:; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(&style),
        hash(SCRIPT)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("leakcheck ", env!("CARGO_PKG_VERSION")));
                title { (shortened(title, TITLE)) }
                // Without it a browser asks a server for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(style)) }
            }
            body {
                main { (body) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    printable_lines(&page.into_string())
}

/// A source that is allowed by its content (Content Security Policy, level 2).
fn hash(source: &str) -> String {
    format!(
        "'sha256-{}'",
        BASE64_STANDARD.encode(digest(&SHA256, source.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_hold_nothing_that_would_be_changed_and_miss_its_hash() {
        for source in [svg::STYLE, STYLE, SCRIPT] {
            assert_eq!(printable_lines(source), source);
            assert!(!source.contains("</"), "{source}");
        }
    }
}
