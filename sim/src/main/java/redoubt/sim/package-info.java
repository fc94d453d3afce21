/** The other side of the seam in base: time that is stepped, and workers whose steps are run one by one, from a seed. */
package redoubt.sim;
