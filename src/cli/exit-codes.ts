// What the commands exit with, beside 0 and what a command that they run exits with.

/** It failed. Also what `lock --try` says of a mutex that is taken, as `flock --nonblock` does. */
export const FAILED = 1;
export const WRONG_USAGE = 2;

// As timeout(1) has them.
export const TIMED_OUT = 124;
export const NOT_LOCKED = 125;
export const NOT_STARTED = 126;
export const NOT_FOUND = 127;
/** The number of the signal that ended the command is added to it. */
export const SIGNALLED = 128;
