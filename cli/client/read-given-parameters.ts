import type { JsonObject } from "@bufbuild/protobuf";
import { type DeclaredParameters, parseParameterFlags } from "../parameter-flags.ts";
import type { GatewayClient } from "./gateway-client.ts";

/** `-p name=value` flags, read by the types that the server's definition declares. */
export async function readGivenParameters(
  gateway: GatewayClient,
  dagId: string,
  flags: readonly string[],
): Promise<JsonObject> {
  if (flags.length === 0) return {};
  const { dag } = await gateway.dags.getDag({ dagId });
  const declared = (dag?.parameters ?? {}) as unknown as DeclaredParameters;
  return parseParameterFlags(flags, declared) as JsonObject;
}
