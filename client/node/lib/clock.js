"use strict";

/**
 * A moment, for since(). It is read from two clocks: the wall's may be set back, and the
 * other stands still while a laptop sleeps.
 */
const moment = () => ({ wall: Date.now(), steady: performance.now() });

/**
 * Milliseconds since a moment, by the clock that saw more of them go by: whoever counts too
 * many renews too early, and whoever counts too few loses a lease or a token.
 */
const since = ({ wall, steady }) => Math.max(Date.now() - wall, performance.now() - steady);

module.exports = { moment, since };
