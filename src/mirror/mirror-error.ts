/**
 * What went wrong with a mirror: `'ERR_MIRROR_'` and one of
 *
 * | | |
 * | --- | --- |
 * | `CLIENT_MISSING` | the client of NATS is not installed |
 * | `NO_SERVER` | no server answers |
 * | `TLS` | the connection cannot be secured |
 * | `REFUSED` | the server refuses the user, or what the user wants to do |
 * | `TOO_OLD` | the server is older than 2.9 |
 * | `NO_JETSTREAM` | the server, or the user's account, has no JetStream |
 * | `OTHER_OPTIONS` | the group's stream exists, with other options |
 * | `TOO_LARGE` | a section is larger than 64 MiB, or a message larger than the server allows |
 * | `OTHER_SIZE` | the section has another size on another machine |
 * | `STORE` | the server could not do what it was asked for |
 *
 * @group Mirror
 * @example
 * ```ts
 * import { MirrorError, type MirrorErrorCode, mirror } from 'dllmemfilemap/mirror';
 *
 * const mayPass: readonly MirrorErrorCode[] = ['ERR_MIRROR_NO_SERVER', 'ERR_MIRROR_STORE'];
 * const error: unknown = await mirror('nats://127.0.0.1:9').catch((error) => error);
 * error instanceof MirrorError && mayPass.includes(error.code); // true
 * ```
 */
export type MirrorErrorCode = `ERR_MIRROR_${
  | 'CLIENT_MISSING'
  | 'NO_SERVER'
  | 'TLS'
  | 'REFUSED'
  | 'TOO_OLD'
  | 'NO_JETSTREAM'
  | 'OTHER_OPTIONS'
  | 'TOO_LARGE'
  | 'OTHER_SIZE'
  | 'STORE'}`;

/**
 * A mirror cannot do its work. The message is one line that says what failed, why, and what to do; no secret is in it.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { MirrorError, mirror } from 'dllmemfilemap/mirror';
 *
 * try {
 *   await mirror('nats://127.0.0.1:9');
 * } catch (error) {
 *   if (!(error instanceof MirrorError)) throw error;
 *   error.code; // 'ERR_MIRROR_NO_SERVER'
 * }
 * ```
 */
export class MirrorError extends Error {
  /** Which of the errors it is. */
  readonly code: MirrorErrorCode;

  /** @internal */
  constructor(code: MirrorErrorCode, message: string, cause?: unknown) {
    super(message.replaceAll(/\s+/g, ' '), cause === undefined ? undefined : { cause });
    this.name = 'MirrorError';
    this.code = code;
  }
}

/**
 * What an unknown error says.
 *
 * @internal
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
