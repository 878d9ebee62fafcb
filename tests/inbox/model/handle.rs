//! Executes the calls of a run by a handle, and returns their outcomes in the model's types.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use salver::{Inbox, MessageId, Notification, Salver};
use serde_json::Value;

use super::call::{
    Call, Counts, Exported, MAX_PAGES, Outcome, Page, RECIPIENTS, Row, Selection, Tab, recipient,
};
use super::harness::WithCounts;

/// A handle, and one inbox of each recipient for the whole run.
pub struct Handle {
    salver: Salver,
    inboxes: [Inbox; RECIPIENTS],
}

/// The ids that recipients have, by recipient and serial.
type Ids = [BTreeMap<usize, MessageId>; RECIPIENTS];

impl Handle {
    pub fn new(salver: Salver) -> Self {
        let inboxes = std::array::from_fn(|index| salver.inbox(&recipient(index)));
        Self { salver, inboxes }
    }

    pub async fn execute(&self, call: &Call, ids: &mut Ids) -> WithCounts {
        let outcome = self.outcome(call, ids).await;
        (outcome, self.counts().await)
    }

    /// Returns everything that is stored about all recipients.
    pub async fn export_all(&self) -> Vec<Value> {
        let mut exports = Vec::new();
        for index in 0..RECIPIENTS {
            exports.push(self.salver.export(&recipient(index)).await.unwrap());
        }
        exports
    }

    async fn outcome(&self, call: &Call, ids: &mut Ids) -> Outcome {
        match call {
            Call::Notify(recipients, notes) => {
                for note in notes {
                    let to = recipients.iter().map(|index| recipient(*index));
                    self.salver.notify(to, note.build()).await.unwrap();
                }
                for index in recipients {
                    self.learn_ids(*index, notes.len(), ids).await;
                }
                Outcome::Done
            }
            Call::List(index, selection) => self.list(*index, selection, ids).await,
            Call::Mark(index, selection, state) => {
                let filter = selection.filter(&ids[*index]);
                Outcome::Changed(self.inboxes[*index].mark(&filter, *state).await.unwrap())
            }
            Call::MarkSeen(index) => {
                self.inboxes[*index].mark_seen().await.unwrap();
                Outcome::Done
            }
            Call::Retract(index, selection) => {
                let filter = selection.filter(&ids[*index]);
                Outcome::Changed(self.inboxes[*index].retract(&filter).await.unwrap())
            }
            Call::Erase(index) => {
                self.salver.erase(&recipient(*index)).await.unwrap();
                Outcome::Done
            }
            Call::Export(index) => {
                let export = self.salver.export(&recipient(*index)).await.unwrap();
                Outcome::Exported {
                    notifications: exported(&export["notifications"]),
                    archived: exported(&export["archived"]),
                }
            }
        }
    }

    /// Lists the notifications that were just added, by an inbox of its own.
    async fn learn_ids(&self, index: usize, limit: usize, ids: &mut Ids) {
        let selection = Selection {
            limit: limit.min(100),
            is_grouped: false,
            ..Selection::tab(Tab::All)
        };
        let inbox = self.salver.inbox(&recipient(index));
        let page = inbox
            .list(&selection.filter(&ids[index]), None)
            .await
            .unwrap();
        for row in &page.rows {
            learn(&row.newest, &mut ids[index]);
        }
    }

    async fn list(&self, index: usize, selection: &Selection, ids: &mut Ids) -> Outcome {
        let filter = selection.filter(&ids[index]);
        let (mut pages, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = self.inboxes[index]
                .list(&filter, cursor.as_deref())
                .await
                .unwrap();
            for notification in page.rows.iter().flat_map(|row| row.notifications()) {
                learn(notification, &mut ids[index]);
            }
            let rows = page.rows.iter().map(|row| Row {
                notifications: row.notifications().map(listed).collect(),
                count: row.count,
                unread: row.unread,
                actors: row.actors.clone(),
            });
            cursor.clone_from(&page.next);
            pages.push(Page {
                rows: rows.collect(),
                next: page.next,
                unread: page.unread,
                unseen: page.unseen,
            });
            if cursor.is_none() || pages.len() == MAX_PAGES {
                return Outcome::Listed(pages);
            }
        }
    }

    async fn counts(&self) -> Counts {
        let counts = join_all(self.inboxes.iter().map(Inbox::counts)).await;
        let counts = counts.into_iter().map(|counts| {
            let counts = counts.unwrap();
            (counts.unseen, counts.unread, counts.total)
        });
        counts.collect::<Vec<_>>().try_into().unwrap()
    }
}

/// Records the id of a notification under the serial in its text.
fn learn(notification: &Notification, ids: &mut BTreeMap<usize, MessageId>) {
    let serial = notification.text().split(' ').nth(1).unwrap();
    let before = ids.insert(serial.parse().unwrap(), notification.id());
    assert!(before.is_none_or(|before| before == notification.id()));
}

fn listed(notification: &Notification) -> Exported {
    let (position, is_unread) = (notification.position(), notification.is_unread());
    (position, notification.text().to_owned(), is_unread)
}

fn exported(list: &Value) -> Vec<Exported> {
    let list = list.as_array().unwrap().iter();
    let exported = |one: &Value| {
        let text = one["text"].as_str().unwrap().to_owned();
        (
            one["position"].as_u64().unwrap(),
            text,
            one["unread"].as_bool().unwrap(),
        )
    };
    list.map(exported).collect()
}
