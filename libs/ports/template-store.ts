/** One template of a content. */
export interface TemplateKey {
  readonly name: string;
  readonly version: string;
}

/** What a file, or a push, holds: all of it is stored or nothing. */
export interface TemplateContent {
  /** The file's path in the folder of definitions; null: it was pushed. */
  readonly filePath: string | null;
  /** SHA-256 of the content, hex. */
  readonly fileHash: string;
  readonly text: string;
  readonly templates: readonly (TemplateKey & {
    /** Stands for what the template says. */
    readonly hash: string;
    readonly docs: string;
  })[];
}

/** A version that something else than this content holds, which stays. */
export interface TakenTemplate extends TemplateKey {
  /** Null: it was pushed. */
  readonly filePath: string | null;
}

export interface StoredTemplate extends TemplateKey {
  readonly filePath: string | null;
  readonly fileHash: string;
  readonly hash: string;
  readonly docs: string;
  /** The file has errors now: nothing can be made from it until they are gone. */
  readonly isBroken: boolean;
  readonly publishedAt: number;
}

/** What a DAG was made from. */
export interface TemplateInstance {
  readonly dagId: string;
  readonly instanceName: string;
  readonly template: TemplateKey;
  /** The versions that the instance admits. */
  readonly range: string;
  /** The id that the instance names itself; null: the template's. */
  readonly givenId: string | null;
  /** Null: it was made by a call. */
  readonly filePath: string | null;
  /** Of the instance's own content. */
  readonly fileHash: string;
  /** Of the version in force, which changes with the templates too. */
  readonly versionHash: string;
  readonly parameters: unknown;
  /** Every template behind it, itself included, as `name@version`. */
  readonly uses: readonly string[];
}

/** Templates, and which DAGs were made from them. */
export interface TemplateStore {
  /** Stores what a content holds; a file's other templates go. Nothing is written when one of them is taken. */
  put(content: TemplateContent): Promise<readonly TakenTemplate[]>;
  /** Keeps the file's templates as they are known, and nothing is made from them. */
  markBroken(filePath: string): Promise<void>;
  withdrawFile(filePath: string): Promise<void>;
  /** Forgets a pushed template; false: there is none. */
  withdraw(key: TemplateKey): Promise<boolean>;
  /** By name, newest versions not first: versions are text here. */
  list(): Promise<readonly StoredTemplate[]>;
  /** The content that holds the template. */
  readText(key: TemplateKey): Promise<string | null>;
  /** Notes what a DAG was made from. */
  recordInstance(instance: TemplateInstance): Promise<void>;
  /** The DAGs are no instances any more. */
  forgetInstances(dagIds: readonly string[]): Promise<void>;
  /** Of DAGs in force, by id. */
  listInstances(): Promise<readonly TemplateInstance[]>;
}
