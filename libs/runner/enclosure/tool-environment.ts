/** Variables that tell an engine's program where the engine, its settings and its registries are. */
const toolNames: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "TMPDIR",
  "DBUS_SESSION_BUS_ADDRESS",
  "REGISTRY_AUTH_FILE",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
]);
const toolPrefixes: readonly string[] = ["XDG_", "DOCKER_", "CONTAINER_", "CONTAINERS_"];

/** What the calls of a container engine get of the host's variables. */
export function toolEnvironment(host: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const selected: Record<string, string> = {};
  for (const [name, value] of Object.entries(host)) {
    const isWanted = toolNames.has(name.toUpperCase()) || toolPrefixes.some((prefix) => name.startsWith(prefix));
    if (value !== undefined && isWanted) selected[name] = value;
  }
  return selected;
}
