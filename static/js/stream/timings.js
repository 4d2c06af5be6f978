// All intervals in milliseconds. Tests override them: localStorage "livequeue.stream" = '{"hello": 500}'.

export const TIMINGS = {
  hello: 4000, // no HELLO by then: the stream is mute
  silence: 2.5, // ... or no byte for so many heartbeat intervals
  drain: 1000, // after a sleep, queued events may arrive this long before silence is judged
  grace: 1000, // a reopening may take this long before the page says offline
  lateTimer: 2000, // a timer later than this means the page slept
  wait: 25000,
  shortestWait: 2000,
  quick: 3000, // a long-poll that fails sooner was refused, not cut
  quickFailures: 3,
  pollEvery: 5000,
  answerWithin: 10000,
  probes: [60000, 300000, 900000],
  probeHeartbeat: 2,
  backoff: 1000,
  shortOutage: 60000, // so long after the start of an outage, tries are at most `shortBackoff` apart
  shortBackoff: 3000,
  longBackoff: 30000,
  denied: 60000,
  longLived: 240000, // a stream that lived so long was ended by the server, not cut
};

export function timings() {
  try {
    return { ...TIMINGS, ...JSON.parse(localStorage.getItem("livequeue.stream") ?? "{}") };
  } catch { // no storage, or nonsense in it
    return { ...TIMINGS };
  }
}
