#!/usr/bin/env node
// The command dllmemfilemap. What a command does is in src/commands and src/samples, and loaded when it is called.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { isClosedPipe, note, print, printError } from './commands/output.js';
import { UsageError } from './commands/usage-error.js';

const FAILED = 1;
const WRONG_USAGE = 2;

const { description, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const program = new Command('dllmemfilemap')
  .description(description)
  .version(version)
  .exitOverride()
  .helpCommand(false) // which answers an unknown command with all of the help
  .configureOutput({ writeOut: (text) => void print(text), outputError: note })
  .addHelpText('after', '\nExit codes: 0 fine, 1 it failed, 2 wrong usage.');

const JSON_OPTION = ['--json', 'print JSON'] as const;

program
  .command('set')
  .description('write the shared text')
  .argument('<text>', 'at most 2047 characters; "-" for stdin, in UTF-8, without the line end after it')
  .option('--hold', 'stay until Ctrl+C or SIGTERM, and keep the memory')
  .action(async (text, options) => (await import('./commands/set.js')).set(text, options));

program
  .command('get')
  .description('print the shared text')
  .option(...JSON_OPTION)
  .action(async (options) => (await import('./commands/get.js')).get(options));

program
  .command('hold')
  .description('keep the shared memory until Ctrl+C or SIGTERM')
  .option(...JSON_OPTION)
  .action(async (options) => (await import('./commands/hold.js')).hold(options));

program
  .command('watch')
  .description('print the shared text each time that it changes, and keep the memory meanwhile')
  .option('--interval <ms>', 'how often to look', milliseconds, 100)
  .option('--json', 'print a line of JSON each time')
  .action(async (options) => (await import('./commands/watch.js')).watch(options));

program
  .command('dump')
  .description('print the memory of a section in hex and text, as xxd does')
  .argument('[name]', 'of any section (default: the shared memory, "dllmemfilemap")')
  .option('--offset <bytes>', 'where to begin', bytes, 0)
  .option('--length <bytes>', 'how much to print (default: all)', bytes)
  .option('--follow', 'print it again each time that it changes, and mark what has changed')
  .option('--interval <ms>', 'with --follow: how often to look', milliseconds, 100)
  .option(...JSON_OPTION)
  .action(async (name, options) => (await import('./commands/dump.js')).dump(name, options));

program
  .command('doctor')
  .description('say what is loaded from where, who holds what, what does not work, and what to do')
  .option(...JSON_OPTION)
  .action(async (options) => {
    const isWell = await (await import('./commands/doctor.js')).doctor({ ...options, version });
    if (!isWell) process.exitCode = FAILED;
  });

program
  .command('parent')
  .description('the documented program: write a text, and start a program that reads it')
  .argument('[command]', 'the program and its arguments, as one argument')
  .action(async (command) => (await import('./samples/parent.js')).parent(command));

program
  .command('child')
  .description('the documented program: print the shared text')
  .action(async () => (await import('./samples/child.js')).child());

program
  .command('first-process')
  .description('the documented program: put a message into named shared memory, and keep it until a key is pressed')
  .action(async () => (await import('./samples/first-process.js')).firstProcess());

program
  .command('second-process')
  .description('the documented program: show the message of first-process')
  .action(async () => (await import('./samples/second-process.js')).secondProcess());

program
  .command('help')
  .description('print the help for a command')
  .argument('[command]')
  .action((name?: string) => {
    const command = name === undefined ? program : program.commands.find((command) => command.name() === name);
    if (command === undefined) return program.error(`error: unknown command '${name}'`);
    command.outputHelp();
  });

function milliseconds(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 2 ** 31 - 1) return value;
  throw new InvalidArgumentError('It must be a whole number of milliseconds, from 1 to 2147483647.');
}

function bytes(text: string): number {
  const value = /^(\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number of bytes, in decimal or behind 0x in hexadecimal.');
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Which has already said what is wrong, or printed the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  } else if (!isClosedPipe(error)) {
    printError(error);
    process.exitCode = error instanceof UsageError ? WRONG_USAGE : FAILED;
  }
}
