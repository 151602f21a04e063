import type { Socket } from "node:net";

/** How an HTTP/2 client without TLS opens a connection (RFC 9113, 3.4). */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** No HTTP/1.1 method begins with these. */
const decidingLength = 3;

/**
 * Waits for the first bytes of a connection, puts them back, and calls `serve` with the version that they speak. A
 * connection that stays silent for `timeoutMs`, or fails before, is destroyed.
 */
export function detectVersion(
  socket: Socket,
  options: { timeoutMs: number; serve: (version: "1.1" | "2") => void },
): void {
  const held: Buffer[] = [];
  const onReadable = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    held.push(chunk);
    const bytes = Buffer.concat(held);
    const version = versionOf(bytes);
    if (version === null) return;
    release();
    socket.unshift(bytes);
    options.serve(version);
  };
  const onGiveUp = () => {
    release();
    socket.destroy();
  };
  const release = () => {
    socket.off("readable", onReadable).off("timeout", onGiveUp).off("error", onGiveUp).off("end", onGiveUp);
    socket.setTimeout(0);
  };
  socket.setTimeout(options.timeoutMs);
  socket.on("readable", onReadable).on("timeout", onGiveUp).on("error", onGiveUp).on("end", onGiveUp);
}

/** Null: too few bytes to tell. */
export function versionOf(bytes: Buffer): "1.1" | "2" | null {
  const length = Math.min(bytes.length, decidingLength);
  if (bytes.compare(preface, 0, length, 0, length) !== 0) return "1.1";
  return length === decidingLength ? "2" : null;
}
