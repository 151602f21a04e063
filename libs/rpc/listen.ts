import { once } from "node:events";
import type { Server } from "node:net";
import { AppError } from "#errors/app-error.ts";
import { findPortHolder } from "./port-holder.ts";

/** Listens, or throws what the user can act on: `PORT_IN_USE` or `INVALID_CONFIG`. */
export async function listen(server: Server, place: { host: string; port: number }): Promise<void> {
  server.listen(place);
  try {
    await once(server, "listening");
  } catch (thrown) {
    throw await explain(thrown as NodeJS.ErrnoException, place);
  }
}

async function explain(cause: NodeJS.ErrnoException, place: { host: string; port: number }): Promise<AppError> {
  const { host, port } = place;
  if (cause.code === "EADDRINUSE") {
    const holder = await findPortHolder(port);
    const by = holder === null ? "" : ` by process ${holder.pid} (${holder.command})`;
    const message = `port ${port} of ${host} is in use${by}; stop that program or choose another port with --port`;
    return new AppError("PORT_IN_USE", message, { cause, details: { host, port, holder } });
  }
  const why = cause.code === "EACCES" ? "needs a privilege that this process lacks" : "can't be listened on";
  const message = `port ${port} of ${host} ${why} (${cause.code ?? cause.message}); choose others with --host and --port`;
  return new AppError("INVALID_CONFIG", message, { cause, details: { host, port } });
}
