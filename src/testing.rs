//! Assertions for tests of a site: which messages a page would show.
//!
//! Use them with [`Salver::memory`], which needs no server.

use crate::{Error, Level, Salver, SessionId, View};

/// Asserts which messages a page of a visitor would show, in order.
///
/// `assert_messages!(salver, session, view, [Level "text", …])`, with the variants of [`Level`]. It
/// compares the level and the text of each message. It peeks, so that the messages stay pending.
/// Use it in an async function.
///
/// # Panics
///
/// If the lists differ or the messages cannot be read. The text of the panic shows both lists line
/// by line.
///
/// ```
/// use salver::{Message, Salver, SessionId, assert_messages};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), salver::Error> {
/// let salver = Salver::memory("shop")?;
/// let ada = SessionId::new("ada")?;
/// salver.add(&salver.context(ada.clone(), "settings")?, Message::success("Saved.")).await?;
///
/// assert_messages!(salver, ada, "settings", [Success "Saved."]);
/// assert_messages!(salver, ada, "dashboard", []);
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! assert_messages {
    ($salver:expr, $session:expr, $view:expr, [$($level:ident $text:expr),* $(,)?] $(,)?) => {{
        let expected: &[($crate::Level, &str)] = &[$(($crate::Level::$level, $text)),*];
        let difference =
            $crate::testing::difference(&$salver, &$session, $view, expected).await;
        if let Some(difference) = difference {
            ::std::panic!("{difference}");
        }
    }};
}

/// Returns the difference between the messages that a page would show and those that are expected.
///
/// `None` if there is none. [`assert_messages!`](crate::assert_messages) panics with this text: `-`
/// precedes an expected message that is missing, `+` an actual message that is not expected.
/// Messages that cannot be read are a difference too. One round trip, as [`Salver::peek`].
pub async fn difference(
    salver: &Salver,
    session: &SessionId,
    view: &str,
    expected: &[(Level, &str)],
) -> Option<String> {
    let actual = match shown(salver, session, view).await {
        Ok(actual) => actual,
        Err(error) => return Some(format!("the messages on `{view}` cannot be read: {error}")),
    };
    let line = |level: Level, text: &str| format!("{level:<7} {text}");
    let expected: Vec<_> = expected
        .iter()
        .map(|(level, text)| line(*level, text))
        .collect();
    let actual: Vec<_> = actual
        .iter()
        .map(|(level, text)| line(*level, text))
        .collect();
    if expected == actual {
        return None;
    }
    let mut difference = format!("the messages on `{view}` differ (- expected, + actual):\n");
    for index in 0..expected.len().max(actual.len()) {
        match (expected.get(index), actual.get(index)) {
            (Some(expected), Some(actual)) if expected == actual => {
                difference += &format!("    {expected}\n");
            }
            (expected, actual) => {
                for (sign, line) in [("-", expected), ("+", actual)] {
                    if let Some(line) = line {
                        difference += &format!("  {sign} {line}\n");
                    }
                }
            }
        }
    }
    Some(difference)
}

/// Peeks at the messages that a page of the view would show.
async fn shown(
    salver: &Salver,
    session: &SessionId,
    view: &str,
) -> Result<Vec<(Level, String)>, Error> {
    let context = salver.context(session.clone(), View::try_from(view.to_owned())?)?;
    let messages = salver.peek(&context).await?;
    let level_and_text = |message: &crate::Message| (message.level(), message.text().to_owned());
    Ok(messages.iter().map(level_and_text).collect())
}
