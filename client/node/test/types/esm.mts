// What users of the ES module write, for the compiler alone.
import { readFileSync } from "node:fs";
import registry, { createClient, heartbeat, RosterError, type Instance, type LocalInstance } from "roster-registry";

const { instance } = await registry.register({ name: "auth", port: 3001, pid: process.pid, meta: { routes: ["/login"] } });
const id: string = instance.id;
const beat = await heartbeat({ name: "auth", id });
if (!beat.ok) console.log(beat.error);
const found = await registry.resolve("auth");
if (found.instance) console.log(found.instance.host, found.instance.port);
const all: Record<string, Omit<LocalInstance, "name">[]> = (await registry.list()).services;
console.log(all, (await registry.discoveryInfo())?.port, (await registry.startDaemonIfNeeded()).pid);
await registry.unregister({ name: "auth", port: 3001 });
// @ts-expect-error a port is required
await registry.register({ name: "auth" });
// @ts-expect-error an id or a port must say which
await registry.unregister({ name: "auth" });

const client = createClient({ urls: ["registry:8443"], ca: "certs/ca.crt", cert: readFileSync("a.crt"), key: new URL("file:///a.key") });
const registration = await client.register({ serviceName: "orders", port: 4000 }, { timeout: 1000, onState: (state) => state === "lost" });
registration.on("lost", (err: RosterError) => console.log(err.code, err.reason));
const told: boolean = await registration.drain({ timeout: 1000 });
const resolver = await client.resolver("auth", { strategy: "hash", filters: { zone: "a", tags: ["x"], metadata: { team: "b" } } }).ready();
const one: Instance | undefined = resolver.pick("user-42");
console.log(told, one?.address, resolver.instances().length, await registration.close());
for await (const event of client.watch({ services: ["auth"] })) {
  if (event.type === "delete") console.log(event.deleted.reason);
  if (event.type === "snapshot" && event.snapshot.last) break;
}
// @ts-expect-error a view cannot know who was active last
client.resolver("auth", { strategy: "recent" });
await client.resolve("auth", { strategy: "recent" });
await client.close();
