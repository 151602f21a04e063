import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface WebRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebSink {
  readonly url: string;
  /** What it was sent. */
  readonly requests: readonly WebRequest[];
  close(): void;
}

/**
 * A server on loopback that keeps what it is sent. `/status/418` answers with that status, `/to/PATH` redirects to the
 * path, `/count` counts its first two requests; anything else is answered with what was sent, as JSON.
 */
export async function startWebSink(): Promise<WebSink> {
  const requests: WebRequest[] = [];
  const countOf = (path: string): number => requests.filter(({ url }) => url === path).length;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      requests.push({ method, url, headers, body });
      const [, kind, rest = ""] = /^\/(status|to)\/(.*)$/.exec(url) ?? [];
      if (kind === "to") return void response.writeHead(302, { location: `/${rest}` }).end();
      response.writeHead(kind === "status" ? Number(rest) : 200, { "content-type": "application/json" });
      if (url === "/count")
        return void response.end(JSON.stringify({ count: Math.min(countOf(url), 2), at: Date.now() }));
      response.end(JSON.stringify({ status: "well", method, url, authorization: headers.authorization ?? null, body }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests, close: () => server.close().closeAllConnections() };
}
