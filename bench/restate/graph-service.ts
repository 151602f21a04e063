import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { pathToFileURL } from "node:url";

type Handler<Input> = (context: Context, input: Input) => Promise<number>;

interface Context {
  serviceClient(service: unknown): { run(input: number): PromiseLike<number> };
}

/** What is used of the SDK, which is no dependency of ours. */
interface Sdk {
  service(definition: { name: string; handlers: Readonly<Record<string, Handler<never>>> }): unknown;
  createEndpointHandler(options: {
    readonly services: readonly unknown[];
    readonly logger: () => void;
  }): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
  readonly RestatePromise: { all(promises: readonly PromiseLike<number>[]): Promise<readonly number[]> };
}

/** Serves the two services for a Restate server, and tells its port to the process that forked it. */
async function serveGraph(sdkModule: string): Promise<void> {
  const sdk = (await import(pathToFileURL(sdkModule).href)) as Sdk;
  /** A task that does nothing. */
  const step = sdk.service({ name: "step", handlers: { run: (_: Context, place: number) => Promise.resolve(place) } });
  /** Each task is a durable call of its own; a layer's calls are out at once and all awaited before the next layer. */
  const run: Handler<readonly number[]> = async (context, layers) => {
    for (const width of layers) {
      const calls = Array.from({ length: width }, (_, place) => context.serviceClient(step).run(place));
      await sdk.RestatePromise.all(calls);
    }
    return layers.length;
  };
  const graph = sdk.service({ name: "graph", handlers: { run } });
  const handler = sdk.createEndpointHandler({ services: [step, graph], logger: () => undefined });
  const server = createServer(handler).listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.({ port: typeof address === "object" ? address?.port : null });
  });
}

await serveGraph(process.argv[2] ?? "");
