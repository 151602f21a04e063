/** The names of the webhooks that a definition has, each once. The store knows nothing else of definitions' content. */
export function webhookNames(definition: unknown): readonly string[] {
  if (typeof definition !== "object" || definition === null || !("webhooks" in definition)) return [];
  const { webhooks } = definition;
  if (!Array.isArray(webhooks)) return [];
  const names = webhooks.flatMap((webhook: unknown) => {
    const has = typeof webhook === "object" && webhook !== null && "name" in webhook;
    return has && typeof webhook.name === "string" ? [webhook.name] : [];
  });
  return [...new Set(names)].toSorted();
}
