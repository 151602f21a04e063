import { connect, type Socket } from "node:net";

/** The longest time until a mail server takes the connection, in milliseconds. */
const connectMs = 10_000;

/**
 * Connects to a mail server. The signal destroys the socket also later: the mail library itself would go on with a mail that
 * nobody waits for any more. Rejects with what the system says.
 */
export function connectToMailServer(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // A socket whose signal has aborted before connects all the same.
    signal.throwIfAborted();
    const socket = connect({ host, port, signal });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    socket.once("close", () => clearTimeout(timer));
    socket.once("error", reject);
    socket.once("connect", () => {
      clearTimeout(timer);
      // Whoever uses it has listeners of their own; this one is for what comes after them.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}
