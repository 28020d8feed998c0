import registry from "./index.js";

export const {
  register, heartbeat, resolve, list, unregister, startDaemonIfNeeded, discoveryInfo, createClient, RosterError,
} = registry;

export default registry.default;
