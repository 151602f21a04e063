import { constants, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Logger } from "#telemetry/logger.ts";

/** A session that leaves a ping unanswered for one interval is destroyed. */
const pingIntervalMs = 10_000;

export interface Sessions {
  /** Takes no new streams and lets those under way end. */
  readonly closeGently: () => void;
  /**
   * While closing: ends the streams whose answer was complete at the last sweep though their client goes on sending
   * (RFC 9113, 8.1). The sweep between gives trailers the time to leave.
   */
  readonly sweep: () => void;
  readonly end: () => void;
}

/** Pings the sessions of a server and destroys the silent ones, so that handlers of dead clients end. */
export function keepSessions(
  server: Http2Server,
  options: { windowBytes: number; logger: Logger; intervalMs?: number },
): Sessions {
  const unanswered = new Map<ServerHttp2Session, boolean>();
  const streams = new Set<ServerHttp2Stream>();
  let answered: readonly ServerHttp2Stream[] = [];
  server.on("session", (session) => {
    unanswered.set(session, false);
    session.setLocalWindowSize(options.windowBytes);
    session.once("close", () => unanswered.delete(session));
    session.on("error", (error) => options.logger.debug({ err: error }, "session failed"));
  });
  server.on("stream", (stream) => {
    streams.add(stream);
    stream.once("close", () => streams.delete(stream));
  });
  const beat = () => {
    for (const [session, isSilent] of unanswered) {
      if (session.destroyed || session.closed) continue;
      if (isSilent) {
        options.logger.warn({ peer: session.socket.remoteAddress }, "silent session destroyed");
        session.destroy();
        continue;
      }
      unanswered.set(session, true);
      session.ping((error) => error === null && unanswered.set(session, false));
    }
  };
  const timer = setInterval(beat, options.intervalMs ?? pingIntervalMs).unref();
  return {
    closeGently() {
      for (const session of unanswered.keys()) session.close();
    },
    sweep() {
      for (const stream of answered) if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
      answered = [...streams].filter((stream) => stream.writableFinished);
    },
    end: () => clearInterval(timer),
  };
}
