import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

export interface MailSink {
  /** Address of an SMTP server that takes every mail. */
  readonly address: string;
  /** What it was sent, one text each: envelope, headers and body. */
  readonly mails: readonly string[];
  close(): void;
}

/** A mail server on loopback that keeps what it is sent. */
export async function startMailSink(): Promise<MailSink> {
  const mails: string[] = [];
  const server = createServer((socket) => {
    let envelope: string[] = [];
    let lines: string[] | null = null;
    let rest = "";
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const take = (line: string): void => {
      if (lines !== null) {
        if (line !== ".") return void lines.push(line);
        mails.push([...envelope, ...lines].join("\n"));
        envelope = [];
        lines = null;
        return say("250 taken");
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "MAIL" || verb === "RCPT") envelope.push(line);
      if (verb === "DATA") lines = [];
      say(verb === "DATA" ? "354 go on" : verb === "QUIT" ? "221 bye" : "250 well");
    };
    say("220 sink");
    socket.on("error", () => undefined);
    socket.on("data", (piece) => {
      const parts = (rest + piece.toString()).split("\r\n");
      rest = parts.pop() ?? "";
      for (const line of parts) take(line);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { address: `smtp://127.0.0.1:${port}?from=millrace@example.com`, mails, close: () => void server.close() };
}
