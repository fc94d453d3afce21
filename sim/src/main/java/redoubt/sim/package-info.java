/**
 * The other side of the seam in base: time that is stepped, and workers whose steps are run one by one, from a seed. And {@link redoubt.sim.Mutant}:
 * a room with a mistake put in, to see whether its tests find it.
 */
package redoubt.sim;
