//! A headless Chromium, driven through the pipes of its DevTools protocol: no port, no other program.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::skip;

/// The names under which it is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Where the pages are kept as pictures, for whoever wants to look at them.
const PICTURES: &str = "LEAKCHECK_PICTURES";

/// A browser with one page.
pub struct Browser {
    process: Child,
    /// Commands.
    commands: ChildStdin,
    /// Answers and events, a NUL behind each.
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last_id: u64,
    /// What the page logged as an error or a warning, or threw.
    complaints: Vec<String>,
    /// What the page asked for.
    requests: Vec<String>,
    loads: u64,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

impl Browser {
    /// `None`, with a line that says so, where there is none.
    pub fn start_or_skip() -> Option<Self> {
        let there = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
        let Some(name) = NAMES.iter().find(there) else {
            skip("no Chromium can be run");
            return None;
        };
        let profile = tempfile::tempdir().expect("a directory");
        // It reads commands from descriptor 3 and writes answers to descriptor 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#, "sh"])
            .arg(name)
            .args([
                "--headless",
                "--remote-debugging-pipe",
                "--no-first-run",
                "--disable-gpu",
            ])
            // As root there is no sandbox, and the shared memory of a container is small.
            .args([
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut browser = Self {
            commands: process.stdin.take().expect("piped"),
            answers: BufReader::new(process.stdout.take().expect("piped")),
            process,
            session: None,
            last_id: 0,
            complaints: Vec::new(),
            requests: Vec::new(),
            loads: 0,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(String::from);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&mut self, file: &Path, look: Look) {
        let size = json!({
            "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
        self.complaints.clear();
        self.requests.clear();
        let loads = self.loads;
        let address = format!("file://{}", file.display());
        let went = self.call("Page.navigate", json!({"url": address}));
        assert_eq!(went.get("errorText"), None, "{went}");
        while self.loads == loads {
            let event = self.next();
            self.note(&event);
        }
        self.requests
            .retain(|request| *request != address && !request.starts_with("data:"));
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", asked);
        assert_eq!(
            answer.get("exceptionDetails"),
            None,
            "{expression}: {answer}"
        );
        answer["result"]["value"].take()
    }

    /// Moves the pointer to the middle of the element that a selector finds.
    pub fn point_at(&mut self, selector: &str) {
        let middle = self.value(&format!(
            "(() => {{
                const element = document.querySelector({selector:?});
                element.scrollIntoView({{block: 'center'}});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"
        ));
        let moved = json!({"type": "mouseMoved", "x": middle[0], "y": middle[1]});
        self.call("Input.dispatchMouseEvent", moved);
    }

    /// Presses a key, as `ArrowRight` or `Tab`.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// What the page complained of since it was opened.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What the page asked for beside itself.
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    /// The page as it would be printed.
    pub fn printed(&mut self) -> Vec<u8> {
        let asked = json!({"preferCSSPageSize": true, "printBackground": false});
        decoded(&self.call("Page.printToPDF", asked)["data"])
    }

    /// Keeps the whole page as a picture of this name where `LEAKCHECK_PICTURES` names a folder.
    pub fn keep_picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os(PICTURES) else {
            return;
        };
        let asked = json!({"captureBeyondViewport": true});
        let picture = decoded(&self.call("Page.captureScreenshot", asked)["data"]);
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        std::fs::write(path, picture).expect("a folder");
    }

    /// A method of the protocol; what it answers.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.commands
            .write_all(&bytes)
            .expect("the browser listens");
        loop {
            let mut said = self.next();
            if said["id"] == id {
                assert_eq!(said.get("error"), None, "{method}: {said}");
                return said["result"].take();
            }
            self.note(&said);
        }
    }

    fn next(&mut self) -> Value {
        let mut message = Vec::new();
        self.answers
            .read_until(0, &mut message)
            .expect("the browser lives");
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).expect("JSON")
    }

    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str() {
            Some("Page.loadEventFired") => self.loads += 1,
            Some("Network.requestWillBeSent") => {
                let address = params["request"]["url"].as_str().unwrap_or_default();
                self.requests.push(address.into());
            }
            Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled") => {
                self.complaints.push(params.to_string());
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn decoded(base64: &Value) -> Vec<u8> {
    let text = base64.as_str().expect("text");
    BASE64_STANDARD.decode(text).expect("base64")
}
