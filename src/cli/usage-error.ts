/** The command was called in a wrong way: it exits with 2. */
export class UsageError extends Error {}
