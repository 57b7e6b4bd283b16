// Loaded by each process of the service before anything else (node --import): its clock is the true one plus what a file says, which the test
// writes. Timers follow the true clock, as they do when a host's clock is set.
import fs from 'node:fs';

const file = process.env['CLOCK_FILE'];
const trueNow = Date.now;
let byMs = 0;

if (file !== undefined) {
  const look = () => {
    try {
      byMs = Number(fs.readFileSync(file, 'utf8')) || 0;
    } catch {
      byMs = 0; // the test is over
    }
  };
  look();
  setInterval(look, 20).unref();
  Date.now = () => trueNow() + byMs;
}
