// Package metrics shows the sessions of a server to Prometheus. It is a module of its
// own, so that a program without Prometheus does not get its client.
//
//	prometheus.MustRegister(metrics.New(sessions, tokenHealth))
//
// What happens here is counted as it happens:
//
//	sessionring_verifications_total{tag,state}   access tokens that were accepted; state is current or previous
//	sessionring_refusals_total{reason}           access tokens that were not: a word of session.Reason
//	sessionring_sign_ins_total                   sessions that began
//	sessionring_refreshes_total{cause}           refreshes that went well: same, extend, choose, sibling, adopt, or stateless
//	sessionring_refresh_refusals_total{reason}   refreshes that did not
//	sessionring_token_reuses_total{cause}        refresh tokens that cannot have come from their owner: reused or forged
//	sessionring_revocations_total{cause}         sessions that ended before their time, and why
//	sessionring_key_events_total{event}          events of session.Hooks.Key, such as key_activated or sole_key_token
//	sessionring_health_verdicts_total{status}    answers of the token-health handler
//	sessionring_tag_last_used_timestamp_seconds{tag}  when a token of that tag was last accepted here
//
// The rest is of the last sample, which session.Manager.Run makes once a minute; without
// Run there is none of it. A scrape asks the store nothing. Live sessions are counted by
// one instance for all, once a minute, so a number is up to two minutes old; what the
// store could not tell is left out:
//
//	sessionring_sample_timestamp_seconds                  when the sample was made
//	sessionring_keyring_reloads_total{result}             how reading the keys went: ok or failed
//	sessionring_key_info{kid,tag,algorithm,state}         1 for each key
//	sessionring_key_made_timestamp_seconds{kid,tag}       its age is time() minus this; absent if unknown
//	sessionring_key_retires_timestamp_seconds{kid,tag}    absent if it has no end
//	sessionring_key_last_needed_timestamp_seconds{kid,tag}   when a token was last seen that only it vouches for
//	sessionring_key_droppable_timestamp_seconds{kid,tag}  from when it may go; absent if unknown
//	sessionring_key_sole_sessions{kid,tag}                live sessions that would be lost without it
//	sessionring_live_sessions{tag}                        live sessions, by the newest key that vouches for them
//	sessionring_instances                                 live instances
//	sessionring_rings                                     different sets of keys among them
//	sessionring_alert_active{alert}                       1 while a session.Alert of that name is in force, else 0
//
// Live sessions, instances and what needs a key are facts about the whole fleet, which
// every instance tells alike: take the max over them, not the sum.
//
// Labels are bounded. A tag that is not among the first 32 of the keys held here, like
// everything else that is not of a closed list, is counted as "other". A token that no
// key vouches for adds to refusals, and nothing of it becomes a label. No label and no
// value holds a secret, a token, a subject or the id of a session.
//
// To tell two Managers of one program apart, register each with
// prometheus.WrapRegistererWith.
//
// The folder has alert rules (rules.yaml) and a dashboard for Grafana (grafana.json),
// which are tested with what this package really shows.
package metrics
