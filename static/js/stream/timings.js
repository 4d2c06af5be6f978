// All intervals in milliseconds. Tests override them: localStorage "livequeue.stream" = '{"hello": 500}'.

export const TIMINGS = {
  // Server-sent events
  hello: 4000, // no HELLO by then: the stream is mute
  second: 4000, // ... or nothing after it: the server sends something about a second later
  snapshot: 1500, // no HELLO by then: ask once for what there is meanwhile
  silence: 2.5, // no byte for so many heartbeat intervals: the connection is dead
  fresh: 5000, // a connection that carried a byte so recently is not doubted when a page wakes
  drain: 1000, // after a sleep, queued events may arrive this long before silence is judged
  late: 2000, // a timer later than this means the page slept
  longLived: 240000, // a stream that lived so long was ended by the server, not cut

  // Polls
  wait: 25000,
  shortestWait: 2000,
  quick: 3000, // a long-poll that fails sooner was refused, not cut
  quickFailures: 3,
  pollEvery: 5000,
  answerWithin: 5000, // beyond its wait
  bodyWithin: 20000, // after it began

  // Up again
  probes: [60000, 300000, 900000],

  // What a page reads beside its stream
  reply: 20000, // an answer that has not begun by then will not come

  // Outages
  grace: 2500, // a reopening may take this long before the page says offline
  backoff: 1000,
  shortOutage: 60000, // so long after the start of an outage, tries are at most `shortBackoff` apart
  shortBackoff: 3000,
  longBackoff: 30000,
  longestAsked: 300000, // of a server's Retry-After
  refused: 60000,

  // Sharing one stream among tabs
  share: "worker", // ... "locks", "alone": what to begin with
  join: 4000, // no welcome by then: another way is tried
  doubt: 2000, // offline so long: can the page reach the server where the worker cannot?
  ping: 700, // two without an answer: whoever held the stream is gone
};

export function timings() {
  try {
    return { ...TIMINGS, ...JSON.parse(localStorage.getItem("livequeue.stream") ?? "{}") };
  } catch { // no storage, or nonsense in it
    return { ...TIMINGS };
  }
}
