//! `leakcheck report`, its page in a real browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::browser::{Browser, Look};
use crate::common::peers::{self, TokioTasks};
use crate::common::program::{Ended, run};
use crate::common::{fed, leakcheck, report};

const LOOKS: [Look; 4] = [
    Look {
        width: 1280,
        dark: false,
    },
    Look {
        width: 1280,
        dark: true,
    },
    Look {
        width: 390,
        dark: false,
    },
    Look {
        width: 390,
        dark: true,
    },
];
const WIDE: Look = LOOKS[0];

/// A document and its page.
struct Shown {
    document: Value,
    page: PathBuf,
    _folder: TempDir,
}

impl Shown {
    fn of(document: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let saved = folder.path().join("saved.json");
        std::fs::write(&saved, document.to_string()).expect("written");
        let ended = report_on(&saved, &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        Self {
            document: document.clone(),
            page: folder.path().join("saved.html"),
            _folder: folder,
        }
    }

    fn open(&self, look: Look) -> Option<Browser> {
        let mut browser = Browser::start_or_skip()?;
        browser.open(&self.page, look);
        Some(browser)
    }

    fn html(&self) -> String {
        std::fs::read_to_string(&self.page).expect("text")
    }
}

fn report_on(saved: &Path, flags: &[&str]) -> Ended {
    run(&[&["report", saved.to_str().expect("text")], flags].concat())
}

fn a_run(flags: &[&str]) -> Value {
    let common = ["run", "--containers=4", "--time-scale=600", "--format=json"];
    report::of(&run(&[&common, flags].concat()))
}

/// A report of samples that nobody took: `tasks` after each rotation, at so many sites.
fn made_up(tasks: impl Fn(u64) -> u64, rotations: u64, sites: u64) -> Value {
    let mut document = a_run(&["--wiring=old", "--rotations=1"]);
    let sample = document["wirings"][0]["samples"][0].clone();
    let at = |rotation: u64| {
        let mut sample = sample.clone();
        sample["rotation"] = json!(rotation);
        sample["t_ms"] = json!(rotation * 1000);
        sample["tasks"] = json!(tasks(rotation));
        let of_site = |site| {
            (
                format!("site {site}"),
                json!(tasks(rotation) / sites + site),
            )
        };
        sample["sites"] = Value::Object((0..sites).map(of_site).collect());
        sample
    };
    document["wirings"][0]["samples"] = (0..=rotations).map(at).collect();
    let site = document["wirings"][0]["sites"][0].clone();
    let of_site = |number| {
        let mut site = site.clone();
        site["label"] = json!(format!("site {number}"));
        site["leaked"] = json!(number + 1);
        site
    };
    document["wirings"][0]["sites"] = (0..sites).map(of_site).collect();
    document
}

/// What all pages must be, however they are looked at.
fn assert_sound(browser: &mut Browser, about: &str) {
    assert_eq!(browser.complaints(), [""; 0], "{about}");
    assert_eq!(browser.requests(), [""; 0], "{about}");
    let sideways = browser.value("document.documentElement.scrollWidth - window.innerWidth");
    assert!(sideways.as_i64() <= Some(0), "{about}: {sideways} too wide");
    let twice = browser.value(
        "(() => {
            const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
            return ids.filter((id, index) => ids.indexOf(id) !== index);
        })()",
    );
    assert_eq!(twice, json!([]), "{about}: ids that are there twice");
    let nameless = browser.value(
        "[...document.querySelectorAll('svg.chart')].filter((chart) =>
            !chart.getAttribute('aria-labelledby').split(' ')
                .every((id) => document.getElementById(id)?.textContent)).length",
    );
    assert_eq!(nameless, 0, "{about}: charts without a name");
}

/// The charts of a page, as its elements tell them: by heading, the names and the columns of figures.
fn charts(browser: &mut Browser) -> Value {
    browser.value(
        "Object.fromEntries([...document.querySelectorAll('figure')].map((figure) => [
            figure.querySelector('h3').textContent,
            {
                names: [...figure.querySelectorAll('thead th:not(:first-child)')]
                    .map((cell) => cell.textContent),
                drawn: [...figure.querySelectorAll('.column')]
                    .map((column) => [+column.dataset.place, ...JSON.parse(column.dataset.values)]),
                told: [...figure.querySelectorAll('tbody tr')]
                    .map((row) => [...row.cells].map((cell) =>
                        cell.textContent === '-' ? null : +cell.textContent)),
            },
        ]))",
    )
}

/// The figures of one count in the samples of all wirings, by rotation or by time.
fn sampled(document: &Value, place: &str, count: impl Fn(&Value) -> Value) -> Vec<(f64, Value)> {
    let samples = report::samples(&document["wirings"][0]).iter();
    let at = |sample: &Value| match place {
        "t_ms" => sample["t_ms"].as_f64().expect("a time") / 1000.0,
        place => sample[place].as_f64().expect("a rotation"),
    };
    samples.map(|sample| (at(sample), count(sample))).collect()
}

/// A chart's first series is the first wiring's, point for point, in the drawing and in the table.
fn assert_shows(charts: &Value, heading: &str, expected: &[(f64, Value)]) {
    let chart = &charts[heading];
    for part in ["drawn", "told"] {
        let rows = chart[part]
            .as_array()
            .unwrap_or_else(|| panic!("no {heading}: {charts}"));
        let shown: Vec<(f64, Value)> = rows
            .iter()
            .map(|row| (row[0].as_f64().expect("a place"), row[1].clone()))
            .collect();
        let as_floats = |rows: &[(f64, Value)]| -> Vec<(f64, Option<f64>)> {
            rows.iter()
                .map(|(place, value)| (*place, value.as_f64()))
                .collect()
        };
        assert_eq!(as_floats(&shown), as_floats(expected), "{heading}, {part}");
    }
}

#[test]
fn a_run_is_shown_with_the_figures_of_its_json_at_any_width_in_light_and_dark() {
    let shown = Shown::of(&a_run(&["--rotations=3"]));
    let Some(mut browser) = Browser::start_or_skip() else {
        return;
    };
    for look in LOOKS {
        browser.open(&shown.page, look);
        browser.keep_picture(&format!("run-{}-{}", look.width, look.dark));
        assert_sound(&mut browser, &format!("{look:?}"));
        let charts = charts(&mut browser);
        let of = |count: &'static str| {
            sampled(&shown.document, "rotation", |sample| sample[count].clone())
        };
        assert_shows(&charts, "Live tasks after each rotation", &of("tasks"));
        assert_shows(
            &charts,
            "Live file descriptors after each rotation",
            &of("fds"),
        );
        assert_shows(
            &charts,
            "Time until the counts had settled",
            &of("settle_ms"),
        );
        let missing = "Lines missing so far: later ones came without them";
        assert_shows(&charts, missing, &of("lines_missing"));
        let connections = |sample: &Value| sample["engine"]["connections"].clone();
        let connections = sampled(&shown.document, "rotation", connections);
        assert_shows(&charts, "Open connections, by the engine", &connections);
        let names = &charts["Live tasks after each rotation"]["names"];
        let predicted = [
            "old, predicted (not measured)",
            "fixed, predicted (not measured)",
        ];
        assert_eq!(*names, json!(["old", "fixed", predicted[0], predicted[1]]));
        // What was predicted is what was measured.
        let row = &charts["Live tasks after each rotation"]["drawn"][3];
        assert_eq!(row[3].as_f64(), row[1].as_f64());
    }
    let headline = browser.value("document.querySelector('h1').textContent");
    assert_eq!(headline, "old is leaking, fixed is clean");
}

#[test]
fn the_tasks_of_a_rotation_are_stacked_by_the_site_that_spawned_them() {
    let shown = Shown::of(&a_run(&["--wiring=old", "--rotations=3"]));
    let Some(mut browser) = shown.open(WIDE) else {
        return;
    };
    let charts = charts(&mut browser);
    let chart = &charts["What the live tasks are, by spawn site"];
    let names = chart["names"].as_array().expect("names");
    for sample in report::samples(&shown.document["wirings"][0]) {
        let rotation = report::count(&sample["rotation"]);
        let row = &chart["drawn"][usize::try_from(rotation).expect("small")];
        for (index, name) in names.iter().enumerate() {
            let site = name.as_str().expect("a name");
            assert_eq!(
                row[index + 1].as_f64(),
                sample["sites"][site].as_f64(),
                "{site}"
            );
        }
    }
    // What leaks lies on top.
    assert_eq!(
        names
            .last()
            .and_then(Value::as_str)
            .map(|name| name != "supervisor"),
        Some(true)
    );
}

#[test]
fn a_clean_run_is_shown_as_clean() {
    let shown = Shown::of(&a_run(&["--wiring=fixed", "--rotations=3"]));
    let Some(mut browser) = shown.open(WIDE) else {
        return;
    };
    browser.keep_picture("clean");
    assert_sound(&mut browser, "clean");
    let verdict = browser.value("document.querySelector('.verdict').innerText");
    let verdict = verdict.as_str().expect("text");
    assert!(verdict.contains("fixed: ✓ clean"), "{verdict}");
    assert!(verdict.contains("0 lost, 0 twice"), "{verdict}");
}

#[test]
fn an_audit_is_shown_claim_by_claim() {
    let flags = [
        "audit",
        "wrong-parent",
        "line-fix",
        "--containers=4",
        "--rotations=3",
        "--format=json",
    ];
    let audit: Value = serde_json::from_str(&run(&flags).stdout).expect("JSON");
    let shown = Shown::of(&audit);
    let Some(mut browser) = Browser::start_or_skip() else {
        return;
    };
    for look in LOOKS {
        browser.open(&shown.page, look);
        browser.keep_picture(&format!("audit-{}-{}", look.width, look.dark));
        assert_sound(&mut browser, &format!("{look:?}"));
    }
    let rows = browser.value(
        "[...document.querySelectorAll('main > section:first-of-type tbody tr')].map((row) => ({
            scenario: row.cells[0].textContent,
            verdict: row.cells[1].querySelector('.badge').lastChild.textContent,
            drawn: [...row.querySelectorAll('.column')].map((column) =>
                JSON.parse(column.dataset.values)[0]),
        }))",
    );
    let claims = audit["claims"].as_array().expect("claims");
    let tasks = |claim: &Value| -> Vec<Value> {
        let samples = report::samples(&claim["report"]["wirings"][0]).iter();
        samples.map(|sample| sample["tasks"].clone()).collect()
    };
    let expected: Vec<Value> = claims
        .iter()
        .map(|claim| {
            json!({"scenario": claim["scenario"], "verdict": claim["verdict"], "drawn": tasks(claim)})
        })
        .collect();
    assert_eq!(rows, json!(expected));
}

#[cfg(target_os = "linux")]
#[test]
fn a_watched_process_is_shown_over_time() {
    let tasks = TokioTasks::start(5, 500);
    let flags = [
        "watch",
        "--rotation=500ms",
        "--containers=5",
        "--for=4s",
        "--format=json",
        "--console",
    ];
    let ended = run(&[&flags[..], &[&tasks.console]].concat());
    let shown = Shown::of(&report::of(&ended));
    let Some(mut browser) = Browser::start_or_skip() else {
        return;
    };
    for look in LOOKS {
        browser.open(&shown.page, look);
        browser.keep_picture(&format!("watch-{}-{}", look.width, look.dark));
        assert_sound(&mut browser, &format!("{look:?}"));
    }
    let charts = charts(&mut browser);
    let tasks = sampled(&shown.document, "t_ms", |sample| sample["tasks"].clone());
    assert_shows(&charts, "Live tasks", &tasks);
    let steps = browser.value("document.querySelectorAll('figure .mark').length");
    let expected = shown.document["wirings"][0]["trends"]["tasks"]["steps"].as_array();
    assert_eq!(steps.as_u64(), expected.map(|steps| steps.len() as u64));
}

#[cfg(target_os = "linux")]
#[test]
fn an_exercised_follower_is_shown_with_what_the_engine_saw() {
    if peers::follower().is_none() {
        crate::common::skip("go cannot be run");
        return;
    }
    let follower = peers::follower().expect("built").to_str().expect("text");
    let ended = run(&[
        "exercise",
        "--containers=4",
        "--rotation=500ms",
        "--rotations=4",
        "--keep-ended-streams",
        "--format=json",
        "--",
        follower,
        "-wiring",
        "A",
        "-rotate-on-restarts",
        "-docker",
        "unix://{socket}",
    ]);
    let shown = Shown::of(&report::of(&ended));
    let Some(mut browser) = Browser::start_or_skip() else {
        return;
    };
    for look in LOOKS {
        browser.open(&shown.page, look);
        browser.keep_picture(&format!("exercise-{}-{}", look.width, look.dark));
        assert_sound(&mut browser, &format!("{look:?}"));
    }
    let charts = charts(&mut browser);
    let fds = sampled(&shown.document, "t_ms", |sample| sample["fds"].clone());
    assert_shows(&charts, "Live file descriptors", &fds);
    let followers = &shown.document["wirings"][0]["engine_side"]["followers"];
    let seen = browser.value(
        "[...document.querySelectorAll('tr')].find((row) =>
            row.cells[0].textContent === 'rotations of a container').cells[1].textContent",
    );
    assert_eq!(seen, followers["rotations"].to_string());
}

#[test]
fn a_place_is_chosen_by_pointer_and_by_keys_and_its_figures_are_read_out() {
    let shown = Shown::of(&a_run(&["--wiring=old", "--rotations=3"]));
    let Some(mut browser) = shown.open(WIDE) else {
        return;
    };
    let tasks: Vec<u64> = report::samples(&shown.document["wirings"][0])
        .iter()
        .map(|sample| report::count(&sample["tasks"]))
        .collect();
    let readout =
        "[...document.querySelector('.readout').children].map((line) => line.textContent)";
    let line = |place: &str, tasks: u64| {
        json!([
            place,
            format!("old: {tasks}"),
            format!("old, predicted: {tasks}")
        ])
    };
    browser.point_at(".plot .column:nth-child(3)");
    assert_eq!(browser.value(readout), line("rotation 2", tasks[2]));
    browser.value("document.querySelector('.plot').focus()");
    browser.press("ArrowRight");
    assert_eq!(browser.value(readout), line("rotation 3", tasks[3]));
    browser.press("Home");
    assert_eq!(browser.value(readout), line("baseline", tasks[0]));
    // From chart to chart by the tabulator, over the table that can be opened.
    let focused = "document.activeElement.closest('figure')?.querySelector('h3').textContent";
    assert_eq!(browser.value(focused), "Live tasks after each rotation");
    browser.press("Tab");
    browser.press("Tab");
    assert_eq!(
        browser.value(focused),
        "Live file descriptors after each rotation"
    );
    let live = browser.value("document.querySelector('.readout').ariaLive");
    assert_eq!(live, "polite");
}

#[test]
fn a_page_prints_on_a4() {
    let shown = Shown::of(&a_run(&["--rotations=3"]));
    let Some(mut browser) = shown.open(LOOKS[1]) else {
        return;
    };
    let pdf = browser.printed();
    let text = String::from_utf8_lossy(&pdf);
    let boxes: Vec<&str> = text
        .split("/MediaBox [")
        .skip(1)
        .filter_map(|rest| rest.split(']').next())
        .collect();
    assert!(!boxes.is_empty(), "no page");
    for media_box in boxes {
        let sides: Vec<f64> = media_box
            .split(' ')
            .filter_map(|side| side.parse().ok())
            .collect();
        // 210 by 297 mm in points.
        assert!(
            (sides[2] - 595.3).abs() < 1.0 && (sides[3] - 841.9).abs() < 1.0,
            "{sides:?}"
        );
    }
}

/// Names as somebody would choose them who means harm, or nothing.
fn hostile_names() -> Vec<String> {
    vec![
        "</script><script>window.harmed = 1</script>".into(),
        "\"><img src=x onerror=\"window.harmed = 1\">".into(),
        "' onmouseover='window.harmed = 1".into(),
        "\u{202e}gnp.exe\u{2066}".into(),
        "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J".into(),
        "سجلات الحاوية".into(),
        "<svg onload=window.harmed=1>&amp;&lt;".into(),
        "]]></style><style>*{display:none}</style>".into(),
        "a".repeat(10_000),
        "| a | table `cell` |\n\n# heading".into(),
        "\u{0}".into(),
        "=HYPERLINK(\"http://harm\")".into(),
        "\n::error::harm".into(),
        "%0A::error::harm".into(),
        "]]><harm/>".into(),
    ]
}

/// The document with hostile names wherever a name from outside may stand.
fn made_hostile(mut document: Value) -> Value {
    let names = hostile_names();
    let mut next = (0..).map(|number: usize| names[number % names.len()].clone());
    let wiring = document["wirings"][0].clone();
    document["wirings"] = names.iter().map(|_| wiring.clone()).collect();
    let wirings = document["wirings"].as_array_mut().expect("wirings");
    for (wiring, name) in wirings.iter_mut().zip(&names) {
        wiring["name"] = json!(name);
        for field in ["reason", "summary", "cut_short"] {
            wiring[field] = json!(next.next());
        }
        wiring["hung"]["where"] = json!([{"place": next.next(), "containers": 1}]);
        wiring["stream_errors"] = json!({"count": 1, "example": next.next()});
        wiring["forgotten_readers"] = json!([{"place": next.next(), "tasks": 1}]);
        for site in wiring["sites"].as_array_mut().expect("sites") {
            for field in ["label", "location", "package"] {
                site[field] = json!(next.next());
            }
        }
        for sample in wiring["samples"].as_array_mut().expect("samples") {
            let sites = names.iter().map(|name| (name.clone(), json!(3)));
            sample["sites"] = Value::Object(sites.collect());
        }
    }
    document["config"]["scenario"] = json!(names[0]);
    document["gates"] = json!([{
        "expr": names[1], "held": false, "measured": 1.0, "outcome": "failed", "reason": names[4],
        "wiring": names[0], "metric": names[2],
    }]);
    document
}

#[test]
fn hostile_names_are_inert_in_the_page() {
    let shown = Shown::of(&made_hostile(a_run(&["--wiring=old", "--rotations=3"])));
    let Some(mut browser) = Browser::start_or_skip() else {
        return;
    };
    for look in LOOKS {
        browser.open(&shown.page, look);
        browser.keep_picture(&format!("hostile-{}-{}", look.width, look.dark));
        assert_sound(&mut browser, &format!("{look:?}"));
    }
    assert_eq!(browser.value("typeof window.harmed"), "undefined");
    let counts =
        "['script', 'img', 'style', 'iframe', '[onerror]', '[onload]', '[onmouseover]', '[style]']
        .map((selector) => document.querySelectorAll(selector).length)";
    assert_eq!(browser.value(counts), json!([1, 0, 1, 0, 0, 0, 0, 0]));
    // They are all told, as they are.
    let names = browser.value(
        "[...document.querySelectorAll('.verdict h2 > :first-child')].map((e) => e.textContent)",
    );
    assert_eq!(names[0], hostile_names()[0]);
    assert_eq!(names[5], hostile_names()[5]);
    assert_no_control_characters(&shown.html());
}

#[test]
fn hostile_names_are_inert_in_the_terminals_tables() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    let document = made_hostile(a_run(&["--wiring=old", "--rotations=3"]));
    std::fs::write(path("saved.json"), document.to_string()).expect("written");
    let saved = path("saved.json");
    let export = |format: &str| format!("--export={format}={}", path(format).display());
    let ended = run(&[
        "gate",
        saved.to_str().expect("text"),
        "--gate",
        "*.verdict == clean",
        &export("table"),
        &export("markdown"),
        &export("svg"),
    ]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_no_control_characters(&ended.stdout);
    assert_no_control_characters(&ended.stderr);
    for format in ["table", "markdown", "svg"] {
        let text = std::fs::read_to_string(path(format)).expect("written");
        assert_no_control_characters(&text);
        if format == "table" {
            let lines = text.lines().count();
            assert!(
                lines < 1500,
                "{lines} lines: a long name fills the terminal"
            );
        }
    }
}

#[test]
fn hostile_names_are_inert_in_what_machines_read() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    let document = made_hostile(a_run(&["--wiring=old", "--rotations=3"]));
    std::fs::write(path("saved.json"), document.to_string()).expect("written");
    let saved = path("saved.json");
    let formats = ["csv", "junit", "openmetrics", "gitlab"];
    let exports = formats.map(|format| format!("--export={format}={}", path(format).display()));
    let flags = [
        "gate",
        saved.to_str().expect("text"),
        "--gate",
        "*.verdict == clean",
        "--github",
    ];
    let exports: Vec<&str> = exports.iter().map(String::as_str).collect();
    let ended = run(&[&flags[..], &exports].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let annotations = |text: &str| text.lines().filter(|line| line.starts_with("::")).count();
    assert_eq!(
        annotations(&ended.stdout) + annotations(&ended.stderr),
        1,
        "{ended:?}"
    );
    for format in formats {
        let text = std::fs::read_to_string(path(format)).expect("written");
        assert_no_control_characters(&text);
        // Markup is markup in XML alone.
        assert!(format != "junit" || !text.contains("<harm/>"), "{text}");
    }
    let csv = std::fs::read_to_string(path("csv")).expect("written");
    let formula = |cell: &str| cell.trim_matches('"').starts_with(['=', '+', '@']);
    assert!(!csv.split([',', '\n']).any(formula), "{csv}");
}

fn assert_no_control_characters(text: &str) {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let found = text
        .chars()
        .find(|c| (c.is_control() && *c != '\n') || turns(*c));
    assert_eq!(found, None);
}

#[test]
fn ten_thousand_rotations_are_thinned_and_keep_their_extremes() {
    let peak = |rotation: u64| match rotation {
        7_003 => 90_000,
        2_001 => 1,
        rotation => 10_000 + rotation,
    };
    let shown = Shown::of(&made_up(peak, 10_000, 3));
    assert!(
        shown.html().len() < 2_000_000,
        "{} bytes",
        shown.html().len()
    );
    let Some(mut browser) = shown.open(WIDE) else {
        return;
    };
    browser.keep_picture("ten-thousand-rotations");
    assert_sound(&mut browser, "10,000 rotations");
    let charts = charts(&mut browser);
    let drawn = charts["Live tasks after each rotation"]["drawn"]
        .as_array()
        .expect("columns");
    assert!(drawn.len() < 600, "{} columns", drawn.len());
    for rotation in [0, 2_001, 7_003, 10_000] {
        let tasks = drawn
            .iter()
            .find(|row| row[0].as_f64() == Some(rotation as f64));
        let tasks = tasks.unwrap_or_else(|| panic!("no rotation {rotation}"));
        assert_eq!(tasks[1].as_f64(), Some(peak(rotation) as f64));
    }
    let elements = browser.value("document.querySelectorAll('*').length");
    assert!(elements.as_u64() < Some(20_000), "{elements} elements");
}

#[test]
fn of_five_hundred_sites_those_that_grew_are_drawn_and_the_others_together() {
    let shown = Shown::of(&made_up(|rotation| 1_000 + 500 * rotation, 12, 500));
    let Some(mut browser) = shown.open(WIDE) else {
        return;
    };
    browser.keep_picture("five-hundred-sites");
    assert_sound(&mut browser, "500 sites");
    let charts = charts(&mut browser);
    let names = &charts["What the live tasks are, by spawn site"]["names"];
    assert_eq!(names.as_array().map(Vec::len), Some(8));
    assert_eq!(names[0], "493 other sites");
    let elements = browser.value("document.querySelectorAll('*').length");
    assert!(elements.as_u64() < Some(20_000), "{elements} elements");
}

#[test]
fn the_main_chart_alone_is_an_svg_that_a_browser_draws() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("leak.svg");
    let flag = format!("--export=svg={}", path.display());
    let document = a_run(&["--wiring=old", "--rotations=2", &flag]);
    let Some(mut browser) = Browser::start_or_skip() else {
        return;
    };
    browser.open(&path, WIDE);
    browser.keep_picture("svg");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.requests(), [""; 0]);
    assert_eq!(browser.value("document.documentElement.localName"), "svg");
    let drawn = browser.value(
        "[...document.querySelectorAll('.column')].map((column) => JSON.parse(column.dataset.values)[0])",
    );
    let tasks: Vec<Value> = report::samples(&document["wirings"][0])
        .iter()
        .map(|sample| sample["tasks"].clone())
        .collect();
    assert_eq!(drawn, json!(tasks));
}

#[test]
fn a_report_without_a_sample_has_a_page_and_an_empty_chart() {
    let mut document = a_run(&["--wiring=old", "--rotations=1"]);
    document["wirings"][0]["samples"] = json!([]);
    document["partial"] = json!(true);
    let shown = Shown::of(&document);
    let svg = shown.page.with_extension("svg");
    let saved = shown.page.with_extension("json");
    assert_eq!(report_on(&saved, &["--format=svg"]).code, Some(0));
    let Some(mut browser) = shown.open(WIDE) else {
        return;
    };
    assert_sound(&mut browser, "no samples");
    let warning = browser.value("document.querySelector('.warning').textContent");
    assert_eq!(warning, "This report is partial: it ended before its time.");
    browser.open(&svg, WIDE);
    assert_eq!(
        browser.value("document.querySelectorAll('.column').length"),
        0
    );
}

#[test]
fn an_exported_page_is_the_one_that_a_saved_report_makes() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    let (html, json) = (path("run.html"), path("run.json"));
    let ended = run(&[
        "run",
        "--containers=4",
        "--rotations=2",
        "--time-scale=600",
        "--quiet",
        &format!("--export=html={}", html.display()),
        &format!("--export=json={}", json.display()),
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let again = path("again.html");
    report_on(&json, &["-o", again.to_str().expect("text")]);
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("written");
    assert_eq!(read(html), read(again));
}

#[test]
fn from_standard_input_a_page_goes_to_standard_output() {
    let document = a_run(&["--wiring=fixed", "--rotations=1"]);
    let output = fed(
        Command::new(leakcheck()).args(["report", "-"]),
        document.to_string().as_bytes(),
    );
    let page = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success());
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
}

#[test]
fn the_command_that_a_page_names_measures_under_the_same_conditions() {
    for flags in [
        &["--rotations=1"][..],
        &[
            "--rotations=1",
            "--wiring=health-check-pool",
            "--silent=0.25",
            "--seed=7",
            "--burst=3",
        ],
        &[
            "--rotations=1",
            "--wiring=fixed",
            "--shards=2",
            "--restart=7m",
            "--keep-ended-streams",
            "--consumer-delay=1ms",
        ],
        &[
            "--rotations=2",
            "--wiring=fixed",
            "--fault=garbage=0.5",
            "--fault=error-500",
        ],
        &[
            "--rotations=1",
            "--scenario=line-fix",
            "--rotation=90s",
            "--lines-per-second=2.5",
        ],
    ] {
        let shown = Shown::of(&a_run(flags));
        let html = shown.html();
        let command = html
            .split("<pre><code>")
            .nth(1)
            .and_then(|rest| rest.split("</code>").next());
        let command = command.expect("a command");
        let command = command.replace("<bdi>", "").replace("</bdi>", "");
        let words = shlex::split(&command).expect("quoted");
        assert_eq!(words[0], "leakcheck");
        let again: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let again = report::of(&run(&again));
        assert_eq!(again["config"], shown.document["config"], "{words:?}");
        let names = |document: &Value| -> Vec<Value> {
            report::wirings(document)
                .iter()
                .map(|wiring| wiring["name"].clone())
                .collect()
        };
        assert_eq!(names(&again), names(&shown.document));
    }
}

#[test]
fn a_report_says_where_it_comes_from_and_keeps_no_secret() {
    let gate = "*.verdict != hung";
    let document = a_run(&["--rotations=1", "--wiring=fixed", "--gate", gate]);
    let from = &document["provenance"];
    let argv = from["argv"].as_array().expect("words");
    assert_eq!((&argv[0], &argv[1]), (&json!("leakcheck"), &json!("run")));
    assert!(argv.contains(&json!(gate)), "{argv:?}");
    assert!(from["duration_ms"].as_u64() > Some(0), "{from}");
    for known in ["started_at", "host", "os"] {
        assert!(from[known].is_string(), "{from}");
    }
    let settings = &document["config"]["settings"];
    assert_eq!(settings["wirings"], json!(["fixed"]));
    assert_eq!(settings["workload"]["silent"], document["config"]["silent"]);

    let pid = std::process::id().to_string();
    let ended = run(&[
        "watch",
        "--for=1500ms",
        "--every=200ms",
        "--warm-up=300ms",
        "--format=json",
        "--pid",
        &pid,
        "--header",
        "Authorization: Bearer s3cr3t",
    ]);
    assert!(!ended.stdout.contains("s3cr3t"), "{ended:?}");
    let watched = report::of(&ended);
    let argv = watched["provenance"]["argv"].as_array().expect("words");
    assert!(argv.contains(&json!("Authorization: ***")), "{argv:?}");
    let html = Shown::of(&watched).html();
    for words in ["--header", "was a secret", "has another number"] {
        assert!(html.contains(words), "{words}: {html}");
    }
}

#[test]
fn a_report_of_an_earlier_version_is_shown_without_a_command() {
    let mut document = a_run(&["--rotations=1", "--wiring=fixed"]);
    let whole = document.as_object_mut().expect("a report");
    whole.remove("provenance").expect("was there");
    let config = whole["config"].as_object_mut().expect("a configuration");
    config.remove("settings").expect("was there");
    let html = Shown::of(&document).html();
    assert!(html.contains("does not hold its command"), "{html}");
}

#[test]
fn a_report_is_not_overwritten_by_its_page() {
    let folder = tempfile::tempdir().expect("a directory");
    let saved = folder.path().join("saved.html");
    let document = a_run(&["--wiring=fixed", "--rotations=1"]).to_string();
    std::fs::write(&saved, &document).expect("written");
    let ended = report_on(&saved, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--output"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&saved).expect("text"), document);
}

#[test]
fn what_is_no_report_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a directory");
    let saved = folder.path().join("saved.json");
    for (content, complaint) in [
        ("{", "not JSON"),
        ("{}", "leakcheck.report/v1"),
        (
            "{\"schema\": \"leakcheck.audit/v1\"}",
            "no whole leakcheck.audit/v1 document",
        ),
        (
            "{\"schema\": \"leakcheck.dump/v1\"}",
            "its schema is \"leakcheck.dump/v1\"",
        ),
    ] {
        std::fs::write(&saved, content).expect("written");
        let ended = report_on(&saved, &[]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(complaint), "{ended:?}");
        assert!(!folder.path().join("saved.html").exists());
    }
    let missing = report_on(&folder.path().join("none.json"), &[]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
}
