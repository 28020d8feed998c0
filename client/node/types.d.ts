// The types of both entries of this package.
import type { EventEmitter } from "node:events";

/** An instance as the functions of the local registry show it. Times are Unix milliseconds. */
export interface LocalInstance {
  id: string;
  name: string;
  host: string;
  port: number;
  pid: number | null;
  meta: Record<string, unknown>;
  lastSeen: number;
}

export interface LocalService {
  name: string;
  port: number;
  /** 127.0.0.1 where absent. */
  host?: string;
  /** A process that lives is watched: when it ends, the instance is gone. */
  pid?: number;
  /** Made where absent. */
  id?: string;
  meta?: Record<string, unknown>;
}

export interface DaemonInfo {
  host: string;
  port: number;
  pid: number;
}

export type LocalHeartbeatAnswer =
  | { ok: true; instance: LocalInstance | null }
  | { ok: false; instance: null; error: string };

export type LocalResolveAnswer =
  | { ok: true; instance: LocalInstance }
  | { ok: false; error: "not_found"; instance?: undefined };

export function register(service: LocalService): Promise<{ ok: true; instance: LocalInstance }>;
export function heartbeat(instance: { name: string; id: string }): Promise<LocalHeartbeatAnswer>;
export function resolve(name: string): Promise<LocalResolveAnswer>;
export function list(): Promise<{ ok: true; services: Record<string, Omit<LocalInstance, "name">[]> }>;
export function unregister(
  instance: { name: string; id: string } | { name: string; port: number; host?: string },
): Promise<{ ok: boolean }>;
export function startDaemonIfNeeded(): Promise<DaemonInfo>;
export function discoveryInfo(): Promise<DaemonInfo | null>;

export interface ClientOptions {
  /**
   * Nodes of one registry, each as host:port, https://host[:port] or http://host:port. Where
   * absent, those of ROSTER_ADDRESS, with ROSTER_CA, ROSTER_CERT and ROSTER_KEY; where that is
   * empty, the registry of this machine, which is started if none runs.
   */
  urls?: string[];
  /** Begin with the first of them; otherwise with any, so that clients spread over the nodes. */
  inOrder?: boolean;
  /** The bundle of root certificates that the registry's own is checked against: PEM text, a Buffer, or the path of a file. */
  ca?: string | Buffer | URL;
  /** This client's certificate, in the same forms. Files are read again for every new connection. */
  cert?: string | Buffer | URL;
  /** This client's key, in the same forms. */
  key?: string | Buffer | URL;
  /** Bounds each attempt at one node, in milliseconds; 10,000 where absent. */
  timeout?: number;
}

export function createClient(options?: ClientOptions): Client;

export type Status = "starting" | "up" | "draining" | "out_of_service";
export type Health = "passing" | "failing" | "suspect";

/** An administrator's word on an instance. */
export interface Override {
  /** Counts in place of the instance's own. */
  status?: Status;
  reason: string;
  /** When it ends, in Unix milliseconds. */
  until: number;
}

/** How nodes of the registry look for themselves whether an instance can be reached. */
export interface CheckRequest {
  type: "tcp" | "http" | "grpc";
  /** With http the path, "/" where absent; with grpc the service, the whole server where absent. */
  path?: string;
  /** In milliseconds; 10,000 where absent. */
  interval?: number;
  /** In milliseconds; 2,000 where absent. */
  timeout?: number;
  /** So many failures in a row, and the instance is failing; 3 where absent. */
  failures?: number;
  /** So many passes in a row, and it is passing again; 2 where absent. */
  successes?: number;
  /** mark where absent: a failing instance is listed and not chosen. */
  onFailure?: "mark" | "evict";
}

export type Check = Required<Omit<CheckRequest, "path">> & Pick<CheckRequest, "path">;

/** What the check of an instance found when it last changed what is said of the instance. */
export interface Verdict {
  /** Empty while it passes. */
  why: string;
  /** The node that found it; absent while no node has looked. */
  node?: string;
  /** By the clock of that node. */
  since?: number;
}

/** An instance as the API shows it. Times are Unix milliseconds of the registry's clock. */
export interface Instance {
  serviceName: string;
  instanceId: string;
  address: string;
  port: number;
  protocol?: string;
  version?: string;
  env?: string;
  zone?: string;
  role?: string;
  weight: number;
  tags?: string[];
  metadata?: Record<string, string>;
  /** The owner's; `override.status` counts in its place. */
  status: Status;
  health: Health;
  override?: Override;
  check?: Check;
  /** Comes with `check`. */
  verdict?: Verdict;
  pid?: number;
  /** Granted, in milliseconds. */
  ttl: number;
  registeredAt: number;
  revision: string;
  lastHeartbeat: number;
}

export interface Service {
  serviceName: string;
  port: number;
  /** Made where absent. */
  instanceId?: string;
  /** An IP address or a DNS name; the address that the call comes from where absent. */
  address?: string;
  protocol?: string;
  version?: string;
  env?: string;
  zone?: string;
  role?: string;
  /** 1 to 10,000; 100 where absent. */
  weight?: number;
  tags?: string[];
  metadata?: Record<string, string>;
  status?: Status;
  /** At the registry of this machine that of this process where absent; null for none. */
  pid?: number | null;
  /** Nobody looks whether it can be reached where absent. */
  check?: CheckRequest;
  /** Asked for, in milliseconds. */
  ttl?: number;
}

export interface Change {
  status?: Status;
  weight?: number;
  /** Merged into what is there; null removes a key. */
  metadata?: Record<string, string | null>;
  tags?: string[];
}

/** All that is given must hold. */
export interface Filters {
  version?: string;
  env?: string;
  zone?: string;
  role?: string;
  status?: Status;
  tags?: string[];
  metadata?: Record<string, string>;
}

export interface ReadOptions {
  /** Ask the backend, not the node's view. */
  consistent?: boolean;
  signal?: AbortSignal;
}

export interface RegisterOptions {
  /** Ends the first registration, not what comes after it. What was sent by then may have been made, and runs out by itself. */
  signal?: AbortSignal;
  /** How long the first registration may take, in milliseconds; for ever where absent. */
  timeout?: number;
  /** A listener of "state" from the beginning. */
  onState?: (state: RegistrationState, error?: Error) => void;
}

export interface ServiceSummary {
  serviceName: string;
  instances: number;
  up: number;
  /** Nearly all fail their checks, and the registry chooses among those too. */
  degraded?: boolean;
}

export interface RegistryEvent {
  revision: string;
  time: number;
  type: "put" | "delete";
  serviceName: string;
  instanceId: string;
  reason: string;
  note?: string;
  actor?: string;
  node?: string;
  from?: string;
}

export interface WatchOptions {
  /** At most 64; all that the client may discover where absent. */
  services?: string[];
  filters?: Filters;
  /** The id of the last event that was seen, of an earlier watch. */
  after?: string;
  signal?: AbortSignal;
  /** Do not keep the process alive for it. */
  background?: boolean;
  /** Is told of a connection that failed, and how many milliseconds it is until the next try. */
  onRetry?: (error: RosterError, wait: number) => void;
}

export interface Deleted {
  serviceName: string;
  instanceId: string;
  revision: string;
  /** Why it is gone; "unmatched" if it lives on but left the filter. */
  reason: string;
  note?: string;
  actor?: string;
  node?: string;
}

/** `id` is the position up to which all was seen, for WatchOptions.after. */
export type WatchEvent =
  | { type: "snapshot"; id?: string; first: boolean; snapshot: { part: number; last: boolean; instances: Instance[] } }
  | { type: "put"; id?: string; instance: Instance }
  | { type: "delete"; id?: string; deleted: Deleted }
  | { type: "resync"; id?: undefined };

export interface Watch extends AsyncIterable<WatchEvent> {
  close(): void;
}

export interface Client {
  register(service: Service, options?: RegisterOptions): Promise<Registration>;
  resolver(serviceName: string, options?: ResolverOptions): Resolver;
  watch(options?: WatchOptions): Watch;
  resolve(
    serviceName: string,
    options?: ReadOptions & { strategy?: Strategy | "recent"; key?: string; filters?: Filters },
  ): Promise<Instance>;
  services(options?: ReadOptions): Promise<ServiceSummary[]>;
  list(serviceName: string, options?: ReadOptions & { filters?: Filters; limit?: number; after?: string }): Promise<Instance[]>;
  get(serviceName: string, instanceId: string, options?: ReadOptions): Promise<Instance>;
  events(options?: { service?: string; instance?: string; limit?: number; signal?: AbortSignal }): Promise<RegistryEvent[]>;
  update(
    serviceName: string,
    instanceId: string,
    change: Change,
    options: { token: string; signal?: AbortSignal; told?: number; onTold?: (told: boolean) => void },
  ): Promise<Instance>;
  deregister(serviceName: string, instanceId: string, options: { token: string; reason?: string; signal?: AbortSignal }): Promise<boolean>;
  close(): Promise<void>;
}

export type RegistrationState = "registering" | "registered" | "retrying" | "lost" | "closed";

/** Emits "state" (state, error) and "lost" (error). */
export interface Registration extends EventEmitter {
  readonly serviceName: string;
  readonly instanceId: string;
  /** Granted, in milliseconds. */
  readonly ttl: number;
  readonly state: RegistrationState;
  /** Why it is retrying or lost. */
  readonly error: Error | undefined;
  /** As it was registered or changed last. */
  readonly instance: Instance;
  /** Whether the instance is registered, as far as can be known here. */
  readonly healthy: boolean;
  /** Where it rejects, what is registered again later is as it was. */
  update(change: Change): Promise<Instance>;
  /** Gives whether those who watch were told in time. Rejects where the registry could not be reached in it, and where the registration is over. */
  drain(options?: { timeout?: number }): Promise<boolean>;
  /** Gives whether the registry knows. Never rejects. */
  close(options?: { reason?: string; timeout?: number }): Promise<boolean>;
}

export type Strategy = "round_robin" | "random" | "weighted" | "hash";

export interface ResolverOptions {
  /** round_robin where absent. */
  strategy?: Strategy;
  filters?: Filters;
}

/** Emits "change", and "failed" (error) where it was asked for what there cannot be. */
export interface Resolver extends EventEmitter {
  readonly serviceName: string;
  /** Whether the view is being kept up to date at this moment. */
  readonly connected: boolean;
  /** Why it is not. It tries on. */
  readonly error: Error | undefined;
  /** Whether nearly all instances fail their checks, so that pick() chooses among those too. */
  readonly degraded: boolean;
  /** Waits for the first view. Rejects where the registry refuses it, while the resolver tries on. */
  ready(): Promise<this>;
  pick(key?: string): Instance | undefined;
  instances(): Instance[];
  close(): void;
}

/** What went wrong with a call, told by the registry or, with status 0, by the network. */
export class RosterError extends Error {
  constructor(message: string, details?: object);
  /** Of the API, "closed" for what is closed here; absent for an answer that is not a registry's. */
  readonly code?: string;
  readonly status: number;
  /** With lease_lost: why the instance is gone. */
  readonly reason?: string;
  /** Every field that is not valid. */
  readonly fields: { field: string; message: string }[];
  /** When to come back, in milliseconds; 0: not said. */
  readonly retryAfter: number;
}

export interface Registry {
  register: typeof register;
  heartbeat: typeof heartbeat;
  resolve: typeof resolve;
  list: typeof list;
  unregister: typeof unregister;
  startDaemonIfNeeded: typeof startDaemonIfNeeded;
  discoveryInfo: typeof discoveryInfo;
  createClient: typeof createClient;
  RosterError: typeof RosterError;
}
