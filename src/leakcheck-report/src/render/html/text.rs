//! Text from outside on a page: it is escaped by the markup, and it neither turns the text around it nor
//! fills the page.

use maud::{Markup, html};

/// A longer text gets a box of its own, in which it scrolls.
const LONGEST: usize = 400;

/// A command, broken between its words alone: a browser breaks a line behind the first hyphen of a flag.
pub fn command(command: &str) -> Markup {
    html! {
        pre {
            code {
                @for (number, word) in command.split(' ').enumerate() {
                    @if number > 0 { " " }
                    bdi { (word) }
                }
            }
        }
    }
}

/// A text of whatever content and length.
pub fn text(text: &str) -> Markup {
    let is_long = text.chars().nth(LONGEST).is_some();
    html! {
        // A box that scrolls must be reached by the keyboard too.
        bdi class=[is_long.then_some("long")] tabindex=[is_long.then_some("0")] { (text) }
    }
}
