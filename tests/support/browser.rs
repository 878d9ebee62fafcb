//! A real Chromium, controlled through chromedriver.

use std::io::{BufReader, Lines};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::prelude::*;

use super::eventually;
use super::processes::{ChildProcess, scratch, start};

/// A browser with its own profile. Its processes end with the test.
pub struct Browser {
    /// Never dropped: dropping waits for a chromedriver reply, which never arrives when a test has
    /// failed.
    pub driver: ManuallyDrop<WebDriver>,
    _chromedriver: ChildProcess,
    /// Open, so that chromedriver can write to it.
    _output: Lines<BufReader<ChildStdout>>,
    _profile: Profile,
}

/// The profile folder. It identifies the browser's processes, which survive a killed chromedriver.
struct Profile(String);

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = Command::new("pkill")
            .args(["-KILL", "-f", &self.0])
            .status();
    }
}

type Chromedriver = (ChildProcess, Lines<BufReader<ChildStdout>>, u16);

/// Starts chromedriver, and returns its output and its port. It chooses the port: one chosen here
/// could be taken before chromedriver listens on it.
fn start_chromedriver() -> Chromedriver {
    // It listens on IPv4 and IPv6, and ends if another process has its port on one of them.
    (0..5)
        .find_map(|_| try_start_chromedriver())
        .expect("no chromedriver printed its port in 5 attempts")
}

fn try_start_chromedriver() -> Option<Chromedriver> {
    let mut chromedriver = start(
        Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
        "chromium chromium-driver",
    );
    let mut output = chromedriver.lines();
    let port = output.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    })?;
    Some((chromedriver, output, port))
}

impl Browser {
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    /// Starts a browser in which pages run no scripts.
    pub async fn start_without_javascript() -> Self {
        Self::start_with(false).await
    }

    async fn start_with(javascript: bool) -> Self {
        let (chromedriver, output, port) = start_chromedriver();
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1280,900",
        ] {
            capabilities.add_arg(argument).unwrap();
        }
        let profile = Profile(scratch("chromium").display().to_string());
        capabilities
            .add_arg(&format!("--user-data-dir={}", profile.0))
            .unwrap();
        if !javascript {
            let preferences = json!({ "profile.managed_default_content_settings.javascript": 2 });
            capabilities
                .add_experimental_option("prefs", preferences)
                .unwrap();
        }
        let address = format!("http://127.0.0.1:{port}");
        let driver = eventually(
            "chromium starts (`apt-get install chromium chromium-driver`)",
            async || WebDriver::new(&address, capabilities.clone()).await.ok(),
        );
        Self {
            driver: ManuallyDrop::new(driver.await),
            _chromedriver: chromedriver,
            _output: output,
            _profile: profile,
        }
    }

    pub async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Returns the texts of the messages on the page.
    pub async fn messages(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('.salver-message .salver-text')]\
                      .map(text => text.textContent.trim());";
        serde_json::from_value(self.run(script).await).unwrap()
    }

    /// Waits until the page shows exactly these messages. The response to a form may arrive after
    /// the page.
    pub async fn shows(&self, expected: &[&str]) {
        eventually(&format!("the page shows {expected:?}"), async || {
            (self.messages().await == expected).then_some(())
        })
        .await;
    }

    /// Clicks an element of this page, whose script handles it.
    pub async fn press(&self, selector: &str) {
        let press = async || self.driver.find(By::Css(selector)).await?.click().await;
        match press().await {
            // The script has replaced the element between the two commands, which are one for a person.
            Err(error) if matches!(*error, WebDriverErrorInner::StaleElementReference(_)) => {
                press().await.unwrap();
            }
            pressed => pressed.unwrap(),
        }
    }

    /// Clicks an element that opens another page, and waits for that page.
    pub async fn click(&self, selector: &str) {
        self.run("window.isPreviousPage = true;").await;
        self.driver
            .find(By::Css(selector))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        eventually("the next page is loaded", async || {
            let script = "return !window.isPreviousPage && document.readyState === 'complete';";
            let loaded = self.driver.execute(script, Vec::new()).await.ok()?;
            (loaded.json() == true).then_some(())
        })
        .await;
    }

    /// Replaces the content of a form field.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self
            .driver
            .find(By::Css(format!("[name={name}]")))
            .await
            .unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Runs a script in the page and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        self.driver
            .execute(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone()
    }

    /// Waits until a tab of the browser holds the lock of the stream.
    pub async fn wait_for_stream(&self) {
        eventually("a tab opens the stream", async || {
            let script = "return navigator.locks.query().then(({ held }) => held.filter(({ name }) => name.endsWith(' ')).length)";
            (self.run(script).await.as_u64()? > 0).then_some(())
        })
        .await;
    }

    async fn devtools(&self, command: &str, arguments: Value) -> Value {
        self.driver
            .cdp()
            .send_raw(command, arguments)
            .await
            .unwrap()
    }

    /// Ends the process of the page, as a lack of memory does.
    pub async fn crash(&self) {
        // The driver does not reply.
        let devtools = self.driver.cdp();
        let crash = devtools.send_raw("Page.crash", json!({}));
        let _ = tokio::time::timeout(Duration::from_secs(1), crash).await;
    }

    /// Sets the width of the window. Below 600 pixels it emulates a mobile device.
    pub async fn width(&self, width: u32) {
        self.size(width, 800).await;
    }

    /// Sets the width and the height of the window.
    pub async fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Hides scrollbars, which a picture of a page that is taller than the window cuts off.
    pub async fn hide_scrollbars(&self) {
        let hidden = json!({ "hidden": true });
        self.devtools("Emulation.setScrollbarsHidden", hidden).await;
    }

    /// Disconnects the browser from the network, or reconnects it.
    pub async fn offline(&self, offline: bool) {
        let network = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.emulateNetworkConditions", network)
            .await;
    }

    /// Sets the preferred colour scheme, with reduced motion.
    pub async fn dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.emulate_media(features).await;
    }

    /// Sets media features, such as forced colours.
    pub async fn emulate_media(&self, features: Value) {
        let features = json!({ "features": features });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Sets the languages that the browser asks for.
    pub async fn accept_language(&self, languages: &str) {
        let headers = json!({ "headers": { "accept-language": languages } });
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setExtraHTTPHeaders", headers).await;
    }

    /// Saves a screenshot of the whole page under `target/screenshots`.
    pub async fn picture(&self, name: &str) {
        use base64::Engine;
        // Only for pages taller than the window: this mode makes Chromium shift right-to-left text.
        let tall = "return document.documentElement.scrollHeight > innerHeight";
        let options =
            json!({ "captureBeyondViewport": self.run(tall).await, "optimizeForSpeed": true });
        let picture = self.devtools("Page.captureScreenshot", options).await;
        let picture =
            base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap());
        let file = target().join(format!("screenshots/{name}.png"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, picture.unwrap()).unwrap();
    }

    /// Runs axe-core. Returns its violations and the lowest contrast ratio that it computed.
    pub async fn axe(&self) -> (Vec<String>, f64) {
        let path = target().join("npm/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(path).expect(
            "axe-core is missing: `npm install --prefix target/npm axe-core`, as `tests/setup.sh` does",
        );
        self.run(&axe).await;
        self.driver
            .set_script_timeout(Duration::from_secs(30))
            .await
            .unwrap();
        let script = "const done = arguments[0]; axe.run().then(done);";
        let report = self
            .driver
            .execute_async(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone();
        let violations = report["violations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|violation| format!("{}: {}", violation["id"], violation["nodes"][0]["html"]));
        let checks = report["passes"]
            .as_array()
            .unwrap()
            .iter()
            .chain(report["violations"].as_array().unwrap());
        let contrast = checks.filter(|check| check["id"] == "color-contrast");
        let nodes = contrast.flat_map(|check| check["nodes"].as_array().unwrap());
        let ratios = nodes.filter_map(|node| node["any"][0]["data"]["contrastRatio"].as_f64());
        (violations.collect(), ratios.fold(f64::INFINITY, f64::min))
    }

    /// Checks that the page fits a phone without scrolling sideways, and that axe-core finds no violation, in light and
    /// dark. Saves pictures. Returns how many.
    pub async fn check(&self, name: &str) -> usize {
        let appearances = [
            ("light", false, 640),
            ("dark", true, 640),
            ("phone", false, 320),
        ];
        for (appearance, dark, width) in appearances {
            self.dark(dark).await;
            self.width(width).await;
            let wide = self.run("return document.documentElement.scrollWidth");
            let wide = wide.await.as_u64().unwrap();
            assert!(wide <= u64::from(width), "{name} {appearance}: {wide}");
            let (violations, contrast) = self.axe().await;
            assert!(
                violations.is_empty() && contrast >= 4.5,
                "{name} {appearance}: {contrast} {violations:?}"
            );
            self.picture(&format!("{name}-{appearance}")).await;
        }
        appearances.len()
    }

    pub async fn quit(self) {
        ManuallyDrop::into_inner(self.driver).quit().await.unwrap();
    }
}

/// Returns the `target` folder.
pub fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The message of the settings form of the example.
pub const SAVED: &str = "Your settings have been changed successfully.";

/// Adds a message by a script in the open page, without navigating away.
pub async fn add_by_script(browser: &Browser, fields: Value) {
    let script = "return fetch('/messages', { method: 'POST', redirect: 'manual', \
                  body: new URLSearchParams(FIELDS) }).then(() => 1);";
    browser
        .run(&script.replace("FIELDS", &fields.to_string()))
        .await;
}

/// Adds one message of each level for the dashboard, by a script in the open page.
pub async fn add_message_of_each_level(browser: &Browser) {
    let long = format!(
        "A long text without end, such as a path: /srv/import/2026-11-21/{}",
        "icons-and-more-icons/".repeat(8)
    );
    let messages = [
        ("debug", "", "Cache miss on icons:42.", ""),
        ("info", "Import", "3 of 120 icons are ready.", ""),
        ("success", "", SAVED, ""),
        (
            "warning",
            "Plan",
            "Your plan ends in **three** days, see [the prices](https://example.org).",
            "true",
        ),
        ("error", "Payment failed", long.as_str(), ""),
    ];
    for (level, title, text, markdown) in messages {
        let fields = json!({ "level": level, "title": title, "text": text, "markdown": markdown, "view": "dashboard" });
        add_by_script(browser, fields).await;
    }
}
