#!/usr/bin/env bash
# Plants faults in a copy of the source, one at a time, and wants the named test red.
#
# For what no faulty store can show: who claims, what counts as shown, how a page is filled. Prints
# `TWIN <fault> <test> red`; a fault that stays green fails. `tests/mutants.sh <fault>…` plants those, and
# with SALVER_LONG=1 it plants all: for every commit one or two stand for each row.
set -euo pipefail
cd "$(dirname "$0")/.."
only=" $* "
copy=target/twins
export CARGO_TARGET_DIR="$PWD/$copy/target" RUST_BACKTRACE=0

# The dependencies are built already; the crate itself must not be taken for built, since cargo would take a
# twin's for ours or ours for a twin's.
rm -rf "$copy"
mkdir -p "$CARGO_TARGET_DIR/debug"
cp -a target/debug/.fingerprint target/debug/build target/debug/deps "$CARGO_TARGET_DIR/debug/"
cp -a target/npm target/venv "$CARGO_TARGET_DIR/"
for name in salver it hello job dashboard askama minijinja tera maud prometheus testing custom_store worker outbox htmx fluent; do
  rm -rf "$CARGO_TARGET_DIR"/debug/.fingerprint/"$name"-* "$CARGO_TARGET_DIR"/debug/deps/{,lib}"$name"-*
done
log="$PWD/target/twins.log"
green=0

# fault <name> <test> <file> <what stands there> <what is planted>
fault() {
  local name=$1 test=$2 file=$3 old=$4 new=$5
  [ "$only" = "  " ] || [[ $only = *" $name "* ]] || return 0
  rm -rf "$copy"/{src,tests,examples}
  cp -r Cargo.toml Cargo.lock README.md src tests examples "$copy"
  OLD=$old NEW=$new perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/ or die "nothing to plant in: $ENV{OLD}\n"' "$copy/$file"
  # Who runs examples; what begins with a room of the crate is its own.
  local examples='' binary='--test it'
  [[ ! $test =~ ^(pages|live::looks|live::crowd|hands::jobs):: ]] || examples=--examples
  [[ $test != store::* && $test != link::* ]] || binary=--lib
  # shellcheck disable=SC2086
  if ! (cd "$copy" && cargo test --locked --quiet --no-run $binary $examples 2>"$log"); then
    echo "TWIN $name $test DOES NOT BUILD"; cat "$log"; green=1; return
  fi
  local word=red
  if (cd "$copy" && env -u SALVER_LONG timeout 170 cargo test --locked --quiet $binary -- --exact "$test" >"$log" 2>&1); then
    word=GREEN green=1
  elif ! grep -q 'FAILED\|panicked' "$log"; then
    word="DID NOT RUN"; green=1; cat "$log"
  fi
  echo "TWIN $name $test $word"
}

# As `fault`, but only in the long column, or where it is named.
more() {
  [ -z "${SALVER_LONG:-}" ] && [[ $only != *" $1 "* ]] || fault "$@"
}

fault shown_on_any_status pages::a_page_that_breaks_loses_nothing \
  src/web/ending.rs 'None if counts && visit.is_rendered()' 'None if visit.is_rendered() || counts'
fault prefetch_counts pages::head_and_a_real_prefetch_consume_nothing \
  src/web/head.rs 'AHEAD.iter().any(|word| contains(value.as_bytes(), word))' 'AHEAD.iter().any(|word| contains(b"", word))'
fault views_are_ignored pages::five_redirects_lose_nothing \
  src/web/visit/asking.rs 'let view = self.site.page(request);' 'let view = crate::View::ANY;'
fault claim_is_not_confirmed web::cost::a_page_with_messages_claims_once_and_confirms_once \
  src/web/body.rs 'hold.confirm();' 'drop(hold);'
more parts_of_a_body_confirm web::eligibility::a_body_counts_when_all_of_it_was_taken \
  src/web/body.rs '*this.hold = None;
                    *this.left = None;' 'confirm(this.hold);'
more names_of_cookies_are_decoded web::sessions::a_cookie_that_only_decodes_to_the_name_is_not_taken \
  src/web/session.rs 'site.session_of(head.cookies.named(name)?)' 'site.session_of(request.cookie(name)?.value().as_bytes())'
more one_neighbour_hides_the_cookie web::sessions::a_neighbour_that_is_not_utf_8_hides_no_cookie \
  src/web/session.rs 'let name = name(request, head, site.plain_http);' 'let name = name(request, head, site.plain_http);
    request.cookies_raw().ok()?;'
fault lost_replies_are_denied handle::an_add_whose_reply_was_lost_is_in_doubt_not_denied \
  src/link/answer.rs 'first.filter(Error::is_in_doubt)' 'first.filter(Error::is_closed)'
fault everybody_claims web::slot::a_claim_is_shared_by_everybody_who_asks \
  src/web/visit/asking.rs 'self.shown.get_or_init(|| self.claim(request)).await.clone()' 'self.claim(request).await'
fault lost_claims_stay web::eligibility::a_client_that_goes_away_during_the_handler_loses_nothing \
  src/salver/hold.rs 'held.end(End::Release);' 'drop(held);'
fault caches_keep_messages web::eligibility::caches_keep_nothing_that_carried_messages \
  src/web/ending.rs '"etag",' '"e-tag",'
more caches_are_told_otherwise web::eligibility::caches_keep_nothing_that_carried_messages \
  src/web/ending.rs ' || header.ends_with("-cache-control")' ''
fault idle_pages_are_marked web::cost::a_page_without_messages_is_left_as_it_is \
  src/web/ending.rs 'if visit.is_carrying() {
        keep_from_caches' 'if visit.is_rendered() {
        keep_from_caches'
fault strangers_are_asked_for web::cost::a_visitor_without_a_session_costs_no_call \
  src/web/visit/asking.rs 'let session = self.visitor.session_by(request, head)?;
        let view = self.site.page(request);' 'let session = self.visitor.known_or_new(&self.visitor.hand(request)).ok()?; let view = self.site.page(request);'
fault text_is_not_escaped web::slot::everything_in_the_fragment_is_escaped \
  src/render/fragment.rs "'<' => f.write_str(\"&lt;\")?," "'<' => f.write_str(\"<\")?,"
more comments_are_read web::slot::the_first_empty_element_is_filled_and_no_other \
  src/web/slot.rs 'return Tag::Opens(COMMENT.len() - 2, b"-->");' 'return Tag::Other(1);'
more pieces_are_not_kept web::slot::a_page_in_pieces_is_filled_wherever_it_is_cut \
  src/web/slot.rs 'Tag::Cut => return Step::Undecided(at),' 'Tag::Cut => return Step::Undecided(page.len()),'
fault the_token_is_the_id web::sessions::a_session_id_is_derived_as_ever \
  src/web/token.rs '["salver1", "\0", app, "\0", &self.0]' '["salver1", &self.0]'
fault old_cookies_write_into_new_sessions web::sessions::renew_carries_messages_to_a_new_id \
  src/salver/mod.rs 'self.add_within(context, &[message], 1).await' 'self.add_within(context, &[message], HOPS).await'
fault pages_wait_for_ever web::trouble::a_slow_store_costs_a_page_its_budget_and_no_message \
  src/web/visit/asking.rs 'salver.hold_for_page(contexts, budget).await' 'salver.hold_for_page(contexts, budget * 20).await'
more views_are_resource_names web::views::all_methods_of_a_path_are_one_view \
  src/web/view.rs 'routes.view(request.match_pattern()?)' 'routes.view(request.match_name()?.to_owned())'
fault scripts_forget_the_tag foreign::what_python_writes_is_shown \
  src/store/redis/add.lua "if tag then
      if last_with" "if false then
      if last_with"
fault scripts_claim_without_a_lease faults::tabs::concurrent_tabs \
  src/store/redis/look.lua "if mode == 'claim' then" "if mode == 'never' then"
fault every_scope_connects web::trouble::a_site_has_one_connection_for_each_worker_and_one_more \
  src/store/redis/mod.rs 'if let Some(worker) = workers.get(&thread).and_then(Weak::upgrade) {' 'if let Some(worker) = None::<Arc<Self>> {'
fault every_page_asks web::trouble::a_store_in_trouble_is_not_asked_by_every_page \
  src/breaker.rs 'if state.failures < FAILURES {' 'if state.failures < u32::MAX {'
more dropped_probes_lock_the_breaker web::trouble::a_probe_that_is_dropped_lets_the_next_one_try \
  src/breaker.rs 'self.breaker.state().probing = false;' ''
fault claims_remove_at_once faults::storm::cancellation_storm \
  src/store/redis/look.lua "if mode == 'claim' then write('ZADD', key, 'XX', now + lease, member) end" "if mode == 'claim' then redis.call('ZREM', key, member) end"
fault leases_do_not_end faults::kills::web_process_kill \
  src/store/redis/scripts/mod.rs 'arg(millis(lease))' 'arg(millis(lease) * 1000)'
fault broken_bodies_confirm faults::bodies::bodies \
  src/web/body.rs '*this.hold = None;
                    *this.left = None;' 'confirm(this.hold);'
fault replies_are_not_matched faults::matrix::resiliency_matrix \
  src/link/answer.rs 'if ask.key(0) == Some(name) => {' 'if !name.is_empty() => {'
more vanished_servers_are_waited_for faults::matrix::resiliency_matrix \
  src/link/waiting.rs 'late.count() == missing' 'late.count() > missing'
fault broken_connections_are_kept faults::kills::redis_kill_with_aof \
  src/link/line.rs 'if verdict.hang_up {' 'if verdict.hang_up && number == 0 {'
fault scripts_are_never_sent_whole faults::kills::script_flush_under_load \
  src/link/wire.rs 'Err(error) if is_unknown(&error) => self.send(&ask.whole()).await,' 'Err(error) if error.is_timeout() => self.send(&ask.whole()).await,'
fault full_servers_take_no_claims faults::kills::out_of_memory \
  src/store/redis/look.lua "    redis.call('ZREM', KEYS[2], '')
" ''
fault a_server_without_replicas_is_not_read faults::replies::error_replies \
  src/link/fault.rs '["READONLY", "MISCONF", "NOREPLICAS"]' '["READONLY", "MISCONF", "NONE"]'
fault logouts_close_nothing faults::life::session_life \
  src/store/redis/clear.lua "if close > 0 and" "if close < 0 and"
fault texts_are_logged faults::secrets::secrets \
  src/salver/mod.rs 'let loud: Vec<_> = loud.cloned().collect();' 'let loud: Vec<Message> = loud.cloned().collect(); for one in &loud { tracing::trace!("{}", one.text()); }'
fault writes_are_sent_once handle::an_add_without_an_answer_is_sent_once_more_with_the_same_bytes \
  src/salver/call.rs 'const FIRST: f64 = 0.4;' 'const FIRST: f64 = 1.0;'
more releases_are_sent_twice handle::a_release_and_a_take_are_never_sent_twice \
  src/salver/mod.rs 'self.write_once("release", self.store.release(&claim))' 'self.write("release", || self.store.release(&claim))'
fault confirms_are_tried_once web::trouble::a_confirm_that_cannot_be_written_waits_until_it_can \
  src/settle/desk.rs 'if error.retry_after().is_some() => return false,' 'if error.is_closed() => return false,'
fault servers_without_writes_show_nothing web::trouble::a_page_of_a_store_that_takes_no_writes_shows_what_it_can_read \
  src/store/redis/mod.rs 'if !claim.as_ref().is_err_and(Error::is_read_only) {' 'if !claim.as_ref().is_err_and(Error::is_closed) {'
fault evictions_are_not_told handle::a_store_is_looked_at_once_when_it_first_answers \
  src/store/redis/health.rs 'let policy = policy.filter(|policy| *policy != "noeviction")?;' 'let policy = policy.filter(|policy| *policy == "none")?;'
fault memory_displaces_the_newest faults::model::memory_redis_and_the_model_say_the_same \
  src/store/memory/shelf.rs 'self.slots.drain(..over.min(staying));' 'self.slots.truncate(staying - over.min(staying));'
more only_what_fits_is_compared faults::model::memory_redis_and_the_model_say_the_same \
  src/store/redis/add.lua "redis.call('ZRANGE', context, -1000, -1)" "redis.call('ZRANGE', context, -cap, -1)"
more a_release_makes_young_again faults::model::memory_redis_and_the_model_say_the_same \
  src/store/redis/release.lua 'math.min(written(member) or now, now)' 'now'
more a_move_forgets_what_was_displaced faults::model::memory_redis_and_the_model_say_the_same \
  src/store/redis/migrate.lua "redis.call('HINCRBY', new, view, displaced)" "redis.call('HINCRBY', new, view, 0)"
more titles_are_not_escaped faults::injection::injection \
  src/render/fragment.rs '"<strong>{}</strong> ", Escaped(title)' '"<strong>{}</strong> ", title'
more texts_end_the_script faults::injection::injection \
  src/render/json.rs "'<' => out.push_str(\"\\\\u003c\")," ''
more pages_with_messages_are_cached faults::cache::shared_cache \
  src/web/ending.rs 'if visit.is_carrying() {
        keep_from_caches' 'if false {
        keep_from_caches'
more pages_with_messages_are_not_modified faults::cache::shared_cache \
  src/web/ending.rs '"etag",' '"e-tag",'
fault the_decoder_does_not_look faults::inputs::inputs \
  src/wire.rs 'let (id, rest) = rest.split_at_checked(ID_LEN)?;' '#[allow(clippy::indexing_slicing)]
    let (id, rest) = (&rest[..ID_LEN], &rest[ID_LEN..]);'
more keys_have_two_spellings faults::inputs::inputs \
  src/context/mod.rs '(encode(&text) == part).then(|| text.into_owned())' 'Some(text.into_owned())'
more links_name_somebody faults::inputs::inputs \
  src/message/parts.rs '&& url.password().is_none()' ''
fault sentinels_are_asked_once faults::failover::sentinel_failover \
  src/link/dial/mod.rs 'let primary = sentinels.primary().await?;' 'static FIRST: tokio::sync::OnceCell<Client> = tokio::sync::OnceCell::const_new(); let primary = FIRST.get_or_try_init(|| sentinels.primary()).await?;'
more replicas_are_written_to faults::failover::a_primary_that_becomes_a_replica_is_left \
  src/link/fault.rs 'const ELSEWHERE: [&str; 4] = ["READONLY",' 'const ELSEWHERE: [&str; 4] = ["NEVER",'
fault moving_keys_are_given_up faults::failover::cluster_resharding_and_kill \
  src/link/fault.rs 'Again::Soon
    } else' 'Again::Never
    } else'
fault logins_remove_before_they_copy faults::cluster::cluster_login_broken_off \
  src/store/redis/moving.rs 'let carried = moving::carry(line, old, limits).await?;' 'let carried = moving::carry(line, old, limits).await?; scripts::clear(line, old).await?;'
more logins_copy_what_was_shown faults::cluster::what_is_confirmed_while_it_is_carried_is_not_shown_again \
  src/store/redis/moving.rs 'scripts::confirm(line, &shown).await' '{ drop(shown); Ok(()) }'
more one_node_is_swept faults::cluster::a_sweep_goes_over_every_node_of_a_cluster \
  src/store/redis/walk.rs 'cursor != 0 || line.is_cluster()' 'cursor != 0'
more clusters_migrate_as_one_server laws::cluster::every_law_holds \
  src/store/redis/mod.rs 'return moving::migrate(&self.line, app, from, to, open, limits).await;' 'let _ = moving::migrate;'
fault replicas_are_not_counted faults::replicas::what_no_replica_has_is_in_doubt_however_often_it_is_added \
  src/store/redis/mod.rs 'Placed::Here { .. } if !enough' 'Placed::Here { .. } if !enough && limits.replicas > 9'
more waits_outlive_their_callers faults::replicas::nobody_else_waits_for_replicas \
  src/link/replicated.rs 'within.min(LONGEST)' '50 * within.min(LONGEST)'
more dead_connections_stay_in_the_pool faults::replicas::connections_that_wait_are_replaced_when_they_broke \
  src/link/replicated.rs 'drop(pool.retain(|_, _| false));' ''
more every_add_connects faults::replicas::many_queue_and_a_dropped_one_spoils_nothing \
  src/link/replicated.rs 'const CONNECTIONS: usize = 8;' 'const CONNECTIONS: usize = 80;'
fault certificates_are_left_out faults::doors::tls_opens_to_whom_it_knows \
  src/link/dial/tls.rs 'client_tls: client.map(' 'client_tls: client.filter(|_| false).map('
more certificates_are_read_late faults::doors::certificates_that_cannot_be_read_are_refused_at_once \
  src/link/dial/mod.rs 'addresses.tls.check(&infos)?;' 'let _ = addresses.tls.check(&infos);'
more clusters_deny_nothing faults::doors::passwords_open_through_sentinels_and_clusters \
  src/link/fault.rs 'if is_denied(&error) || DENIED.iter().any(|code| tells(told, code)) {' 'if is_denied(&error) && !tells(told, "x") {'
more connections_speak_resp2 faults::doors::every_connection_speaks_resp3 \
  src/link/dial/mod.rs '.set_protocol(ProtocolVersion::RESP3);' '.set_protocol(ProtocolVersion::RESP2);'
fault a_right_is_missing_in_the_docs faults::rights::the_documented_rights_are_enough_and_no_others_are_tried \
  src/docs/deployment.md ' +hget ' ' '
more a_right_is_documented_in_vain faults::rights::health_names_every_right_that_is_lacking \
  src/docs/deployment.md ' +hget ' ' +hget +hvals '
more only_success_is_looked_into faults::rights::a_lacking_right_is_warned_of_once_at_the_start \
  src/salver/call.rs 'if outcome.as_ref().err().is_none_or(Error::is_denied) {' 'if outcome.is_ok() {'
fault idle_pages_ask index::pages::a_page_without_messages_asks_nobody \
  src/web/visit/asking.rs '&& salver.is_quiet(&session, &view)' '&& salver.is_quiet(&session, &view) && view.is_any()'
fault marks_of_any_page_are_overlooked index::pages::what_another_process_adds_is_found \
  src/store/doorbell/index.rs '(view.is_any() || index.is_quiet(now, mark_of(&View::ANY)))' '(view.is_any() || mark_of(&View::ANY) != mark_of(view))'
fault what_falls_due_is_forgotten index::pages::what_falls_due_is_asked_for_when_it_does \
  src/store/redis/mod.rs 'look.answered(claim.found.next);' 'look.answered(None);'
more due_is_asked_for_at_once index::pages::what_falls_due_is_asked_for_when_it_does \
  src/store/doorbell/told.rs 'Tick::of(index.now().saturating_add(next))' 'Tick::of(index.now().saturating_add(next.min(1)))'
fault own_adds_do_not_ring index::pages::what_this_process_does_itself_is_asked_for_at_once \
  src/store/redis/mod.rs 'self.ring(context);
            let (parts, enough)' 'let (parts, enough)'
more own_releases_do_not_ring index::pages::what_this_process_does_itself_is_asked_for_at_once \
  src/store/redis/mod.rs 'self.ring(&held.context);' 'let _ = held;'
more deaf_servers_are_not_told_of index::pages::a_server_that_does_not_tell_is_asked \
  src/store/redis/tracker.rs 'let detail = match error.is_denied() {' 'let detail = match error.is_full() {'
more failed_looks_count_as_answers index::gaps::a_look_that_failed_is_repeated \
  src/store/redis/mod.rs 'let claim = scripts::look(&self.line, contexts, mode, lease, age).await?;' 'let claim = scripts::look(&self.line, contexts, mode, lease, age).await; let Ok(claim) = claim else { if let Some(look) = look { look.answered(None); } return claim; };'
fault silence_is_trusted index::gaps::a_server_that_stays_silent_is_not_trusted \
  src/store/doorbell/index.rs 'const SILENCE: Duration = Duration::from_millis(700);' 'const SILENCE: Duration = Duration::from_secs(70);'
fault gaps_are_not_gone_through index::gaps::what_was_written_in_a_gap_is_found_without_asking_in_it \
  src/store/redis/rounds.rs 'found.iter().for_each(|key| round.seen(key));' 'let _ = found;'
more listening_outlives_the_store index::gaps::nobody_listens_for_a_store_that_is_gone \
  src/store/redis/tracker.rs 'self.task.abort();' ''
fault the_hint_is_not_left index::hint::a_redirect_to_another_process_shows_the_visitors_own_message \
  src/web/visit/visitor.rs 'self.hint.replace(hand.hint().map(Box::new));' 'let _ = hand.hint();'
more the_hint_is_not_read index::hint::a_redirect_to_another_process_shows_the_visitors_own_message \
  src/web/cookies.rs 'self.hint = true;' 'self.hint = false;'
more pages_given_back_leave_no_hint index::hint::a_login_and_a_page_given_back_leave_the_hint \
  src/web/ending.rs 'visit.visitor.leave_hint(response.request());' ''
fault rings_are_for_everybody index::watch::a_watch_rings_for_its_context_and_no_other \
  src/store/doorbell/watch.rs 'self.waiting().get(&mark).into_iter().flatten()' 'self.waiting().values().flatten().filter(|_| mark == mark)'
more rings_are_lost index::watch::rings_are_kept_and_become_one \
  src/store/doorbell/watch.rs 'self.waiting.notify_one();' 'self.has_rung.store(false, Ordering::Release);'
more replicas_are_trusted index::gaps::a_primary_that_became_a_replica_is_not_trusted \
  src/link/listening.rs 'role.contains("role:master")' 'role.contains("role:")'
more losses_ring_twice index::watch::a_watch_that_nobody_tells_rings_by_itself \
  src/store/doorbell/index.rs 'if index.lose(losing) {' 'if index.lose(losing) || index.now() > 0 {'
more gaps_do_not_ring index::watch::what_changed_in_a_gap_rings_after_it \
  src/store/doorbell/told.rs 'if !self.is_repeated() {' 'if self.is_repeated() {'
more empty_hands_leave_the_hint index::hint::a_page_that_had_nothing_leaves_no_hint \
  src/web/visit/asking.rs 'if hold.is_empty() {' 'if hold.is_empty() && self.touched.get() {'
more flushes_are_not_heard index::watch::a_flush_rings_every_watch \
  src/store/redis/tracker.rs 'fn all_changed(&self) {
        self.bell.lose();' 'fn all_changed(&self) {'
more untold_watches_wait_for_ever index::watch::a_watch_that_nobody_tells_rings_by_itself \
  src/store/doorbell/watch.rs 'const BLIND: Duration = Duration::from_secs(1);' 'const BLIND: Duration = Duration::from_secs(100);'
more rounds_keep_everything store::doorbell::tests::what_a_round_neither_sees_nor_hears_goes \
  src/store/doorbell/marks.rs 'self.retain(|value| value & GENERATION == present);' 'self.retain(|value| value & GENERATION <= present.max(GENERATION));'
more rounds_forget_what_rings store::doorbell::tests::what_a_round_neither_sees_nor_hears_goes \
  src/store/doorbell/marks.rs '*value = tick(Some(Tick(*value & !GENERATION))).0 | generation;' '*value = tick(Some(Tick(*value & !GENERATION))).0 | *value & GENERATION;'
more rounds_ask_for_all_again store::doorbell::tests::what_is_known_of_a_key_survives_a_round_and_no_loss \
  src/store/doorbell/told.rs 'self.state & COMPLETE != 0' 'self.state & COMPLETE > 1'
more answers_overrule_rings store::doorbell::tests::what_is_asked_for_during_a_round_stays_asked_for \
  src/store/doorbell/marks.rs '.is_some_and(|value| value & !GENERATION == Tick::ASKED.0)' '.is_some_and(|value| value & !GENERATION <= Tick::ASKED.0)'
more broken_rounds_count store::doorbell::tests::a_round_during_which_all_was_lost_tells_nothing \
  src/store/doorbell/told.rs 'if known.is_err() {
            return;
        }' 'if known.is_err() {
            state.fetch_or(COMPLETE, Ordering::AcqRel);
        }'
fault what_has_no_room_is_forgotten store::doorbell::tests::more_marks_than_there_is_room_for_have_every_page_ask_until_they_are_fewer \
  src/store/doorbell/index.rs 'if let Err(Overflow) = marked {' 'if let Err(Overflow) = marked && index.marks.are_many() && self.is_crowded() {'
more room_is_wanted_late store::doorbell::tests::marks_want_room_when_half_of_what_a_round_left_is_taken \
  src/store/doorbell/marks.rs 'left + room.div_ceil(2)' 'self.most / 2'
more watchers_keep_marks store::doorbell::tests::who_only_watches_keeps_no_marks \
  src/store/doorbell/marks.rs 'if !self.are_kept() {' 'if self.most == 0 {'
more losses_go_on_behind_a_round store::doorbell::tests::a_round_that_begins_while_all_is_lost_forgets_nothing \
  src/store/doorbell/told.rs 'let _losing = index.losing();' ''
more rounds_begin_for_losses_before_them store::redis::rounds::tests::one_every_ten_minutes \
  src/store/doorbell/told.rs 'index.lost.notified().now_or_never();' 'let _ = index.lost.notified().map(|()| ());'
more losses_wait_for_their_round store::redis::rounds::tests::a_loss_begins_one_at_once_and_one_a_second_at_most \
  src/store/doorbell/told.rs 'index.lost.notify_one();' ''
more marks_wait_for_room store::redis::rounds::tests::marks_that_want_room_begin_one_early \
  src/store/redis/rounds.rs ' || waited >= early && self.bell.wants_room()' ''
more rounds_without_room_are_as_frequent store::redis::rounds::tests::without_room_they_are_rarer_and_rarer \
  src/store/redis/rounds.rs 'early = (early * 2).min(self.rhythm.every);' ''
more rounds_take_the_server store::redis::rounds::tests::pages_have_a_share_of_the_server \
  src/store/redis/rounds.rs 'if owed >= SHORTEST {' 'if owed >= SHORTEST * 1000 {'
more short_rests_are_taken_one_by_one store::redis::rounds::tests::pages_have_a_share_of_the_server \
  src/store/redis/rounds.rs 'owed = owed.saturating_sub(slept(owed).await);' 'owed = slept(owed).await;'
more nobodys_trackers_stay index::watch::names_from_outside_do_not_pile_up \
  src/store/redis/mod.rs 'trackers.retain(|_, tracker| tracker.is_needed());' ''
more trackers_end_too_early index::watch::names_from_outside_do_not_pile_up \
  src/store/redis/tracker.rs 'Arc::strong_count(&self.bell) > 2' 'Arc::strong_count(&self.bell) > 9'
more only_refusals_are_told index::pages::health_says_why_pages_ask \
  src/store/redis/tracker.rs 'let error = lock(&self.trouble).clone()?;' 'let error = lock(&self.trouble).clone().filter(is_refusal)?;'
more trackers_live_with_their_caller index::life::the_end_of_any_runtime_breaks_nothing \
  src/store/redis/tracker.rs 'home::spawn(keeper.run())?' 'Ok::<_, Error>(tokio::spawn(keeper.run())).or_else(|_: Error| home::spawn(std::future::ready(())))?'
more closed_connections_are_told_to_go_on index::watch::a_watch_that_nobody_tells_rings_by_itself \
  src/store/redis/rounds.rs '        loop {
            // One' '        while round.goes_on() {
            // One'
more replaced_primaries_are_listened_to faults::failover::a_primary_that_was_replaced_unheard_is_not_listened_to \
  src/link/dial/primary.rs 'others.len() >= this.len()' 'this.len() > 99'
more primaries_are_left_in_vain faults::failover::a_primary_that_was_replaced_unheard_is_not_listened_to \
  src/link/dial/primary.rs '!others.is_empty() && ' ''
more rounds_in_vain_go_on store::redis::rounds::tests::one_that_is_in_vain_ends \
  src/store/doorbell/told.rs 'state == self.state && ' 'state >= self.state && '
fault workers_take_their_confirms_along web::ends::a_worker_that_ends_leaves_its_confirms_to_another_thread \
  src/settle/near.rs 'self.worker.home.take(job);' 'drop(job);'
more workers_at_rest_keep_their_confirms web::ends::closing_does_not_wait_for_a_worker_that_stands_still \
  src/settle/near.rs 'pub(super) async fn drain(&self) {
        self.go_home();' 'pub(super) async fn drain(&self) {'
fault visitors_are_taken_for_each_other web::sessions::visitors_who_come_in_turns_are_never_taken_for_each_other \
  src/web/lately.rs 'differs | (word(one) ^ word(other))' 'differs & (word(one) ^ word(other))'
more workers_are_not_minded web::ends::a_worker_that_stands_still_keeps_no_confirm_for_long \
  src/settle/near.rs 'if now.is_some() && now == before {' 'if now.is_some() && before.is_none() && now == before {'
fault messages_are_encoded_twice counts::instructions_are_as_many_as_are_kept \
  src/wire.rs 'let member = serde_json::to_vec(message)' 'let _ = serde_json::to_vec(message);
    let member = serde_json::to_vec(message)'
more late_replies_calm link::waiting::tests::replies_that_all_come_late_are_another_requests \
  src/link/waiting.rs 'if !late && !patience.many {' 'if !patience.many {'
more one_server_is_heard_for_all link::waiting::tests::of_several_servers_one_may_be_silent \
  src/link/waiting.rs '!patience.many && self.heard' 'self.heard'
fault streams_do_not_hear live::stream::a_message_comes_to_an_open_page_and_goes_when_it_says_so \
  src/web/live/stream.rs 'Either::Right((Ok(()), _)) => Woken::Look,' 'Either::Right((Ok(()), _)) => Woken::Beat,'
fault frames_are_shown_when_they_are_sent live::stream::what_a_page_does_not_confirm_comes_again_as_the_same \
  src/web/live/stream.rs 'self.given.keep(begun + salver.policy().lease, hold);' 'hold.confirm();'
more nobody_is_cut_off live::stream::a_page_that_confirms_nothing_is_cut_off_and_catches_up \
  src/web/live/stream.rs 'self.again + 1 >= MOST_TIMES' 'self.again == MOST_TIMES + 100'
fault streams_keep_what_they_gave live::stream::a_stream_that_ends_gives_back_what_was_not_confirmed \
  src/web/live/given.rs 'hold.give_back_after(GRACE)' 'hold.leave()'
more streams_give_back_too_soon live::stream::a_stream_that_ends_gives_back_what_was_not_confirmed \
  src/web/live/given.rs 'hold.give_back_after(GRACE)' 'drop(hold)'
fault nothing_falls_due_on_a_stream live::stream::what_falls_due_comes_by_itself \
  src/web/live/stream.rs 'self.look = Instant::now() + next;' 'self.look = Instant::now() + NEVER.max(next);'
more what_cannot_be_shown_stays live::stream::what_cannot_be_shown_is_told_or_goes \
  src/web/live/stream.rs 'hold.confirm_what_cannot_be_shown();' 'let _ = &mut hold;'
fault other_sites_are_believed live::strangers::another_site_reads_nothing_and_takes_nothing \
  src/web/origin.rs 'return Some(site == "same-origin");' 'return Some(site != "none");'
more origins_are_not_looked_at live::strangers::another_site_reads_nothing_and_takes_nothing \
  src/web/origin.rs 'Some(host == Some(request.connection_info().host()))' 'Some(host.is_some())'
fault ended_sessions_stream_on live::strangers::a_session_that_ends_ends_its_streams \
  src/web/visit/visitor.rs 'self.site.salver.reset_streams(&ended);' 'let _ = ended;'
more other_sessions_stream_on live::strangers::a_session_of_the_sites_own_ends_when_it_says_so \
  src/web/live/mod.rs 'STREAMS.reset(self.name(), session);' 'STREAMS.reset("", session);'
more stalled_readers_are_kept live::deaf::a_reader_that_takes_nothing_is_given_no_more_and_is_cut_off \
  src/web/live/stream.rs 'now > self.beat + STALLED || ' ''
more streams_that_end_keep_their_place live::crowd::pages_that_come_and_go_leave_nothing \
  src/web/live/streams.rs 'here.get_mut().retain(|end| !Arc::ptr_eq(end, &self.end));' ''
more there_is_no_room_for_many live::crowd::ten_thousand_open_pages \
  src/web/live/streams.rs 'const MAX_STREAMS: usize = 25_000;' 'const MAX_STREAMS: usize = 9_000;'
fault tabs_do_not_ask_who_is_looked_at live::pages::one_of_many_tabs_shows_each \
  src/web/live/salver.js 'document.hidden ? this.looked : []' '[]'
fault what_was_shown_stays_on_the_page live::pages::pages_that_come_back_show_nothing_twice_and_listen \
  src/web/live/salver.js 'for (const item of this.items()) item.remove();' ''
more pages_that_come_back_are_deaf live::pages::pages_that_come_back_show_nothing_twice_and_listen \
  src/web/live/salver.js 'persisted && this.listen()' 'persisted'
more errors_close_by_themselves live::looks::messages_close_by_themselves_when_nobody_needs_them \
  src/web/live/salver.js 'if (time && level !== "error")' 'if (time)'
more buttons_have_no_name live::looks::toasts_look_right_and_are_accessible \
  src/web/live/salver.js 'close.setAttribute("aria-label"' 'close.setAttribute("data-label"'
more the_keyboard_closes_nothing live::looks::toasts_are_used_by_the_keyboard_alone \
  src/web/live/salver.js 'event.key !== "Escape"' 'event.key !== "Delete"'
fault steps_are_new_each_time hands::jobs::a_job_that_is_run_again_leaves_nothing_twice \
  src/message/id.rs 'Sha256::digest(digest)' 'Sha256::digest([&digest[..], Uuid::now_v7().as_bytes()].concat())'
fault parts_are_pages hands::parts::htmx_takes_messages_in_with_its_parts \
  src/web/part.rs 'is_taken_in).then_some(Self::Htmx)' 'is_taken_in).then_some(Self::Stream)'
more parts_bring_nothing_of_their_own web::parts::a_part_carries_what_its_own_handler_adds \
  src/web/visit/asking.rs 'filter(|_| self.added_here.get())' 'filter(|_| false)'
more errors_are_taken_in hands::parts::htmx_takes_messages_in_with_its_parts \
  src/web/part.rs 'leaves() || ' 'leaves() && '
more turbo_keeps_what_was_read hands::parts::turbo_takes_messages_in_with_streams_frames_and_pages \
  src/render/fragment.rs ' data-turbo-temporary' ''
more frames_are_not_looked_for hands::parts::turbo_takes_messages_in_with_streams_frames_and_pages \
  src/web/part.rs 'Self::Frame(id) => Wanted::Frame(id.clone()),' 'Self::Frame(_) => Wanted::Slot,'
more what_is_put_in_is_not_adopted hands::parts::htmx_takes_messages_in_with_its_parts \
  src/web/live/salver.js 'if (!list.matches?.("ul.salver-messages")) continue;' 'list.remove?.(); continue;'
fault claims_are_shown_when_they_are_answered hands::api::what_is_claimed_is_hidden_until_it_is_confirmed_or_the_lease_has_ended \
  src/web/visit/mod.rs 'self.say(Word::LeaveToPage);' ''
more strangers_ask_as_json hands::api::what_is_wrong_is_told_and_nothing_is_changed \
  src/web/api/mod.rs 'if origin::is_foreign(request) {' 'if false && origin::is_foreign(request) {'
more anybody_leaves_messages hands::api::a_page_leaves_messages_for_its_own_visitor_where_the_site_allows_it \
  src/web/api/mod.rs 'if takes_messages {' 'if takes_messages || path.len() > 1 {'
more the_document_forgets hands::api::schemathesis_finds_nothing \
  src/web/api/openapi.json '"properties": { "count": { "type": "integer", "minimum": 0 } }' '"properties": { "count": { "type": "string" } }'
more other_languages_spell_otherwise hands::tongues::all_read_the_same_vectors \
  tests/fixtures/wire_v1.json '"key": "iconfinder:{u7Jx0}:orders%2F%7Bid%7D"' '"key": "iconfinder:{u7Jx0}:orders%2f%7bid%7d"'
more other_languages_do_not_follow hands::tongues::what_is_written_in_another_language_is_read_and_the_other_way_round \
  examples/node/salver.mjs 'decodeURIComponent(rest), context.view' 'context.session, context.view'
fault the_tool_takes_what_it_reads hands::cli::what_is_there_is_told \
  src/bin/salver/peek.rs 'salver.peek(&context)' 'salver.take(&context)'
more forms_are_not_looked_at hands::cli::a_form_that_is_too_large_is_hinted_at \
  src/store/redis/survey.lua "form == 'skiplist' and 1 or 0" '0'
more sweeps_show_nothing hands::cli::a_sweep_shows_how_far_it_is \
  src/bin/salver/sweep.rs 'ProgressBar::new(0)' 'ProgressBar::hidden()'
more surveys_miss_what_is_large hands::cli::what_is_there_is_told \
  src/store/survey.rs 'self.bytes += other.bytes;' ''
more dead_servers_are_taken_for_wrong_ones hands::cli::what_a_server_is_not_is_told \
  src/bin/salver/args.rs 'first.is_some_and(|first| !' 'first.is_none_or(|first| !'
more the_tool_says_it_again hands::cli::what_comes_is_followed \
  src/bin/salver/watch.rs 'said.push_back(message.id());' ''
fault nobody_translates hands::translation::a_page_is_in_the_visitors_language \
  src/web/visit/asking.rs 'self.tongue(request).translate_all(&found.messages).into()' 'found.messages.as_slice().into()'
more streams_speak_one_language hands::translation::streams_and_json_are_in_the_visitors_language \
  src/web/live/stream.rs 'let tongue = visit.tongue(request).clone();' 'let tongue = Tongue::default();'
more translations_are_not_checked hands::translation::a_page_is_in_the_visitors_language \
  src/web/translation.rs 'if let Err(error) = translated.check() {' 'if let Err(error) = message.check() {'
more parts_take_what_others_hold web::parts::a_part_that_only_counts_shows_nothing \
  src/web/ending.rs 'let is_others = part.is_some() && visit.is_holding();' 'let is_others = false;'
more carriers_make_new_ids hands::outbox::what_is_rolled_back_is_never_told_and_what_is_committed_once \
  examples/outbox.rs 'salver.add(&context, message)' 'salver.add(&context, message.with_id(salver::MessageId::new()))'
fault nothing_is_remembered live::pages::what_comes_meanwhile_comes_after \
  src/web/live/salver.js 'if (all.includes(id)) return false;' ''
fault pages_have_no_word live::pages::a_page_that_is_thrown_away_loses_nothing \
  src/web/ending.rs 'true => hold.left_to_page(),' 'true => hold,'
exit $green
