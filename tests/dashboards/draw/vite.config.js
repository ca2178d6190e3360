import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Grafana's packages ask for two versions of the router; the bridge between them has both.
const router = {
  name: "router",
  enforce: "pre",
  resolveId(source, importer) {
    const isScenes = source === "react-router-dom" && importer?.includes("@grafana/scenes");
    return isScenes ? this.resolve("react-router-dom-v5-compat", importer) : null;
  },
};

export default defineConfig({
  base: "./",
  plugins: [router, react()],
  build: {
    chunkSizeWarningLimit: 20000,
    // Scenes tries what later versions of the packages beside it have, and does without.
    rollupOptions: { input: ["index.html", "variables.html"], shimMissingExports: true },
  },
});
