//! The states of the page, on a site with a browser.

use salver::inbox::InboxRoutes;
use salver::mail::{Cadence, Profile};
use salver::{Error, Recipient, Translation};
use salver::{Message, Salver};

use super::{settings, with_kinds, with_profiles};
use crate::support::arguments::argument;
use crate::support::browser::Browser;
use crate::support::inbox_site::{InboxSite, Setup};
use crate::support::inboxes::{Inboxes, ada};

/// The states whose pages the tests look at.
pub const STATES: [&str; 5] = [
    "defaults",
    "chosen",
    "suppressed",
    "no-address",
    "no-profile",
];

/// Starts a site on which Ada has made no choice.
pub fn start(setup: Setup) -> (Inboxes, InboxSite) {
    let inboxes = Inboxes::memory_with(settings);
    let site = serve(&inboxes.salver, setup);
    (inboxes, site)
}

fn serve(salver: &Salver, setup: Setup) -> InboxSite {
    let setup = Setup {
        inbox: Some(setup.inbox.unwrap_or(with_profiles)),
        ..setup
    };
    InboxSite::serve(salver.clone(), setup)
}

fn without_address(routes: InboxRoutes) -> InboxRoutes {
    with_kinds(routes).profiles(async |_: Vec<Recipient>| Ok::<_, Error>(vec![Profile::new(ada())]))
}

/// Starts a site in a state.
pub async fn site_in(state: &str, setup: Setup) -> (Inboxes, InboxSite) {
    let inbox: Option<fn(InboxRoutes) -> InboxRoutes> = match state {
        "no-address" => Some(without_address),
        "no-profile" => Some(with_kinds),
        _ => None,
    };
    let (inboxes, site) = start(Setup { inbox, ..setup });
    match state {
        "chosen" => {
            let inbox = inboxes.inbox();
            let weekly = Cadence::Weekly {
                weekday: time::Weekday::Friday,
                hour: 17,
            };
            for (kind, cadence) in [
                ("graph", weekly),
                ("graph.uploaded", Cadence::Never),
                ("*", Cadence::Daily { hour: 17 }),
            ] {
                inbox.set_mail(kind, cadence).await.unwrap();
            }
        }
        "suppressed" => {
            let suppressed = inboxes.salver.suppress_mail("ada@example.org");
            suppressed.await.unwrap();
        }
        _ => {}
    }
    (inboxes, site)
}

/// Opens the page of Ada.
pub async fn open(browser: &Browser, site: &InboxSite) {
    browser.open(&site.login_of("ada")).await;
    browser.open(&site.at("/preferences")).await;
}

/// Translates the page into Arabic.
pub fn in_arabic(message: &Message) -> Option<Translation> {
    let argument = |name: &str| argument(message, name);
    let text = match message.get_key()?.strip_prefix("salver-inbox-")? {
        "language" => "ar".to_owned(),
        "direction" => "rtl".to_owned(),
        "title" => "الإشعارات".to_owned(),
        "save" => "حفظ".to_owned(),
        "saved" => "تم الحفظ.".to_owned(),
        "mail-preferences" => "تفضيلات البريد".to_owned(),
        "mail-address" => "عنوان البريد:".to_owned(),
        "mail-other-kinds" => "كل ما عدا ذلك".to_owned(),
        "mail-never" => "أبدًا".to_owned(),
        "mail-at-once" => "فورًا".to_owned(),
        "mail-hourly" => "مرة كل ساعة".to_owned(),
        "mail-daily" => "مرة كل يوم".to_owned(),
        "mail-daily-at" => format!("مرة كل يوم في {}", argument("hour")),
        "mail-weekly" => "مرة كل أسبوع".to_owned(),
        // Arabic has six plural forms.
        "mail-unread-minutes" => match argument("count").parse::<u64>().unwrap() {
            1 => "إذا لم يُقرأ خلال دقيقة".to_owned(),
            2 => "إذا لم يُقرأ خلال دقيقتين".to_owned(),
            count @ 3..=10 => format!("إذا لم يُقرأ خلال {count} دقائق"),
            count => format!("إذا لم يُقرأ خلال {count} دقيقة"),
        },
        "mail-default" => format!("{} (الافتراضي)", argument("cadence")),
        "mail-always" => format!("يُرسل دائمًا: {}", argument("cadence")),
        "mail-time" => "الرسائل اليومية والأسبوعية".to_owned(),
        "mail-weekday" => "يوم الأسبوع".to_owned(),
        "mail-hour" => format!("الساعة، بتوقيت {}", argument("time_zone")),
        "kind-graph" => "الرسوم البيانية".to_owned(),
        "kind-letter" => "الرسائل".to_owned(),
        "kind-news" => "الأخبار".to_owned(),
        "kind-security" => "الأمان".to_owned(),
        "monday" => "الإثنين".to_owned(),
        _ => return None,
    };
    Some(text.into())
}
