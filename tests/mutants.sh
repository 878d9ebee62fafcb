#!/usr/bin/env bash
# Plants faults in a copy of the source, one at a time, and wants the named test red.
#
# For what no faulty store can show: who claims, what counts as shown, how a page is filled. Prints
# `TWIN <fault> <test> red`; a fault that stays green fails. `tests/mutants.sh <fault>` plants one.
set -euo pipefail
cd "$(dirname "$0")/.."
only=${1:-}
copy=target/twins
export CARGO_TARGET_DIR="$PWD/$copy/target" RUST_BACKTRACE=0

# The dependencies are built already; the crate itself must not be taken for built, since cargo would take a
# twin's for ours or ours for a twin's.
rm -rf "$copy"
mkdir -p "$CARGO_TARGET_DIR/debug"
cp -a target/debug/.fingerprint target/debug/build target/debug/deps "$CARGO_TARGET_DIR/debug/"
cp -a target/npm target/venv "$CARGO_TARGET_DIR/"
for name in salver it hello job dashboard askama minijinja testing custom_store; do
  rm -rf "$CARGO_TARGET_DIR"/debug/.fingerprint/"$name"-* "$CARGO_TARGET_DIR"/debug/deps/{,lib}"$name"-*
done
log="$PWD/target/twins.log"
green=0

# fault <name> <test> <file> <what stands there> <what is planted>
fault() {
  local name=$1 test=$2 file=$3 old=$4 new=$5
  [ -z "$only" ] || [ "$only" = "$name" ] || return 0
  rm -rf "$copy"/{src,tests,examples}
  cp -r Cargo.toml Cargo.lock README.md src tests examples "$copy"
  OLD=$old NEW=$new perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/ or die "nothing to plant in: $ENV{OLD}\n"' "$copy/$file"
  if ! (cd "$copy" && cargo build --locked --quiet --tests --examples 2>"$log"); then
    echo "TWIN $name $test DOES NOT BUILD"; cat "$log"; green=1; return
  fi
  local word=red
  if (cd "$copy" && cargo test --locked --quiet --test it -- --exact "$test" >"$log" 2>&1); then
    word=GREEN green=1
  elif ! grep -q 'FAILED\|panicked' "$log"; then
    word="DID NOT RUN"; green=1; cat "$log"
  fi
  echo "TWIN $name $test $word"
}

fault shown_on_any_status pages::a_page_that_breaks_loses_nothing \
  src/web/middleware.rs 'None if counts && visit.is_rendered()' 'None if visit.is_rendered() || counts'
fault prefetch_counts pages::head_and_a_real_prefetch_consume_nothing \
  src/web/eligibility.rs '!AHEAD.iter().any(ahead)' '(AHEAD.len() == 4 || AHEAD.iter().any(ahead))'
fault views_are_ignored pages::five_redirects_lose_nothing \
  src/web/visit.rs 'let view = self.view(request).unwrap_or(View::ANY);' 'let view = View::ANY;'
fault claim_is_not_confirmed web::cost::a_page_with_messages_claims_once_and_confirms_once \
  src/web/body.rs 'hold.confirm();' 'drop(hold);'
fault parts_of_a_body_confirm web::eligibility::a_body_counts_when_all_of_it_was_taken \
  src/web/body.rs '*this.hold = None;
                    *this.left = None;' 'confirm(this.hold);'
fault names_of_cookies_are_decoded web::sessions::a_cookie_that_only_decodes_to_the_name_is_not_taken \
  src/web/session.rs 'request.cookie_raw(' 'request.cookie('
fault lost_replies_are_denied handle::an_add_whose_reply_was_lost_is_in_doubt_not_denied \
  src/link/line.rs 'Effect::Reads => error,' 'Effect::Reads | Effect::Writes => error,'
fault everybody_claims web::slot::a_claim_is_shared_by_everybody_who_asks \
  src/web/visit.rs 'self.shown.get_or_init(|| self.claim(request)).await.clone()' 'self.claim(request).await'
fault lost_claims_stay web::eligibility::a_client_that_goes_away_during_the_handler_loses_nothing \
  src/salver/hold.rs 'drop(self.salver.shared.settle.hand_over(End::Release(claim)));' 'drop(claim);'
fault caches_keep_messages web::eligibility::caches_keep_nothing_that_carried_messages \
  src/web/middleware.rs 'headers.remove(header::ETAG);' ''
fault idle_pages_are_marked web::cost::a_page_without_messages_is_left_as_it_is \
  src/web/middleware.rs 'if visit.is_carrying() {
        keep_from_caches' 'if visit.is_rendered() {
        keep_from_caches'
fault strangers_are_asked_for web::cost::a_visitor_without_a_session_costs_no_call \
  src/web/visit.rs 'let Some(session) = self.session(request) else {' 'let Ok(session) = self.known_or_new(&self.hand(request)) else {'
fault text_is_not_escaped web::slot::everything_in_the_fragment_is_escaped \
  src/render/fragment.rs "'<' => f.write_str(\"&lt;\")?," "'<' => f.write_str(\"<\")?,"
fault comments_are_read web::slot::the_first_empty_element_is_filled_and_no_other \
  src/web/slot.rs 'return Tag::Opens(COMMENT.len() - 2, b"-->");' 'return Tag::Other(1);'
fault pieces_are_not_kept web::slot::a_page_in_pieces_is_filled_wherever_it_is_cut \
  src/web/slot.rs 'Tag::Cut => return Step::Undecided(at),' 'Tag::Cut => return Step::Undecided(page.len()),'
fault the_token_is_the_id web::sessions::a_session_id_is_derived_as_ever \
  src/web/token.rs '["salver1", "\0", app, "\0", &self.0]' '["salver1", &self.0]'
fault old_cookies_write_into_new_sessions web::sessions::renew_carries_messages_to_a_new_id \
  src/salver/mod.rs 'self.add_within(context, &[message], 1).await' 'self.add_within(context, &[message], HOPS).await'
fault pages_wait_for_ever web::trouble::a_slow_store_costs_a_page_its_budget_and_no_message \
  src/web/visit.rs 'salver.hold(context.looked_into(), budget).await' 'salver.hold(context.looked_into(), budget * 20).await'
fault views_are_resource_names web::views::all_methods_of_a_path_are_one_view \
  src/web/view.rs 'Kind::Route => without_slash(&request.match_pattern()?),' 'Kind::Route => request.match_name()?.to_owned(),'
fault scripts_forget_the_tag foreign::what_python_writes_is_shown \
  src/store/redis/add.lua "if tag then
      if last_with" "if false then
      if last_with"
fault scripts_claim_without_a_lease laws::under_load::nobody_loses_or_shares_a_message \
  src/store/redis/look.lua "if mode == 'claim' then" "if mode == 'never' then"
fault every_scope_connects web::trouble::a_site_has_one_connection_for_each_worker_and_one_more \
  src/store/redis/mod.rs 'if let Some(worker) = workers.get(&thread).and_then(Weak::upgrade) {' 'if let Some(worker) = None::<Arc<Self>> {'
fault every_page_asks web::trouble::a_store_in_trouble_is_not_asked_by_every_page \
  src/salver/breaker.rs 'if state.failures < FAILURES {' 'if state.failures < u32::MAX {'
fault dropped_probes_lock_the_breaker web::trouble::a_probe_that_is_dropped_lets_the_next_one_try \
  src/salver/breaker.rs 'self.breaker.state().probing = false;' ''
fault memory_displaces_the_newest faults::model::memory_redis_and_the_model_say_the_same \
  src/store/memory/shelf.rs 'self.slots.drain(..over.min(staying));' 'self.slots.truncate(staying - over.min(staying));'
fault only_what_fits_is_compared faults::model::memory_redis_and_the_model_say_the_same \
  src/store/redis/add.lua "redis.call('ZRANGE', context, -1000, -1)" "redis.call('ZRANGE', context, -cap, -1)"
fault a_release_makes_young_again faults::model::memory_redis_and_the_model_say_the_same \
  src/store/redis/release.lua 'math.min(written(member) or now, now)' 'now'
fault a_move_forgets_what_was_displaced faults::model::memory_redis_and_the_model_say_the_same \
  src/store/redis/migrate.lua "redis.call('HINCRBY', new, view, displaced)" "redis.call('HINCRBY', new, view, 0)"
exit $green
