import type { Redis } from 'ioredis';

/** A command as Redis carried it out, those inside scripts included. */
interface SeenCommand {
  /** ms, Redis clock, with fractions. */
  readonly at: number;
  readonly name: string;
  readonly args: readonly string[];
}

export interface RedisMonitor {
  /** In the order of Redis. */
  readonly seen: readonly SeenCommand[];
  stop(): void;
}

/** Watches all that Redis does and keeps what `wanted` picks. */
export async function monitorRedis(
  redis: Redis,
  wanted: (name: string, args: readonly string[]) => boolean,
): Promise<RedisMonitor> {
  const seen: SeenCommand[] = [];
  // On RESP3 this driver takes what a monitor hears for answers to commands it never sent.
  const connection = redis.duplicate({ protocol: 2 });
  const monitor = await connection.monitor();
  monitor.on('monitor', (time: string, [name = '', ...args]: string[]) => {
    const command = { at: Number(time) * 1_000, name: name.toLowerCase(), args };
    if (wanted(command.name, args)) seen.push(command);
  });
  return {
    seen,
    stop: () => {
      monitor.disconnect();
      connection.disconnect();
    },
  };
}
