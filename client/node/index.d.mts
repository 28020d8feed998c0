import type { Registry } from "./types.js";

export * from "./types.js";
declare const registry: Registry;
export default registry;
