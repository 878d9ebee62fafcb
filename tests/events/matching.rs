//! Which subscriptions an event matches, beside the plain definition: each subscription is compared by itself.

use std::collections::BTreeMap;

use fastrand::Rng;
use salver::events::{Event, Subscription};
use salver::{InboxFilter, Message, Recipient, Salver};

const CASES: u64 = 10_000;
const TYPES: [&str; 3] = ["wiki.edit", "wiki.delete", "forum.post"];
const NAMES: [&str; 4] = ["subject", "language", "forum", "author"];
const VALUES: [&str; 3] = ["de", "en", "a&b=c?d"];
const PEOPLE: [&str; 4] = ["ada", "bob", "eve", "mia"];

/// A type with values of filters, as the test knows it.
#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    event_type: &'static str,
    filters: BTreeMap<&'static str, &'static str>,
}

impl Pattern {
    fn random(random: &mut Rng, chance: f64) -> Self {
        let filters = NAMES.iter().filter_map(|name| {
            let has = random.f64() < chance;
            has.then(|| (*name, VALUES[random.usize(..VALUES.len())]))
        });
        let filters = filters.collect();
        Self {
            event_type: TYPES[random.usize(..TYPES.len())],
            filters,
        }
    }

    fn subscription(&self) -> Subscription {
        let filters = self.filters.iter();
        filters.fold(Subscription::new(self.event_type), |one, (name, value)| {
            one.filter(*name, *value)
        })
    }

    fn event(&self) -> Event {
        let filters = self.filters.iter();
        filters.fold(Event::new(self.event_type), |one, (name, value)| {
            one.filter(*name, *value)
        })
    }

    /// The definition: of the same type, and each filter that the subscription names has the same value.
    fn matches(&self, event: &Self) -> bool {
        let mut named = self.filters.iter();
        self.event_type == event.event_type
            && named.all(|(name, value)| event.filters.get(name) == Some(value))
    }
}

/// Runs one random set of subscriptions and events. Returns how many notifications there were, or how the store differs
/// from the definition.
async fn run(random: &mut Rng) -> Result<usize, String> {
    let salver = Salver::memory("wiki").unwrap();
    let mut subscriptions: Vec<(&str, Pattern)> = Vec::new();
    for _ in 0..random.usize(1..10) {
        let person = PEOPLE[random.usize(..PEOPLE.len())];
        let pattern = Pattern::random(random, 0.3);
        let who = Recipient::user(person);
        if random.f64() < 0.15
            && let Some((person, pattern)) = subscriptions.pop()
        {
            let subscription = pattern.subscription();
            salver
                .unsubscribe(&Recipient::user(person), &subscription)
                .await
                .unwrap();
            subscriptions.retain(|one| *one != (person, pattern.clone()));
        }
        salver
            .subscribe(&who, pattern.subscription())
            .await
            .unwrap();
        subscriptions.push((person, pattern));
    }
    let (worker, mut expected) = (salver.worker(), BTreeMap::<&str, Vec<String>>::new());
    for number in 0..random.usize(1..4) {
        let patterns: Vec<_> = (0..random.usize(1..4))
            .map(|_| Pattern::random(random, 0.6))
            .collect();
        let excluded = PEOPLE[random.usize(..PEOPLE.len())];
        let has_excluded = random.f64() < 0.3;
        let id = number.to_string();
        let mut event = patterns[0]
            .event()
            .id(&id)
            .message(Message::info("Edited."));
        for also in &patterns[1..] {
            event = event.also(also.event());
        }
        if has_excluded {
            event = event.except([Recipient::user(excluded)]);
        }
        worker.publish(event).await.unwrap();
        for person in PEOPLE {
            let own = subscriptions.iter().filter(|(who, _)| *who == person);
            let mut own = own.map(|(_, pattern)| pattern);
            let is_expected = own.any(|one| patterns.iter().any(|event| one.matches(event)));
            if is_expected && !(has_excluded && person == excluded) {
                expected.entry(person).or_default().push(id.clone());
            }
        }
    }
    let mut notifications = 0;
    for person in PEOPLE {
        let inbox = salver.inbox(&Recipient::user(person));
        let filter = InboxFilter::all().ungrouped().limit(100);
        let page = inbox.list(&filter, None).await.unwrap();
        let rows = page.rows.iter().rev();
        let notified: Vec<_> = rows
            .map(|row| row.newest.event_id().unwrap().to_owned())
            .collect();
        notifications += notified.len();
        let expected = expected.remove(person).unwrap_or_default();
        if notified != expected {
            return Err(format!(
                "{person} was notified {notified:?} instead of {expected:?}"
            ));
        }
    }
    Ok(notifications)
}

#[tokio::test]
async fn events_match_as_by_the_plain_definition() {
    let (mut notifications, mut differences) = (0, Vec::new());
    for seed in 0..CASES {
        match run(&mut Rng::with_seed(seed)).await {
            Ok(some) => notifications += some,
            Err(difference) => differences.push(format!("seed {seed}: {difference}")),
        }
    }
    println!(
        "MODEL matching cases={CASES} notifications={notifications} differences={}",
        differences.len()
    );
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(notifications > CASES as usize);
}
