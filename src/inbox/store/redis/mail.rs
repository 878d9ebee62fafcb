//! What is mailed, in Redis.

use std::collections::HashMap;

use crate::MessageId;
use crate::inbox::key::InboxKey;
use crate::inbox::store::mail_store::{MailStore, Unmailed};
use crate::inbox::store::redis::scripts::mail;
use crate::inbox::store::store_trait::Entry;
use crate::redis::Client;
use crate::store::StoreFuture;

/// The commands of the scripts of mails that no other script runs, for the health check.
const COMMANDS: [&str; 2] = ["ZINTER 1 KEY", "HGETALL KEY"];

/// What is mailed, in a Redis server or in a Cluster.
pub(in crate::inbox::store) struct RedisMails {
    client: Client,
}

impl RedisMails {
    pub(in crate::inbox::store) fn new(client: Client) -> Self {
        Self { client }
    }
}

impl MailStore for RedisMails {
    fn unmailed<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        only: Option<MessageId>,
    ) -> StoreFuture<'a, Unmailed> {
        // Only workers run these.
        self.client.require_commands(&COMMANDS);
        Box::pin(mail::unmailed(&self.client, inbox, only))
    }

    fn begin_mail<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        job: &'a str,
        ids: &'a [MessageId],
    ) -> StoreFuture<'a, Vec<Entry>> {
        Box::pin(mail::begin_mail(&self.client, inbox, job, ids))
    }

    fn end_mail<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        job: &'a str,
        period: Option<(&'a str, &'a str)>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(mail::end_mail(&self.client, inbox, job, period))
    }

    fn preferences<'a>(&'a self, inbox: InboxKey<'a>) -> StoreFuture<'a, HashMap<String, String>> {
        Box::pin(mail::preferences(&self.client, inbox))
    }

    fn site_settings<'a>(&'a self, app: &'a str) -> StoreFuture<'a, HashMap<String, String>> {
        Box::pin(mail::read_settings(&self.client, app))
    }

    fn set_site_settings<'a>(
        &'a self,
        app: &'a str,
        fields: &'a [(String, String)],
    ) -> StoreFuture<'a, ()> {
        Box::pin(mail::write_settings(&self.client, app, fields))
    }

    fn set_preference<'a>(
        &'a self,
        inbox: InboxKey<'a>,
        kind: &'a str,
        cadence: Option<&'a str>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(mail::set_preference(&self.client, inbox, kind, cadence))
    }
}
