#!/usr/bin/env node
// The command dllmemfilemap. Each subcommand is in a file of its own, which is loaded when it is called.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { FAILED, WRONG_USAGE } from './exit-codes.js';
import { isClosedPipe, note, print, printError } from './output.js';
import { UsageError } from './usage-error.js';

const { description, version, peerDependencies } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

const HELP = `
A section is memory that has a name. Every process that opens the name shares the memory,
which ends with the last of them. The shared text is in the section "dllmemfilemap".

The documented programs are Microsoft's samples:
  Using Shared Memory in a Dynamic-Link Library (parent, child)
    https://learn.microsoft.com/windows/win32/dlls/using-shared-memory-in-a-dynamic-link-library
  Creating Named Shared Memory (first-process, second-process)
    https://learn.microsoft.com/windows/win32/memory/creating-named-shared-memory

Examples:
  dllmemfilemap set --hold "This is a test string"   write the text, and keep it until Ctrl+C
  dllmemfilemap dump --follow "Local\\Scores"         print a section each time that it changes

Exit codes: 0 fine, 1 it failed, 2 wrong usage. Those of lock and wait are in their help.`;

const LOCK_HELP = `
It says so if the mutex was abandoned: its last owner ended without releasing it. SIGTERM goes to the command, and
outside a terminal, where it would come twice, so do SIGINT, SIGQUIT and SIGHUP. SIGKILL does not: the command goes
on then, and the next one to acquire the mutex is told that it was abandoned.

Exit codes: the command's own, or
  1      with --try: another process has the mutex
  2      wrong usage
  124    the time is over
  125    the mutex cannot be acquired for another reason
  126    the command cannot be run
  127    there is no such command
  128+n  signal n has ended the command

Example: dllmemfilemap lock --timeout 5000 Local\\ScoresLock -- node update.js`;

const CLIENT = ['@nats-io/transport-node', '@nats-io/jetstream'].map((name) => `${name}@${peerDependencies[name]}`);

const MIRROR_HELP = `
It needs the client of NATS: npm install ${CLIENT.join(' ')}
The latest write wins. A section without --size is waited for until a process here or another machine has it.

Example: dllmemfilemap mirror nats://10.0.0.1:4222`;

const program = new Command('dllmemfilemap')
  .description(description)
  .version(version)
  .exitOverride()
  .helpCommand(false) // it answers an unknown command with all of the help
  .configureOutput({ writeOut: (text) => void print(text), outputError: note })
  .addHelpText('after', HELP);

const JSON_OPTION = ['--json', 'print JSON'] as const;

program
  .command('set')
  .description('write the shared text')
  .argument('<text>', 'at most 2047 characters; "-" for stdin, in UTF-8, without its last line end')
  .option('--hold', 'stay until Ctrl+C or SIGTERM, and keep the memory')
  .addHelpText('after', '\nA text that begins with a hyphen: dllmemfilemap set -- -x')
  .action(async (text, options) => (await import('./set.js')).set(text, options));

program
  .command('get')
  .description('print the shared text')
  .option(...JSON_OPTION)
  .action(async (options) => (await import('./get.js')).get(options));

program
  .command('hold')
  .description('keep the shared memory until Ctrl+C or SIGTERM')
  .option(...JSON_OPTION)
  .action(async (options) => (await import('./hold.js')).hold(options));

program
  .command('watch')
  .description('print the shared text each time that it changes, and keep the memory meanwhile')
  .option('--interval <ms>', 'how often to look', milliseconds, 100)
  .option('--json', 'print a line of JSON each time')
  .action(async (options) => (await import('./watch.js')).watch(options));

program
  .command('mirror')
  .description(
    'keep the shared text or sections, and mirror them to other machines through a server of NATS with JetStream',
  )
  .argument('<url>', 'nats://host:4222, or tls://host:4222 to require TLS; more servers after commas')
  .argument('[name...]', 'the sections, such as Local\\Scores (default: the shared text)')
  .option('--group <name>', 'what is mirrored together (default: "default")')
  .option('--interval <ms>', 'how often to look at a section; the shared text is announced', milliseconds, 1)
  .addOption(new Option('--read-only', 'never write to the server').conflicts('writeOnly'))
  .option('--write-only', 'never write to the memory of this machine')
  .addOption(
    new Option('--prefer <side>', 'whose value wins at the start').choices(['engine', 'local']).default('engine'),
  )
  .option('--size <bytes>', 'create the sections that do not exist, with this size', bytes)
  .option(
    '--version-words <offsets>',
    "where the writer's version words are, such as 0,4: only whole updates are sent",
    offsets,
  )
  .option('--replicas <n>', 'on how many servers of a cluster the values are (default: 1)', servers)
  .addOption(
    new Option('--storage <kind>', 'where the server keeps them (default: "file")').choices(['file', 'memory']),
  )
  .option('--ttl <ms>', 'how long the memory outlives a last mirror that has crashed (default: 10000)', milliseconds)
  .option('--user <name>', 'the user, with --password-file')
  .option('--password-file <file>', 'a file with the password')
  .option('--creds <file>', 'a file with a JWT and its seed')
  .option('--nkey <file>', 'a file with the seed of an nkey')
  .option('--tls-ca <file>', "the authority that has signed the server's certificate, as PEM")
  .option('--tls-cert <file>', "the client's certificate, with --tls-key")
  .option('--tls-key <file>', 'its key')
  .option('--json', 'print a line of JSON for each event')
  .addHelpText('after', MIRROR_HELP)
  .action(async (url, names, options) => (await import('./mirror.js')).mirror(url, names, options));

program
  .command('dump')
  .description('print the memory of a section (memory with a name) in hex and text, as xxd does')
  .argument('[name]', 'the section, such as Local\\Scores (default: the shared memory, "dllmemfilemap")')
  .option('--offset <bytes>', 'where to begin', bytes, 0)
  .option('--length <bytes>', 'how much to print (default: all)', bytes)
  .option('--struct <file>', 'print the fields of a struct, which a module exports, by their names')
  .option('--follow', 'wait for the section, print it each time that it changes, and mark the changes')
  .option('--interval <ms>', 'with --follow: how often to look', milliseconds, 100)
  .option(...JSON_OPTION)
  .action(async (name, options) => (await import('./dump.js')).dump(name, options));

program
  .command('lock')
  .description('run a command while a named mutex is held, and exit as it does')
  .argument('<name>', 'the mutex, such as Local\\ScoresLock; it is made if no process has it')
  .argument('<command...>', 'the program and its arguments, after "--"')
  .option('--timeout <ms>', 'how long to wait for the mutex (default: for ever)', milliseconds)
  .addOption(new Option('--try', 'do not wait for the mutex').conflicts('timeout'))
  .addHelpText('after', LOCK_HELP)
  .action(async (name, command, options) => {
    process.exitCode = await (await import('./lock.js')).lock(name, command, options);
  });

program
  .command('wait')
  .description('wait until a named event is signalled')
  .argument('<name>', 'the event, such as Local\\ScoresChanged, which some process has open')
  .option('--timeout <ms>', 'how long to wait (default: for ever)', milliseconds)
  .addHelpText(
    'after',
    '\nExit codes: 0 signalled, 1 it failed or no process has the event, 2 wrong usage, 124 the time is over.',
  )
  .action(async (name, options) => {
    process.exitCode = await (await import('./wait.js')).wait(name, options);
  });

program
  .command('signal')
  .description('set a named event')
  .argument('<name>', 'the event, such as Local\\ScoresChanged, which some process has open')
  .action(async (name) => (await import('./signal.js')).signal(name));

program
  .command('list')
  .description(
    'print kind, size, name and, on Linux, processes of the named objects that you may open (not on Windows)',
  )
  .option(...JSON_OPTION)
  .action(async (options) => (await import('./list.js')).list(options));

program
  .command('doctor')
  .description('say what is loaded from where, whether the shared memory is held, what does not work, and what to do')
  .option(...JSON_OPTION)
  .action(async (options) => {
    const isWell = await (await import('./doctor.js')).doctor({ ...options, version });
    if (!isWell) process.exitCode = FAILED;
  });

program
  .command('parent')
  .description('the documented program: write a text, and start a program that reads it')
  .argument('[command]', 'the program and its arguments, as one argument')
  .addHelpText(
    'after',
    '\nExample: dllmemfilemap parent "dllmemfilemap child"\nOn Windows: dllmemfilemap parent "dllmemfilemap.cmd child"',
  )
  .action(async (command) => (await import('../samples/parent.js')).parent(command));

program
  .command('child')
  .description('the documented program: print the shared text')
  .action(async () => (await import('../samples/child.js')).child());

program
  .command('first-process')
  .description('the documented program: put a message into named shared memory, and keep it until a key is pressed')
  .action(async () => (await import('../samples/first-process.js')).firstProcess());

program
  .command('second-process')
  .description('the documented program: show the message of first-process')
  .action(async () => (await import('../samples/second-process.js')).secondProcess());

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

function offsets(text: string): number[] {
  return text.split(',').map(bytes);
}

function bytes(text: string): number {
  return wholeNumber('bytes', text);
}

function servers(text: string): number {
  return wholeNumber('servers', text);
}

function wholeNumber(unit: string, text: string): number {
  const value = /^(\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError(`It must be a whole number of ${unit}, in decimal, or in hexadecimal after 0x.`);
}

try {
  // Told, as commander else takes Electron that runs as Node for an Electron application.
  await program.parseAsync(process.argv, { from: 'node' });
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has already said what is wrong, or printed the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  } else if (!isClosedPipe(error)) {
    printError(error);
    process.exitCode = error instanceof UsageError ? WRONG_USAGE : FAILED;
  }
}
