import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The build must be the same octets everywhere: CI compares it with the committed dist.
export default defineConfig({
  plugins: [svelte()],
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // nothing inline, so that the page works under `default-src 'self'`
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dev` serves the source and takes the API of a gateway that runs beside it (`farhook demo`).
  server: { proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true, changeOrigin: true, rewriteWsOrigin: true } } },
  test: { include: ["src/**/*.test.ts"], testTimeout: 60_000 }, // a busy machine fails nothing
});
