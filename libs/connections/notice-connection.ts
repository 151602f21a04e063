export interface SmtpConnection {
  readonly kind: "smtp";
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Encrypted from the first byte; otherwise as soon as the server offers it. */
  readonly secure: boolean;
  /** Empty: nobody logs in. */
  readonly user: string;
  readonly password: string;
  /** The sender where a mail names none; may be empty. */
  readonly from: string;
}

export interface SlackConnection {
  readonly kind: "slack";
  readonly name: string;
  /** Of an incoming webhook: who knows it may post. */
  readonly url: string;
}
