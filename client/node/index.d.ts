import type { Registry } from "./types";

export * from "./types";
declare const registry: Registry;
export default registry;
