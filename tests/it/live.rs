//! `--live`: a run or a watch on the whole terminal, driven under tmux as a user would.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use ::leakcheck::internals::live::LiveView;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::program::{run, send};
use crate::common::report::{count, rates, samples, wiring, wirings};
use crate::common::{leakcheck, poll, skip};

/// A run of four containers, of which a rotation takes half a second.
const SMALL_RUN: &str = "run --live --containers 4 --time-scale 600";

/// A shell in a terminal of its own.
struct Terminal {
    folder: TempDir,
}

impl Terminal {
    /// `None`, with a line that says so, where there is no tmux.
    fn open() -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skip("tmux cannot be run");
            return None;
        }
        let terminal = Self {
            folder: tempfile::tempdir().expect("a directory"),
        };
        // A prompt that is found on the screen, and no file of the user's.
        let shell = [
            "env",
            "-u",
            "TMUX",
            "-u",
            "COLUMNS",
            "PS1=ready> ",
            "ENV=",
            "sh",
        ];
        let mut new = vec![
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "30",
        ];
        new.extend(shell);
        let started = terminal.tmux(&new);
        assert!(started.status.success(), "{started:?}");
        terminal.sees("ready>");
        let before = format!("stty -a > {}", terminal.file("before").display());
        terminal.types(&before);
        poll("the terminal's modes", || terminal.read("before"));
        Some(terminal)
    }

    fn tmux(&self, words: &[&str]) -> Output {
        Command::new("tmux")
            .arg("-S")
            .arg(self.file("tmux.sock"))
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("tmux")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a file holds, once it ends in a line end.
    fn read(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.file(name)).ok()?;
        text.ends_with('\n').then_some(text)
    }

    /// Types a command.
    fn types(&self, command: &str) {
        self.tmux(&["send-keys", "-l", command]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// Starts leakcheck, whose exit status is then found in a file.
    fn starts(&self, flags: &str) {
        let (code, program) = (self.file("code"), leakcheck().display());
        self.types(&format!("{program} {flags}; echo $? > {}", code.display()));
    }

    fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    fn screen(&self) -> String {
        let captured = self.tmux(&["capture-pane", "-p"]);
        String::from_utf8(captured.stdout).expect("text")
    }

    /// Waits until the screen shows a text; the screen.
    fn sees(&self, text: &str) -> String {
        self.sees_one(text, |screen| screen.contains(text))
    }

    fn sees_no_more(&self, text: &str) -> String {
        self.sees_one(&format!("no {text}"), |screen| !screen.contains(text))
    }

    fn sees_one(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let last = std::cell::RefCell::new(String::new());
        let found = std::panic::AssertUnwindSafe(|| {
            poll(what, || {
                last.replace(self.screen());
                is(&last.borrow()).then(|| last.borrow().clone())
            })
        });
        std::panic::catch_unwind(found).unwrap_or_else(|panic| {
            eprintln!("the screen was:\n{}", last.borrow());
            std::panic::resume_unwind(panic)
        })
    }

    fn told(&self, format: &str) -> String {
        let told = self.tmux(&["display-message", "-p", format]);
        String::from_utf8(told.stdout).expect("text").trim().into()
    }

    /// Waits for the end of what was started; its exit status. The terminal must then be as it was.
    fn ends(&self) -> i32 {
        let code = poll("the end", || self.read("code"));
        assert_eq!(self.told("#{alternate_on} #{cursor_flag}"), "0 1");
        let after = format!("stty -a > {}", self.file("after").display());
        self.types(&after);
        let after = poll("the terminal's modes", || self.read("after"));
        assert_eq!(Some(after), self.read("before"));
        code.trim().parse().expect("a status")
    }

    /// The process that runs in the terminal, under the shell.
    fn leakcheck_pid(&self) -> i32 {
        let shell = self.told("#{pane_pid}");
        let children = format!("/proc/{shell}/task/{shell}/children");
        let children = fs::read_to_string(children).expect("a shell");
        let child = children.split_whitespace().next();
        child.expect("a child").parse().expect("a pid")
    }

    fn json(&self, name: &str) -> Value {
        let text = self.read(name).expect("a whole report");
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// How many rotations the first wiring has begun, as the screen tells.
fn rotation(screen: &str) -> Option<u64> {
    let row = screen.lines().find(|line| line.starts_with("old "))?;
    let words: Vec<&str> = row.split_whitespace().collect();
    let of = words.iter().position(|word| *word == "of")?;
    words.get(of.checked_sub(1)?)?.parse().ok()
}

/// A process to be watched, which ends with the test.
struct Watched(Child);

impl Watched {
    fn start() -> Self {
        let sleep = Command::new("sleep").arg("600").spawn();
        Self(sleep.expect("starts"))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_run_shows_counts_rotations_and_sites_and_reports_on_the_screen_that_was_there_before() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.starts(&format!("{SMALL_RUN} --rotations 3"));
    let screen = terminal.sees("rotation 2 of 3");
    for words in ["leakcheck run: 4 synthetic", "tasks over time", "q end"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert_eq!(terminal.told("#{alternate_on} #{cursor_flag}"), "1 0");
    let grown = |screen: &str| {
        let reader = |line: &&str| line.starts_with("reader") && line.contains(" old ");
        let row = screen.lines().find(reader).unwrap_or_default().to_owned();
        row.contains("+8") && row.contains("1.00")
    };
    terminal.sees_one("the readers that leaked", grown);
    assert_eq!(terminal.ends(), 0);
    let screen = terminal.screen();
    assert!(
        screen.contains("old: 12 forgotten readers wait"),
        "{screen}"
    );
}

#[test]
fn keys_sort_freeze_and_explain_and_a_resize_is_followed() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.starts(&format!("{SMALL_RUN} --rotations 1000"));
    terminal.sees("spawn sites by growth");
    terminal.press("s");
    terminal.sees("spawn sites by count");
    terminal.press("s");
    terminal.sees("spawn sites by name");
    terminal.press("?");
    terminal.sees("freeze the display, or follow");
    terminal.press("?");
    terminal.sees_no_more("freeze the display, or follow");

    terminal.press("f");
    let frozen = rotation(&terminal.sees("FROZEN (measuring goes on)"));
    terminal.resize(60, 15);
    let drawn = |screen: &str| screen.starts_with("leakcheck run") && !screen.contains("lines");
    let small = terminal.sees_one("a smaller screen", drawn);
    assert_eq!(rotation(&small), frozen, "{small}");
    terminal.resize(10, 3);
    terminal.sees("too small");
    terminal.resize(100, 30);
    let back = terminal.sees("tasks over time");
    assert_eq!(rotation(&back), frozen, "{back}");
    terminal.press("f");
    let later = |screen: &str| rotation(screen) > frozen && !screen.contains("FROZEN");
    terminal.sees_one("what went on meanwhile", later);

    terminal.press("q");
    assert_eq!(terminal.ends(), 130);
    let screen = terminal.screen();
    assert!(screen.contains("forgotten readers wait"), "{screen}");
}

#[test]
fn a_paused_run_makes_no_rotation_and_then_all_of_them_at_the_same_rates() {
    pause_and_go_on("");
}

#[test]
fn a_pause_holds_all_shards_at_the_same_rotation() {
    pause_and_go_on("--shards 2");
}

fn pause_and_go_on(flags: &str) {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    let report = terminal.file("report.json");
    terminal.starts(&format!(
        "{SMALL_RUN} {flags} --rotations 5 --format json > {}",
        report.display()
    ));
    terminal.sees("rotation 2 of 5");
    terminal.press("p");
    let paused = terminal.sees("PAUSED (no rotation begins)");
    // One may have begun while the key was on its way; lines go on coming.
    let lines = |screen: &str| -> Option<u64> {
        let row = screen.lines().find(|line| line.starts_with("old "))?;
        row.split_whitespace().nth_back(3)?.parse().ok()
    };
    let before = lines(&paused);
    let much_later = |screen: &str| lines(screen) > before.map(|lines| lines + 60);
    let held = terminal.sees_one("lines that come while it is paused", much_later);
    assert!(rotation(&held) <= Some(3), "{held}");
    terminal.press("p");
    assert_eq!(terminal.ends(), 0);
    let report = terminal.json("report.json");
    assert_eq!(report["partial"], false);
    for wiring in wirings(&report) {
        assert_eq!(wiring["rotations"]["made"], 5, "{wiring}");
        let held = samples(wiring).iter().map(|one| count(&one["held_ms"]));
        let held: Vec<u64> = held.filter(|held| *held > 0).collect();
        assert!(matches!(held[..], [one] if one > 500), "{held:?}");
    }
    assert_eq!(rates(wiring(&report, "old")), (2.0, 1.0));
    assert_eq!(wiring(&report, "fixed")["verdict"], "clean");
}

#[test]
fn ctrl_c_and_sigterm_end_it_as_without_the_view_also_while_it_is_paused() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.starts(&format!("{SMALL_RUN} --rotations 1000"));
    terminal.sees("rotation 1 of 1000");
    terminal.press("p");
    terminal.sees("PAUSED");
    terminal.press("C-z");
    terminal.press("C-c");
    assert_eq!(terminal.ends(), 130);

    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.starts(&format!("{SMALL_RUN} --rotations 1000"));
    terminal.sees("rotation 1 of 1000");
    send(terminal.leakcheck_pid(), Signal::SIGTERM);
    assert_eq!(terminal.ends(), 130);
    terminal.sees("forgotten readers wait");
}

#[test]
fn a_terminal_that_goes_away_ends_the_run_with_its_report() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    let report = terminal.file("report.json");
    terminal.starts(&format!(
        "{SMALL_RUN} --rotations 1000 --format json > {}",
        report.display()
    ));
    terminal.sees("rotation 2 of 1000");
    terminal.tmux(&["kill-server"]);
    poll("the report", || terminal.read("report.json"));
    let report = terminal.json("report.json");
    assert_eq!(report["partial"], true);
    assert_eq!(rates(wiring(&report, "old")), (2.0, 1.0));
}

#[test]
fn a_paused_watch_reads_nothing_and_lasts_so_much_longer() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    let (process, report) = (Watched::start(), terminal.file("report.json"));
    terminal.starts(&format!(
        "watch --live --pid {} --every 100ms --for 2s --format json > {}",
        process.0.id(),
        report.display()
    ));
    let screen = terminal.sees("fds over time");
    assert!(screen.contains("leakcheck watch: sleep"), "{screen}");
    terminal.press("p");
    let readings = |screen: &str| {
        let words: Vec<String> = screen.split_whitespace().map(str::to_owned).collect();
        let at = words.iter().position(|word| word == "readings")?;
        words[at - 1].parse::<u64>().ok()
    };
    let paused = readings(&terminal.sees("PAUSED (nothing is read)"));
    // The clock in the corner goes on.
    let clock = terminal.sees_one("the clock", |screen| screen.contains("3s"));
    assert!(
        readings(&clock) <= paused.map(|paused| paused + 1),
        "{clock}"
    );
    terminal.press("p");
    assert_eq!(terminal.ends(), 0);
    let report = terminal.json("report.json");
    let trends = &report["wirings"][0]["trends"];
    assert!(count(&trends["paused_ms"]) > 500, "{trends}");
}

#[test]
fn messages_are_shown_and_printed_once_the_view_has_been_left() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.starts(&format!(
        "{SMALL_RUN} --rotations 2 --export json=/dev/full --format json > /dev/null"
    ));
    let screen = terminal.sees("warning: ");
    assert!(screen.contains("messages"), "{screen}");
    assert_eq!(terminal.ends(), 4, "the last export fails as well");
    let screen = terminal.screen();
    let warnings = screen.lines().filter(|line| line.starts_with("warning: "));
    assert_eq!(warnings.count(), 1, "the same at each rotation: {screen}");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_its_message() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    let this = std::env::current_exe().expect("a program");
    let (this, code) = (this.display(), terminal.file("code"));
    terminal.types(&format!(
        "{this} --ignored --exact --nocapture live::panics_under_the_view; echo $? > {}",
        code.display()
    ));
    assert_eq!(terminal.ends(), 101);
    terminal.sees("this panic is meant to be");
}

/// Run by the test above, in a terminal.
#[test]
#[ignore = "a part of a_panic_gives_the_terminal_back_before_it_says_its_message"]
fn panics_under_the_view() {
    let view = LiveView::new("nothing").expect("a terminal");
    let _entered = view.enter().expect("a terminal");
    panic!("this panic is meant to be");
}

#[test]
fn what_fails_under_the_view_is_told_on_the_screen_that_was_there_before() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    let mut gone = Watched::start();
    let pid = gone.0.id();
    gone.0.kill().expect("alive");
    gone.0.wait().expect("ended");
    terminal.starts(&format!("watch --live --pid {pid} --for 10s"));
    assert_eq!(terminal.ends(), 4);
    let screen = terminal.screen();
    assert!(
        screen.contains("leakcheck: there is no such process"),
        "{screen}"
    );
}

#[test]
fn without_a_terminal_it_is_refused_before_anything_is_started() {
    for command in [vec!["run", "--live"], vec!["watch", "--live", "--pid", "1"]] {
        let ended = run(&command);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        assert!(
            ended
                .stderr
                .contains("--live: standard error is no terminal")
        );
        let both = run(&[&command[..], &["--quiet"]].concat());
        assert_eq!(both.code, Some(2));
        assert!(both.stderr.contains("'--quiet'"), "{}", both.stderr);
    }
}
