// flags.mjs is how Chromium is started: without a sandbox of its own, since tests
// run as root, and without anything that speaks to its maker.
export const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
