/** A path that makes a run of each signed request. Expressions are bare. */
export interface WebhookDefinition {
  readonly name: string;
  /** The name of the secret that requests are signed with. */
  readonly secret: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Null: each request makes a run. */
  readonly when: string | null;
  /** Null: the time of the request. */
  readonly logicalDate: string | null;
}
