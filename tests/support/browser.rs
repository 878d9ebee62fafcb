//! A real Chromium, driven by chromedriver.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::eventually;
use super::processes::{Running, free_port, scratch, start};

/// One browser with a profile of its own; ends with the test.
pub struct Browser {
    /// Never dropped: its drop would wait for an answer that a failed test cannot get.
    pub driver: ManuallyDrop<WebDriver>,
    _chromedriver: Running,
    _profile: Profile,
}

/// The folder by which a browser's processes are known: they outlive a chromedriver that was killed.
struct Profile(String);

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = Command::new("pkill")
            .args(["-KILL", "-f", &self.0])
            .status();
    }
}

impl Browser {
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    /// Starts one in which pages run no script.
    pub async fn start_without_javascript() -> Self {
        Self::start_with(false).await
    }

    async fn start_with(javascript: bool) -> Self {
        let port = free_port();
        let chromedriver = start(
            Command::new("chromedriver")
                .arg(format!("--port={port}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
            "chromium chromium-driver",
        );
        let mut wishes = DesiredCapabilities::chrome();
        for wish in [
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
            wishes.add_arg(wish).unwrap();
        }
        let profile = Profile(scratch("chromium").display().to_string());
        wishes
            .add_arg(&format!("--user-data-dir={}", profile.0))
            .unwrap();
        if !javascript {
            let off = json!({ "profile.managed_default_content_settings.javascript": 2 });
            wishes.add_experimental_option("prefs", off).unwrap();
        }
        let address = format!("http://127.0.0.1:{port}");
        let driver = eventually(
            "chromium starts (`apt-get install chromium chromium-driver`)",
            async || WebDriver::new(&address, wishes.clone()).await.ok(),
        );
        Self {
            driver: ManuallyDrop::new(driver.await),
            _chromedriver: chromedriver,
            _profile: profile,
        }
    }

    pub async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Gives the texts of the messages on the page.
    pub async fn messages(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('.salver-message .salver-text')]\
                      .map(text => text.textContent.trim());";
        serde_json::from_value(self.run(script).await).unwrap()
    }

    /// Waits until exactly these are on the page: what a form is answered may come a moment after the page.
    pub async fn shows(&self, expected: &[&str]) {
        eventually(&format!("the page shows {expected:?}"), async || {
            (self.messages().await == expected).then_some(())
        })
        .await;
    }

    /// Clicks what leads to another page, and waits for that page.
    pub async fn click(&self, selector: &str) {
        self.run("window.isThePageBefore = true;").await;
        self.driver
            .find(By::Css(selector))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        eventually("the next page", async || {
            let script = "return !window.isThePageBefore && document.readyState === 'complete';";
            let there = self.driver.execute(script, Vec::new()).await.ok()?;
            (there.json() == true).then_some(())
        })
        .await;
    }

    /// Fills a field in, replacing what stands there.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self
            .driver
            .find(By::Css(format!("[name={name}]")))
            .await
            .unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.driver
            .execute(script, Vec::new())
            .await
            .unwrap()
            .json()
            .clone()
    }

    async fn devtools(&self, command: &str, arguments: Value) -> Value {
        self.driver
            .cdp()
            .send_raw(command, arguments)
            .await
            .unwrap()
    }

    /// Makes the window this wide, as a phone's or a desk's.
    pub async fn width(&self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Cuts the browser off, or lets it reach the site again.
    pub async fn offline(&self, offline: bool) {
        let network = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.emulateNetworkConditions", network)
            .await;
    }

    pub async fn dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Leaves a picture of the whole page under `target/screenshots`.
    pub async fn picture(&self, name: &str) {
        use base64::Engine;
        // Only where it has to: beyond the window Chromium moves what reads from the right.
        let tall = "return document.documentElement.scrollHeight > innerHeight";
        let whole = json!({ "captureBeyondViewport": self.run(tall).await });
        let picture = self.devtools("Page.captureScreenshot", whole).await;
        let picture =
            base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap());
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture.unwrap()).unwrap();
    }

    /// Runs axe-core; gives its violations and the lowest contrast that it computed.
    pub async fn axe(&self) -> (Vec<String>, f64) {
        let path = target().join("npm/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(path).expect(
            "axe-core is missing: `npm install --prefix target/npm axe-core`, as `tests/run` does",
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

    pub async fn quit(self) {
        ManuallyDrop::into_inner(self.driver).quit().await.unwrap();
    }
}

pub fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}
