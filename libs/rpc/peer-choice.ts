/** How long one that failed is left alone before it is asked for a sign of life, doubled each time, in milliseconds. */
const leftAloneMs = { first: 500, most: 10_000 };

/** Which of several peers, named by their URLs, the next call goes to. */
export interface PeerChoice {
  /**
   * All of them, the one to try first in front: those that answer, the one with the fewest calls under way first and
   * among equals the one whose last call is the oldest; then those that are away, as a last resort, the one that failed the longest ago first.
   */
  order(urls: readonly string[]): readonly string[];
  /** Counts a call there as under way, until the function that it answers is called. */
  begin(url: string): () => void;
  markAway(url: string): void;
  isAway(url: string): boolean;
  /** It answered: a call, or only a sign of life, after which its next failure counts as one more. Says whether it was away until now. */
  markBack(url: string, by: "call" | "ping"): boolean;
  /** Those that are to be asked for a sign of life now. Each is named once, until one of the marks above says how that went. */
  takeDue(): readonly string[];
}

interface Peer {
  callCount: number;
  /** The number of its last call among the calls of all; 0: none yet. */
  lastCall: number;
  /** How long it was left alone last; 0: a call has succeeded since. */
  pauseMs: number;
  away: { failedAt: number; askAt: number } | null;
}

/** Begins with all of them taken for healthy. `now` is in milliseconds and never goes back. */
export function createPeerChoice(now: () => number): PeerChoice {
  const peers = new Map<string, Peer>();
  let calls = 0;

  const peerOf = (url: string): Peer => {
    const peer = peers.get(url) ?? { callCount: 0, lastCall: 0, pauseMs: 0, away: null };
    peers.set(url, peer);
    return peer;
  };
  const byTurn = (a: string, b: string): number => {
    const [one, other] = [peerOf(a), peerOf(b)];
    const failedLater = (one.away?.failedAt ?? -1) - (other.away?.failedAt ?? -1);
    return failedLater || one.callCount - other.callCount || one.lastCall - other.lastCall;
  };

  return {
    order(urls) {
      for (const url of peers.keys()) if (!urls.includes(url)) peers.delete(url);
      return [...urls].sort(byTurn);
    },
    begin(url) {
      const peer = peerOf(url);
      calls += 1;
      peer.callCount += 1;
      peer.lastCall = calls;
      return () => {
        peer.callCount -= 1;
      };
    },
    markAway(url) {
      const peer = peerOf(url);
      const { away } = peer;
      // Calls that fail together are one failure; only one that fails again later is left alone for longer.
      const isKnown = away !== null && away.askAt !== Number.POSITIVE_INFINITY && away.askAt > now();
      if (isKnown) {
        away.failedAt = now();
        return;
      }
      peer.pauseMs = Math.min(leftAloneMs.most, Math.max(leftAloneMs.first, 2 * peer.pauseMs));
      peer.away = { failedAt: now(), askAt: now() + peer.pauseMs };
    },
    isAway: (url) => peerOf(url).away !== null,
    markBack(url, by) {
      const peer = peerOf(url);
      const wasAway = peer.away !== null;
      // Who stands before a dead peer may answer pings for it.
      if (by === "call") peer.pauseMs = 0;
      peer.away = null;
      return wasAway;
    },
    takeDue() {
      const due = [...peers].filter(([, { away }]) => away !== null && away.askAt <= now());
      for (const [, { away }] of due) if (away !== null) away.askAt = Number.POSITIVE_INFINITY;
      return due.map(([url]) => url);
    },
  };
}
