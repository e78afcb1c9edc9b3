import { ConexxusSyncError } from '../../src/base/errors.ts';

/** A Redis or Postgres that a demo, a test run or a benchmark uses, all of them on loopback but the given ones. */
export interface Service {
  readonly url: string;
  readonly port: number;
  readonly source: 'environment' | 'binary' | 'package' | 'embedded';
  /** One line for people: what it is and where it came from. Holds no password. */
  readonly description: string;
  /** Ends it and removes its folder. One that was given by the environment is left alone. */
  stop(): Promise<void>;
}

/** A server of our own, which can be taken down and brought back with its data at the same port. */
export interface PrivateServer extends Service {
  /** Of the running server process; undefined while it is down. */
  readonly pid: number | undefined;
  /** Takes it down and keeps its folder: `fast` in good order, `immediate` as a crash would. */
  halt(mode: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
}

/** Tells a person what is being done on their machine. */
export type Say = (line: string) => void;

/** Hears why a server ended that nobody stopped. */
export type OnEnded = (error: ServiceEndedError) => void;

/** No way to a service on this machine; the message says what to install. */
export class ServiceNotFoundError extends ConexxusSyncError {
  readonly code = 'SERVICE_NOT_FOUND';
}

/** A server was found and did not come up; the message holds the end of its log. */
export class ServiceStartError extends ConexxusSyncError {
  readonly code = 'SERVICE_START_FAILED';
}

/** A server of ours ended by itself; the message holds the end of its log. */
export class ServiceEndedError extends ConexxusSyncError {
  readonly code = 'SERVICE_ENDED';
}

/** A service whose address was given, after `answers` has shown that something is there. */
export async function givenService(
  kind: 'Redis' | 'Postgres',
  variable: string,
  url: string,
  answers: (url: string) => Promise<void>,
): Promise<Service> {
  const { hostname, port } = parseAddress(variable, url);
  try {
    await answers(url);
  } catch (error) {
    const address = port === '' ? hostname : `${hostname}:${port}`;
    throw new ServiceStartError(`${variable} is set, but no ${kind} answers at ${address}.`, {
      cause: error,
    });
  }
  return {
    url,
    port: Number(port) || (kind === 'Redis' ? 6379 : 5432),
    source: 'environment',
    description: `${kind} at ${hostname}, given by ${variable}`,
    stop: async () => {},
  };
}

function parseAddress(variable: string, url: string): URL {
  try {
    return new URL(url);
  } catch {
    // No cause: the error of URL repeats the address, and with it the password.
    throw new ServiceStartError(`${variable} is not a URL.`);
  }
}
