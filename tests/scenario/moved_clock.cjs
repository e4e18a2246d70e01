// Loaded into Azurite before it starts: its time runs ahead by as many milliseconds as a file says.
"use strict";
const { readFileSync } = require("node:fs");

const Real = Date;
const now = () => Real.now() + Number(readFileSync(process.env.MOVED_CLOCK, "utf8"));

global.Date = class extends Real {
  constructor(...given) {
    super(...(given.length > 0 ? given : [now()]));
  }

  static now() {
    return now();
  }
};
