import type { Direction } from "./tcp-proxy.ts";

/**
 * A fault of one connection. `request`: the connection is cut before what matches is passed on, so the server never sees
 * it. `reply`: it is passed on, and the connection is cut when `replyEnd` comes back, which the client never sees: the
 * server has done it, the client can't know.
 */
export interface ConnectionFault {
  readonly lose: "request" | "reply";
  /** What the client's bytes must contain. */
  readonly request: Buffer;
  /** What ends the server's reply. */
  readonly replyEnd: Buffer;
  /** Asked for each request that matches: whether this one is hit. */
  readonly isHit: () => boolean;
}

/** The reply of PostgreSQL that a statement outside a transaction, or a COMMIT, is over and the session idle. */
export const postgresIdle: Buffer = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** A prepared statement as PostgreSQL's Bind message names it, behind the name of the portal, which is empty. */
export function postgresBindOf(statement: string): Buffer {
  return Buffer.from(`\0${statement}\0`);
}

/** A statement of the simple protocol: Query, its length, the text. */
export function postgresQueryOf(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + Buffer.byteLength(text) + 1);
  return Buffer.concat([Buffer.from("Q"), length, Buffer.from(`${text}\0`)]);
}

/** How one direction is treated until the next change. */
export interface LinkState {
  /** Bytes vanish, the connection stays: a half-open link. */
  readonly isSilent: boolean;
  readonly delayMs: number;
}

export type LinkStates = Readonly<Record<Direction, LinkState>>;

export const healthyLinks: LinkStates = {
  toServer: { isSilent: false, delayMs: 0 },
  toClient: { isSilent: false, delayMs: 0 },
};
