import { startTestServer } from "./test-server.ts";
import { serverVariable } from "./template-database.ts";

/**
 * One database server for a whole test run, in the environment of the workers that start later. Every project of
 * the configuration calls this; the first one starts it.
 */
export async function setup(): Promise<() => Promise<void>> {
  if (process.env[serverVariable] !== undefined) return async () => undefined;
  const server = await startTestServer();
  process.env[serverVariable] = server.connectionString;
  return async () => {
    delete process.env[serverVariable];
    await server.stop();
  };
}
