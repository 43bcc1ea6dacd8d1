//! Secrets in a command line: passwords in URLs, values of headers, and whatever is called a secret.

use std::iter;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// The words of a command without its secrets.
pub fn masked(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut next = NextWord::Word;
    let words = words.into_iter().map(|word| {
        let this = std::mem::replace(&mut next, NextWord::after(&word));
        match this {
            NextWord::Header => header(&word),
            // A flag in the place of a value: the one before it takes none.
            NextWord::Secret if !word.starts_with('-') => MASK.into(),
            NextWord::Word | NextWord::Secret => masked_word(&word),
        }
    });
    words.collect()
}

/// What the next word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextWord {
    Word,
    Header,
    Secret,
}

impl NextWord {
    fn after(word: &str) -> Self {
        match word.strip_prefix('-') {
            _ if matches!(word, "--header" | "-H") => Self::Header,
            Some(name) if !name.contains('=') && is_secret(name) => Self::Secret,
            _ => Self::Word,
        }
    }
}

/// One word without its secrets.
pub fn masked_word(word: &str) -> String {
    // A URL's query has equals signs of its own.
    let assignment = word.split_once('=');
    let assignment = assignment.filter(|(name, _)| !name.contains("://") && !name.contains(' '));
    if let Some((name, value)) = assignment {
        let value = match name {
            "--header" => header(value),
            secret if is_secret(secret) && !value.is_empty() => MASK.into(),
            _ => masked_word(value),
        };
        return format!("{name}={value}");
    }
    match (word.split_once("://"), word.split_once(": ")) {
        (Some((scheme, rest)), _) => format!("{scheme}://{}", without_secrets(rest)),
        (None, Some((name, _))) if is_secret(name) => header(word),
        (None, _) => word.into(),
    }
}

/// `NAME: VALUE` without its value.
fn header(text: &str) -> String {
    match text.split_once(':') {
        Some((name, _)) => format!("{name}: {MASK}"),
        None => MASK.into(),
    }
}

/// What follows a URL's scheme, without its password and the secrets of its query.
fn without_secrets(rest: &str) -> String {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{MASK}@{host}"),
            None => authority.into(),
        },
        None => authority.into(),
    };
    let Some((path, query)) = path.split_once('?') else {
        return authority + path;
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => pair.into(),
    });
    let words = iter::once(authority).chain([path.into(), "?".into()]);
    let query: Vec<String> = pairs.collect();
    words.collect::<String>() + &query.join("&")
}

/// Whether what is called so is better not shown.
fn is_secret(name: &str) -> bool {
    const PARTS: [&str; 12] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "credential",
        "authorization",
        "signature",
        "cookie",
    ];
    const LAST: [&str; 5] = ["pass", "pwd", "auth", "key", "sig"];
    let name = name.trim_start_matches('-').to_lowercase();
    let together = name.replace(['-', '_', '.'], "");
    let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default();
    // The folder that a program is started in is none.
    let is_last = LAST.contains(&last) && name != "pwd";
    is_last || PARTS.iter().any(|part| together.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked_line(line: &str) -> String {
        let words = shlex::split(line).expect("a command line");
        masked(words).join(" ")
    }

    #[test]
    fn no_secret_is_left() {
        for (line, shown) in [
            (
                "--host tcp://user:s3cr3t@a:1/x --host=ssh://u:s3cr3t@b",
                "--host tcp://user:***@a:1/x --host=ssh://u:***@b",
            ),
            ("--pprof http://u:s3@cr3t@a", "--pprof http://u:***@a"),
            (
                "--metrics 'https://a/m?token=s3cr3t&of=it&sig=s3cr3t'",
                "--metrics https://a/m?token=***&of=it&sig=***",
            ),
            (
                "--header 'Authorization: Bearer s3cr3t' --header=X-Mine:s3cr3t",
                "--header Authorization: *** --header=X-Mine: ***",
            ),
            (
                "--env DB_PASSWORD=s3cr3t --env=API_KEY=s3cr3t --env HOME=/root",
                "--env DB_PASSWORD=*** --env=API_KEY=*** --env HOME=/root",
            ),
            (
                "-- shipper --token s3cr3t --api-key=s3cr3t -H 'Cookie: s3cr3t' --to file",
                "-- shipper --token *** --api-key=*** -H Cookie: *** --to file",
            ),
            (
                "-- shipper --config=https://u:s3cr3t@a 'x-auth: s3cr3t'",
                "-- shipper --config=https://u:***@a x-auth: ***",
            ),
        ] {
            assert_eq!(masked_line(line), shown);
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let line = "run --wiring old --fault garbage=0.5 --gate fixed.verdict --export html=a.html \
                    --attach app=web --host unix:///var/run/docker.sock --secret --quiet \
                    --pprof localhost:6060 --env PWD=/x http://user@a/?q=1";
        assert_eq!(
            masked_line(line),
            shlex::split(line).expect("words").join(" ")
        );
    }
}
