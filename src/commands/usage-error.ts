/** The command was called in a wrong way: it exits with 2. */
export class UsageError extends Error {}

/** Makes a call whose arguments are the user's own: that they are refused is wrong usage. */
export function withUserInput<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
