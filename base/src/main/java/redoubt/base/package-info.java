/** Words, units and the seam to the machine: what every other room may use, and which uses none of them. */
package redoubt.base;
