//! How the page looks: widths, contrast, targets, and screenshots under `target/screenshots`.

use serde_json::json;

use super::languages::in_arabic;
use super::screens::{FAILED, SCREENS, failed_site, filled_site, named, open};
use crate::support::browser::Browser;
use crate::support::inbox_site::Setup;

/// Returns the elements that are wider than the window, are too small to hit, or are on the wrong side
/// of the text. `WIDTH`: the width of the window, which a phone enlarges for wide content. `PHONE`:
/// whether it is that of a phone.
const LAYOUT: &str = r#"
const [width, isPhone] = [WIDTH, PHONE];
const problems = [];
const { scrollWidth } = document.documentElement;
if (scrollWidth > width) problems.push(`${scrollWidth} of ${width} px`);
const name = (element) => `${element.localName} ${element.textContent.trim().slice(0, 40)}`;
for (const element of document.querySelectorAll('.salver-inbox *')) {
  const { left, right, width: own } = element.getBoundingClientRect();
  if (own > 1 && (left < -1 || right > width + 1)) problems.push(`outside: ${name(element)}`);
}
const targets = 'button, summary, select, input:not([type=hidden]), nav a, .salver-inbox-empty a, .salver-inbox-results a';
for (const element of document.querySelectorAll(`.salver-inbox :is(${targets})`)) {
  const { width: own, height } = element.getBoundingClientRect();
  if (element.checkVisibility() && (own < 24 || height < 24)) {
    problems.push(`${Math.round(own)}x${Math.round(height)} px: ${name(element)}`);
  }
}
for (const row of document.querySelectorAll('.salver-inbox-row')) {
  const text = row.querySelector(':scope > :first-child').getBoundingClientRect();
  const actions = row.querySelector(':scope > form').getBoundingClientRect();
  if (!row.checkVisibility() || !actions.width) continue;
  const isBelow = actions.top >= text.bottom;
  if (isPhone && !isBelow) problems.push(`buttons beside the text: ${name(row)}`);
}
return problems;
"#;

/// Point 12: no sideways scrolling at 320 px and at 400 % zoom, targets of 24 px, on a phone the
/// buttons below the text.
#[actix_web::test]
async fn every_state_fits_a_phone_and_a_zoomed_window() {
    let (site, failed) = (filled_site(Setup::default()).await, failed_site());
    let browser = Browser::start().await;
    let zoomed = json!({ "width": 320, "height": 225, "deviceScaleFactor": 4, "mobile": false });
    for (width, is_phone) in [(320, true), (0, true), (768, false), (1280, false)] {
        match width {
            0 => {
                let devtools = browser.driver.cdp();
                let metrics = "Emulation.setDeviceMetricsOverride";
                devtools.send_raw(metrics, zoomed.clone()).await.unwrap();
            }
            width => browser.width(width).await,
        }
        let shown = if width == 0 { 320 } else { width };
        let layout = LAYOUT.replace("WIDTH", &shown.to_string());
        let layout = layout.replace("PHONE", &is_phone.to_string());
        let states = SCREENS.into_iter().map(|screen| (&site, screen));
        for (site, screen) in states.chain([(&failed, FAILED)]) {
            // Wide windows leave room: the states with every element suffice.
            if !is_phone && !matches!(screen.name, "all" | "group-open" | "filtered") {
                continue;
            }
            open(&browser, site, screen).await;
            let problems = browser.run(&layout).await;
            assert_eq!(problems, json!([]), "{} at {width}", screen.name);
        }
    }
    browser.quit().await;
}

/// Returns the lowest contrast of a marker, a border of a control and a focus ring with what is next
/// to it.
const CONTRAST: &str = r#"
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (one, two) => {
  const [dark, light] = [luminance(one), luminance(two)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};
const background = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const { backgroundColor } = getComputedStyle(one);
    if (!/, 0\)$/.test(backgroundColor)) return backgroundColor;
  }
  return 'rgb(255, 255, 255)';
};
const found = {};
const add = (name, value) => { found[name] = Math.min(found[name] ?? Infinity, value); };
const all = (selector) => document.querySelectorAll(`.salver-inbox ${selector}`);
for (const dot of all('.salver-inbox-dot')) add('dot', ratio(background(dot), background(dot.parentElement)));
for (const level of ['warning', 'error', 'success']) {
  for (const row of all(`.salver-inbox-${level}`)) {
    add(level, ratio(getComputedStyle(row).borderInlineStartColor, background(row)));
  }
}
for (const tab of all('.salver-inbox-tabs [aria-current]')) {
  add('tab', ratio(getComputedStyle(tab).borderBlockEndColor, background(tab)));
}
for (const control of all(':is(button, input:not([type=hidden]), select)')) {
  if (control.checkVisibility()) add('border', ratio(getComputedStyle(control).borderBlockStartColor, background(control.parentElement)));
}
for (const control of all('.salver-inbox-row :is(a, button, summary)')) {
  if (!control.checkVisibility()) continue;
  control.focus({ focusVisible: true });
  const { outlineColor, outlineStyle } = getComputedStyle(control);
  if (outlineStyle === 'none') add('no outline', 0);
  add('focus', ratio(outlineColor, background(control.parentElement)));
}
return found;
"#;

/// Point 12: markers have a contrast of 3:1 with what is next to them, in light and in dark.
#[actix_web::test]
async fn markers_and_borders_have_a_contrast_of_3_to_1() {
    let (site, browser) = (filled_site(Setup::default()).await, Browser::start().await);
    let mut lowest = f64::INFINITY;
    for dark in [false, true] {
        browser.dark(dark).await;
        for name in ["all", "filtered"] {
            open(&browser, &site, named(name)).await;
            let found = browser.run(CONTRAST).await;
            let found = found.as_object().unwrap();
            assert!(found.len() >= 5, "{found:?}");
            for (marker, contrast) in found {
                let contrast = contrast.as_f64().unwrap();
                assert!(contrast >= 3.0, "{name} dark={dark}: {marker} {contrast}");
                lowest = lowest.min(contrast);
            }
        }
    }
    println!("INBOX lowest_marker_contrast={lowest:.2}");
    browser.quit().await;
}

/// Point 3: weight marks unread rows only, also in a group of which one row has been read.
#[actix_web::test]
async fn read_row_in_an_unread_group_has_the_weight_of_a_read_row() {
    let (site, browser) = (filled_site(Setup::default()).await, Browser::start().await);
    open(&browser, &site, named("group-open")).await;
    let inner = ".salver-inbox-group .salver-inbox-list";
    browser.click(&format!("{inner} button[value=read]")).await;
    let weights = format!(
        "return [...document.querySelectorAll('{inner} .salver-inbox-link')].map((one) => getComputedStyle(one).fontWeight)"
    );
    let (read, unread) = ("400", "600");
    let expected = json!([read, unread, unread, unread, unread]);
    assert_eq!(browser.run(&weights).await, expected);
    browser.quit().await;
}

/// Point 12: with forced colours, the dot of an unread row, the level of a row and the current tab are
/// visible.
#[actix_web::test]
async fn markers_are_visible_with_forced_colours() {
    let (site, browser) = (filled_site(Setup::default()).await, Browser::start().await);
    let forced = json!([{ "name": "forced-colors", "value": "active" }]);
    browser.emulate_media(forced).await;
    open(&browser, &site, named("all")).await;
    let markers = "const style = (selector) => getComputedStyle(document.querySelector(selector));
        const text = style('body').color;
        return [style('.salver-inbox-dot').backgroundColor === text,
            style('.salver-inbox-tabs [aria-current]').borderBlockEndColor === text,
            style('.salver-inbox-tabs a:not([aria-current])').borderBlockEndColor === style('body').backgroundColor,
            style('.salver-inbox-error').borderInlineStartStyle, style('.salver-inbox-count').borderBlockStartStyle]";
    let expected = json!([true, true, true, "solid", "solid"]);
    assert_eq!(browser.run(markers).await, expected);
    browser.picture("inbox-forced-colors").await;
    browser.quit().await;
}

/// A text from left to right begins at the right of a page from right to left, below its headline.
#[actix_web::test]
async fn texts_are_aligned_with_the_direction_of_the_page() {
    let arabic = Setup {
        translator: Some(in_arabic),
        ..Setup::default()
    };
    let browser = Browser::start().await;
    for (setup, direction) in [(Setup::default(), "left"), (arabic, "right")] {
        let site = filled_site(setup).await;
        open(&browser, &site, named("all")).await;
        let lines = "return [...document.querySelectorAll('.salver-inbox-what')].map((row) => {
            const texts = row.querySelectorAll(':scope > .salver-inbox-dot, :scope > div[dir=auto] > *');
            const range = document.createRange();
            return [...texts].map((text) => { range.selectNodeContents(text); return range.getBoundingClientRect().toJSON(); })
        }).filter((texts) => texts.length > 1)";
        let rows = browser.run(lines).await;
        let rows = rows.as_array().unwrap();
        assert!(rows.len() > 1, "{rows:?}");
        for row in rows {
            let edges = [&row[0], &row[1]].map(|text| text[direction].as_f64().unwrap());
            assert!((edges[0] - edges[1]).abs() < 24.0, "{direction}: {row}");
        }
    }
    browser.quit().await;
}

/// Saves a screenshot of the states in each appearance, for a person to look at.
#[actix_web::test]
async fn screenshots_of_every_appearance_are_saved() {
    let arabic = Setup {
        translator: Some(in_arabic),
        ..Setup::default()
    };
    let sites = [
        ("ltr", filled_site(Setup::default()).await),
        ("rtl", filled_site(arabic).await),
    ];
    let browser = Browser::start().await;
    let mut saved = 0;
    for (scheme, dark) in [("light", false), ("dark", true)] {
        browser.dark(dark).await;
        for (size, width) in [("phone", 320), ("desktop", 1280)] {
            browser.width(width).await;
            for (direction, site) in &sites {
                let states = match (dark, *direction) {
                    (false, "ltr") => &["all", "group-open", "filtered", "everything-read"][..],
                    _ => &["all"],
                };
                for name in states {
                    open(&browser, site, named(name)).await;
                    let picture = format!("inbox-{name}-{scheme}-{size}-{direction}");
                    browser.picture(&picture).await;
                    saved += 1;
                }
            }
        }
    }
    open(&browser, &failed_site(), FAILED).await;
    browser.picture("inbox-store-failed").await;
    println!("INBOX screenshots={}", saved + 1);
    browser.quit().await;
}
