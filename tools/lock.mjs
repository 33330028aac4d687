/** `npm run lock`: after a manifest has changed, writes pnpm-lock.yaml anew, as every other command wants it to match, and installs. */
import { openly, pnpm } from "./bootstrap.mjs";

process.exit(openly(...pnpm("install", "--no-frozen-lockfile")));
