/** `npm run lock`: writes pnpm-lock.yaml anew after a manifest has changed, as every other command wants it to match. */
import { openly, pnpm } from "./bootstrap.mjs";

process.exit(openly(...pnpm("install", "--lockfile-only")));
