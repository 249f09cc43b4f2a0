import { defineConfig } from "vite";

// Nothing inline: the page's Content-Security-Policy allows scripts and styles from its own origin only.
export default defineConfig({
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/connection": { target: "ws://127.0.0.1:8000", ws: true } } },
});
