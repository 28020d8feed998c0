// What users of the CommonJS module write, for the compiler alone.
import defaults from "roster-registry";
import registry = require("roster-registry");

export async function main(): Promise<void> {
  const { instance } = await registry.register({ name: "auth", port: 3001 });
  await defaults.heartbeat({ name: "auth", id: instance.id });
  const client: registry.Client = registry.createClient();
  const registration: registry.Registration = await client.register({ serviceName: "orders", port: 4000, pid: null });
  const error: Error | undefined = registration.error;
  if (error instanceof registry.RosterError) console.log(error.status);
  await client.close();
}
