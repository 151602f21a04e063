import type { Transport } from "@connectrpc/connect";
import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import type { HttpHandler } from "#rpc/http/exchange.ts";
import type { Service } from "#rpc/service.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createGateway } from "./gateway.ts";

/** The gateway over its peers. `handleHttp` answers everything that is no RPC path. */
export function wireGateway(
  settings: Settings,
  parts: {
    store: Store;
    artifacts: ArtifactStore | null;
    parser: Transport;
    scheduler: Transport;
    executor: Transport;
    executors?: () => Promise<readonly Transport[]>;
    version: string;
    logger: Logger;
  },
): Service & { readonly handleHttp: HttpHandler } {
  const secrets = createSecretSource({ environment: readEnvironment(), ...settings.secrets });
  return createGateway({ ...parts, secrets });
}
